"""A device without hardware, for tests: real front end, core and playout, a clock that is stepped.

    async with SimulatedDevice(ScriptedAgent([Reply("hello", "Hello yourself.")])) as device:
        device.press()
        await device.hear("hello.wav")          # faster than real time
        await device.until("speaking")
        await device.run(0.3)
        device.press()                          # interrupt
        assert device.agent.interrupted == [(1, device.heard_ms)]

Everything of the real device runs except threads and sound cards; an engine of your own can be tested
by passing it instead of ScriptedAgent.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from edge.audio.convert import Samples
from edge.audio.files import BLOCK_S, FileSink, FileSource, load
from edge.audio.frontend import FrontEnd
from edge.audio.microphone import Sessions
from edge.audio.sounds import Sounds
from edge.audio.speaker import QueueSpeaker
from edge.config import Config
from edge.core.conversation import Conversation, State
from edge.core.effects import Ears
from edge.core.events import (
    AgentLost,
    AgentReady,
    ButtonDown,
    ButtonUp,
    Event,
    MicFound,
    MicLost,
    ReplyAudio,
    ReplyEnded,
    ReplyText,
    ToolCalled,
    TranscriptHeard,
)
from edge.core.gestures import Gestures
from edge.daemon import Daemon, Ports
from edge.fitting import conversation_settings, front_end, with_words
from edge.ports import Agent, Fields, Post, Tools
from edge.tools.registry import Registry, Tool

TONE_RATE = 24_000
REAL_WAIT_S = 0.002


@dataclass(frozen=True, slots=True)
class Reply:
    """What the scripted engine makes of one turn: `heard` "" means that there were no words."""

    heard: str
    text: str = "Yes."
    seconds: float = 1.0
    tool: tuple[str, Fields] | None = None
    outcome: str = "done"
    end: bool = True  # False: goes on speaking until the test ends it


class ScriptedAgent:
    """An engine that follows a script and notes everything it is told. Drop it with `lose`."""

    name = "scripted"

    def __init__(self, script: Iterable[Reply] = (), *, ready: bool = True, judges: bool = False) -> None:
        self.script = list(script)
        self.post: Post = lambda _event: None
        self.calls: list[tuple[str, int]] = []
        self.heard: defaultdict[int, bytearray] = defaultdict(bytearray)
        self.interrupted: list[tuple[int, int]] = []
        self.results: list[Fields] = []
        self._ready, self._judges = ready, judges

    async def open(self) -> None:
        """See ports.Agent."""
        self.connect()

    async def close(self) -> None:
        """See ports.Agent."""

    def connect(self) -> None:
        """See ports.Agent."""
        if self._ready:
            self.post(AgentReady(judges=self._judges))

    def come(self) -> None:
        """Become ready (again)."""
        self._ready = True
        self.connect()

    def lose(self, message: str = "the line is dead", *, retryable: bool = True) -> None:
        """Drop the connection."""
        self._ready = False
        self.post(AgentLost(message, retryable))

    def audio(self, turn: int, pcm: bytes) -> None:
        """See ports.Agent."""
        self.heard[turn] += pcm

    def hold(self, turn: int) -> None:
        """See ports.Agent."""
        self.calls.append(("hold", turn))

    def eager_end(self, turn: int) -> None:
        """See ports.Agent."""
        self.calls.append(("eager_end", turn))

    def turn_resumed(self, turn: int) -> None:
        """See ports.Agent."""
        self.calls.append(("turn_resumed", turn))

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self.calls.append(("end_of_turn", turn))
        reply = self.script.pop(0) if self.script else Reply("")
        if not reply.heard:
            self.post(ReplyEnded(turn, "nothing_heard"))
            return
        self.post(TranscriptHeard(turn, reply.heard, final=True))
        if reply.tool is not None:
            self.post(ToolCalled(turn, f"call-{turn}", *reply.tool))
        self._reply(turn, reply)

    def _reply(self, turn: int, reply: Reply) -> None:
        self.post(ReplyText(turn, reply.text))
        if reply.seconds:
            self.post(ReplyAudio(turn, tone(reply.seconds), TONE_RATE))
        if reply.end:
            self.post(ReplyEnded(turn, reply.outcome))

    def drop_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self.calls.append(("drop_turn", turn))

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:  # noqa: ARG002
        """See ports.Agent."""
        self.interrupted.append((turn, heard_ms))

    def tool_result(self, turn: int, call: str, result: Fields) -> None:  # noqa: ARG002
        """See ports.Agent."""
        self.results.append(result)

    def text(self, turn: int, text: str) -> None:  # noqa: ARG002
        """See ports.Agent."""
        self._reply(turn, self.script.pop(0) if self.script else Reply("", "Yes."))

    def say(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._reply(turn, Reply("", text))

    def forget(self) -> None:
        """See ports.Agent."""
        self.calls.append(("forget", 0))

    def stats(self) -> Fields:
        """See ports.Agent."""
        return {"engine": self.name}


def tone(seconds: float, hertz: float = 440.0, rate: int = TONE_RATE) -> bytes:
    """A sine at -12 dBFS, mono int16."""
    t = np.arange(round(seconds * rate)) / rate
    return (8192 * np.sin(2 * np.pi * hertz * t)).astype(np.int16).tobytes()


@dataclass(slots=True)
class _Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class _Ear:
    """The Microphone port without threads."""

    def __init__(self, front: FrontEnd, sessions: Sessions, source: FileSource) -> None:
        self._front, self._sessions, self._source = front, sessions, source
        self.closed = False

    def set_ears(self, mode: Ears, since: float) -> None:
        self._sessions.current += 1
        self._front.set_ears(self._sessions.current, mode, since)

    def set_patience(self, silence_s: float) -> None:
        self._front.set_patience(silence_s)

    def close_mic(self, closed: bool) -> None:
        self.closed, self._source.gate = closed, not closed
        if closed:
            self._source.ring.wipe()
        else:  # as the keeper does: a device opened anew, with a ring of its own
            self._source.open()
            self._front.attach(self._source.ring, self._source.form, None)

    def stats(self) -> Fields:
        return {"level_db": self._front.level, "lost_frames": self._front.lost}


class _Tools:
    """The Tools port over plain functions."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._registry = Registry(tools)

    async def run(self, name: str, arguments: Fields) -> Fields:
        return await self._registry.run_within(name, arguments, datetime.now().astimezone())

    def cancellable(self, name: str) -> bool:
        return self._registry.cancellable(name)


class _Host:
    def __init__(self) -> None:
        self.told: list[str] = []

    def ready(self) -> None:
        self.told.append("ready")

    def stopping(self) -> None:
        self.told.append("stopping")


@dataclass(slots=True)
class Published:
    """A watcher that keeps what was published."""

    events: list[tuple[str, Fields]] = field(default_factory=list)

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        self.events.append((event, dict(fields)))

    def of(self, event: str) -> list[Fields]:
        """Every occurrence of one event."""
        return [fields for name, fields in self.events if name == event]


class SimulatedDevice:
    """The device of the example above. `output` writes what the speaker plays to a WAV file."""

    def __init__(
        self,
        agent: Agent | None = None,
        config: Config | None = None,
        *,
        tools: Iterable[Tool] = (),
        output: Path | None = None,
    ) -> None:
        self.config = config or Config()
        self.clock = _Clock()
        self.agent = agent or ScriptedAgent()
        self.watcher, self.host = Published(), _Host()
        self._tools: Tools = _Tools(tools)
        self._output = output
        self._source = FileSource([], "simulated", paced=False)

    async def __aenter__(self) -> Self:
        self.speaker = QueueSpeaker(self._post, self.clock, self.config.audio.volume)
        sounds = Sounds(self.speaker, self.config.device.language, self.config.sounds.volume)
        sessions = Sessions(self._post, lambda call: call())
        front = front_end(self.config, sessions, self.speaker, lambda load: load())
        self.front = with_words(self.config, front, self._post)
        self.ear = _Ear(self.front, sessions, self._source)
        self.sink = FileSink(self.speaker, self._output, self.clock, paced=False)
        ports = Ports(self.ear, self.speaker, self.agent, self._tools, self.host, [self.watcher], sounds)
        conversation = Conversation(conversation_settings(self.config, wakes=self.front.wakes))
        self.daemon = Daemon(conversation, Gestures(), ports, self.clock, own_timer=False)
        if isinstance(self.agent, ScriptedAgent):
            self.agent.post = self._post
        self._source.open()
        self.sink.open()
        self.front.attach(self._source.ring, self._source.form, None)
        await self.agent.open()
        if self.front.wakes:
            self.plug()
        await self.run(1.0)  # a second of silence, so that there is a pre-roll and a noise floor
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.agent.close()
        self.sink.finish()
        self.daemon.stop()
        await self.daemon.run()

    # --- what a person does -------------------------------------------------------------------------

    def press(self) -> None:
        """Tap the button."""
        self._post(ButtonDown())
        self._post(ButtonUp())

    def button(self, *, down: bool) -> None:
        """Move the button."""
        self._post(ButtonDown() if down else ButtonUp())

    async def hear(self, sound: Path | str | Samples, *, then: float = 0.0) -> None:
        """Play a recording to the microphone, to its end, and `then` so many seconds of silence."""
        samples = sound if isinstance(sound, np.ndarray) else load(Path(sound))
        await self.run(0)
        self._source.append(samples)
        self._source.cue()
        while self._source.playing:
            await self.run(BLOCK_S)
        await self.run(then)

    def unplug(self, message: str = "The microphone has stopped.") -> None:
        """Lose the microphone."""
        self._post(MicLost(message))

    def plug(self) -> None:
        """Get it back."""
        self._post(MicFound())

    # --- time ---------------------------------------------------------------------------------------

    async def run(self, seconds: float) -> None:
        """Let this much time pass, as fast as it can be worked through."""
        await self._settle()
        for _ in range(round(seconds / BLOCK_S)):
            await self._step()

    async def until(self, state: str, limit: float = 60.0) -> None:
        """Run until the conversation is in this state; an engine that works in real time is waited for."""
        await self.run_until(lambda: self.state == State(state), limit)

    async def run_until(self, done: Callable[[], bool], limit: float = 60.0) -> None:
        """Run until something is so; raises TimeoutError after `limit` seconds of the device's time."""
        end = self.clock.now + limit
        await self._settle()
        while not done():
            if self.clock.now > end:
                raise TimeoutError(f"still {self.state} after {limit} s")
            before = time.monotonic()
            await self._step()
            if self._engine_works():
                await asyncio.sleep(max(REAL_WAIT_S, BLOCK_S - (time.monotonic() - before)))

    def _engine_works(self) -> bool:
        """Whether a real engine is at work now, which takes real time."""
        talk = self.daemon.conversation
        answering = self.state in {State.THINKING, State.CONNECTING, State.SPEAKING}
        unfinished = answering and talk.turn is not None and not talk.turn.outcome
        return not isinstance(self.agent, ScriptedAgent) and (unfinished or not talk.ready)

    async def _step(self) -> None:
        self.clock.now += BLOCK_S
        self._source.step(self.clock.now)
        self.front.work()
        self.sink.step(self.clock.now)
        self.speaker.tick()
        self.daemon.tick()
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(4):  # an event, its effects, the events these lead to, and their effects
            await asyncio.sleep(0)

    def _post(self, event: Event) -> None:
        self.daemon.post(event)

    # --- what can be seen ---------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The conversation's state."""
        return self.daemon.conversation.state

    @property
    def said(self) -> str:
        """All text of all replies."""
        return "".join(str(fields["text"]) for fields in self.watcher.of("reply_transcript"))

    @property
    def understood(self) -> list[str]:
        """The person's turns as the engine understood them."""
        return [str(fields["text"]) for fields in self.watcher.of("user_transcript") if fields["final"]]

    @property
    def problems(self) -> list[str]:
        """Everything that was reported as an error."""
        return [str(fields["message"]) for fields in self.watcher.of("error")]
