"""The interfaces between the daemon and the world. Adapters implement them; `edge.testing` fakes them.

Whatever happens out there is told by `Post`ing an event; that is the only way in, and it may be
called from any thread.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from edge.core.chain import Call, Heard, Mark, Request, Sound, Used
from edge.core.effects import Ears, Tone
from edge.core.events import Event
from edge.core.indicator import Sight
from edge.core.reports import Problem

Post = Callable[[Event], None]
Clock = Callable[[], float]
Fields = dict[str, object]


class Microphone(Protocol):
    """Ears: the front end that turns the device's sound into events."""

    def set_ears(self, mode: Ears, since: float) -> None:
        """Change what is done with the frames; LISTEN begins with the audio of time `since`."""

    def set_patience(self, silence_s: float) -> None:
        """How long a silence ends the person's speech, from now on, also for the silence that has begun."""

    def close_mic(self, closed: bool) -> None:
        """Mute: close the device and wipe what it has recorded; or open it again."""

    def stats(self) -> Fields:
        """Counters and levels: device, rate, overruns, lost frames, level in dBFS."""


class Speaker(Protocol):
    """Plays the reply of one turn at a time."""

    volume: int  # percent

    def prepare(self) -> None:
        """There will be something to play: have the output open by then, which takes a while."""

    def play(self, turn: int, pcm: bytes, rate: int) -> None:
        """Queue mono int16 audio. Posts PlayoutStarted when the first sample sounds."""

    def finish(self, turn: int) -> None:
        """No more will come: post PlayoutEnded when the last sample has sounded."""

    def stop(self, turn: int) -> int:
        """Fade out, drop what is queued; returns the milliseconds of this turn that were heard."""

    def duck(self, on: bool) -> None:
        """Lower the volume by 12 dB or bring it back."""

    def stats(self) -> Fields:
        """Counters: device, rate, underruns, samples played."""


class Sounds(Protocol):
    """Short sounds over whatever the speaker plays: no part of a reply, nor of what was heard of one."""

    def play(self, sound: Tone | Problem) -> None:
        """Sound a chime, or say a recorded sentence, in place of one that still sounds."""

    def ring(self, turn: int, number: int) -> None:
        """Queue the tune of a timer at the speaker as the sound of this turn, the how many-th."""

    def hush(self) -> None:
        """Fade out what sounds."""


class Agent(Protocol):
    """An engine behind one vocabulary. Audio in is 16 kHz mono int16; answers are events.

    Calls return at once; work goes on in the engine's own tasks or processes. An engine posts
    AgentReady / AgentLost as it comes and goes (what was sent of an open turn before AgentLost, it
    sends again itself), and for each turn TranscriptHeard, ReplyText,
    ReplyAudio, ToolCalled and, exactly once unless interrupted, ReplyEnded. One that finds the end of a turn
    itself says so with AgentReady, and posts VoiceHeard and TurnEnded; any other may post TurnSeems after `eager_end`.
    """

    @property
    def name(self) -> str:
        """Of the engine, as in engine.use."""

    async def open(self) -> None:
        """Start getting ready; does not wait for it."""

    async def close(self) -> None:
        """Stop everything, within a second. Idempotent."""

    def connect(self) -> None:
        """Somebody is waiting: get ready now."""

    def audio(self, turn: int, pcm: bytes) -> None:
        """The next audio of a turn."""

    def hold(self, turn: int) -> None:
        """The button is held: only `end_of_turn` ends this turn, whatever the engine itself hears."""

    def eager_end(self, turn: int) -> None:
        """The turn may be over: start to work on it, with no effect that can be noticed."""

    def turn_resumed(self, turn: int) -> None:
        """It was not over."""

    def end_of_turn(self, turn: int) -> None:
        """It is over: answer."""

    def drop_turn(self, turn: int) -> None:
        """Forget it: nobody spoke."""

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """Stop the reply; the person has heard this much of it, or `goes_on` with the question."""

    def tool_result(self, turn: int, call: str, result: Fields) -> None:
        """What a ToolCalled came to."""

    def text(self, turn: int, text: str) -> None:
        """A typed turn."""

    def say(self, turn: int, text: str) -> None:
        """Speak this text as it stands; not part of the conversation."""

    def forget(self) -> None:
        """Clear the conversation's history."""

    def stats(self) -> Fields:
        """State, models, memory, restarts."""


class Stage(Protocol):
    """A part of the chained engine: one service that hears, thinks or speaks.

    Making one touches no network and imports nothing heavy. Its work is an asynchronous generator. It raises
    StageFailed, and nothing else, when it cannot go on; closing it or cancelling its task tells the service to stop
    within a few milliseconds. Several may run at once. It has a limit for connecting and for a line that has died;
    whether silence is a stall is judged by whoever waits.
    """

    @property
    def name(self) -> str:
        """As in the configuration."""

    def prepare(self) -> None:
        """A turn has begun: get ready what can be (a connection), in the background; failing is silent."""

    async def close(self) -> None:
        """Close what is kept open, within a second. Idempotent; it may be used again."""


class Transcriber(Stage, Protocol):
    """Speech to text."""

    ends_turns: bool  # it finds the end of the turn itself: OVER may come before the audio ends

    def hear(self, audio: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        """What is said in one turn's audio (16 kHz mono int16; the iterator's end is the end of the turn).

        Always ends with one OVER, "" when nothing was said. Answers PAUSED with EAGER as soon as it can, unless it
        has an opinion of its own about the end (`ends_turns`).
        """


class Mind(Stage, Protocol):
    """A language model."""

    def think(self, request: Request) -> AsyncGenerator[str | Call | Used]:
        """The reply in pieces of text as they come, and the tools it wants run; its end is the end of the reply."""


class Voice(Stage, Protocol):
    """Text to speech."""

    @property
    def rate(self) -> int:
        """Of its sound, in Hz."""

    def speak(self, text: AsyncIterator[str]) -> AsyncGenerator[Sound | Used]:
        """One reply, given in clauses and sentences as they are made; each is spoken without waiting for the next."""


class Tools(Protocol):
    """What the engine can have done."""

    async def run(self, name: str, arguments: Fields) -> Fields:
        """Never raises: a failure is a result with an `error`."""

    def cancellable(self, name: str) -> bool:
        """Whether this tool may be cancelled in the middle when nobody waits for its result any more."""


class Watcher(Protocol):
    """Somebody who sees what is published: panel, terminal, control socket, journal."""

    def published(self, event: str, fields: Fields) -> None:
        """Called in the loop; must not block."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a panel has of the device. `sight` and `turn_up` are for the loop; the others for any thread."""

    post: Post
    publish: Callable[[str, Fields], None]  # in the loop
    sight: Callable[[], Sight]
    shut: Callable[[], bool]  # whether the gate of the microphone is shut
    level: Callable[[], float]  # of the microphone, in dBFS
    turn_up: Callable[[int], object]  # the volume, by so many percent; negative is down


@runtime_checkable
class Panel(Watcher, Protocol):
    """Buttons, switch and light."""

    def attach(self, desk: Desk) -> list[Event]:
        """Begin, in the loop; returns what must be known before the microphone is opened. Raises nothing."""

    def detach(self) -> None:
        """End: the light goes out, the pins are free. Idempotent."""


class Host(Protocol):
    """The service manager."""

    def ready(self) -> None:
        """A turn could be held now."""

    def stopping(self) -> None:
        """The daemon is about to end."""
