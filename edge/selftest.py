"""A turn without a person: a recorded question at the microphone's place, the answer through the loudspeaker unheard.

It tells more than a look at states does: frames come from the card, the front end finds speech and its end, an engine
answers, and the card takes the reply's sound. An update is kept only if it passes (`edge-voice selftest`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.audio import adpcm
from edge.audio.convert import CORE_RATE, Samples
from edge.audio.frontend import FrontEnd
from edge.audio.speaker import QueueSpeaker
from edge.core.events import ForgetAsked, Pressed
from edge.core.table import State
from edge.daemon import Daemon
from edge.errors import UsageError
from edge.ports import Fields

QUESTION = Path(__file__).parent / "data" / "rehearsal.wav"
LEAD_S = 0.3  # of silence before it, as somebody takes a breath after the press
ANSWER_S = 30.0  # until the answer sounds: the offline engine's models may have to be loaded first
END_S = 20.0  # for the reply to end, which is not waited for beyond this


class Recording:
    """Stands in for the microphone's frames, as fast as those come."""

    def __init__(self, samples: Samples) -> None:
        self._samples, self._at = samples, 0

    def __call__(self, count: int) -> Samples:
        """The next `count` samples; silence when it is over."""
        piece = self._samples[self._at : self._at + count]
        self._at += count
        return np.concatenate([piece, np.zeros(count - len(piece), np.int16)])

    @property
    def begun(self) -> bool:
        """Whether the card has brought any frames."""
        return self._at > 0


@dataclass(slots=True)
class SelfTest:
    """A watcher, and the command `selftest`: it answers at once, and publishes an event of this name at the end."""

    daemon: Daemon
    front: FrontEnd
    speaker: QueueSpeaker
    _seen: dict[str, Fields] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if self._task is not None:
            self._seen[event] = fields
            self._news.set()

    def start(self) -> Fields:
        """Raises UsageError when a turn is under way, or none could be held."""
        talk = self.daemon.conversation
        if talk.muted:
            raise UsageError("The microphone is muted, so no turn can be tried.")
        if self._task is not None or talk.state is not State.IDLE:
            raise UsageError("Somebody is using the device; the self-test waits for nobody and disturbs nobody.")
        if not self.daemon.can_hold_a_turn:
            raise UsageError("No turn can be held now, so none can be tried: see edge-voice status.")
        self._seen = {}
        self._task = asyncio.ensure_future(self._run())
        return {"limit_s": ANSWER_S + END_S}

    async def close(self) -> None:
        """End it. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        clip = adpcm.read(QUESTION)
        assert clip.rate == CORE_RATE
        recording = Recording(np.concatenate([np.zeros(round(LEAD_S * CORE_RATE), np.int16), clip.decode()]))
        self.front.stand_in, self.speaker.unheard = recording, True
        try:
            self.daemon.post(Pressed())
            answered = await self._until(lambda: "turn" in self._seen or self._is_over(), ANSWER_S)
            result = self._result(recording, answered=answered and "turn" in self._seen)
            await self._until(self._is_over, END_S)
        finally:
            self.front.stand_in, self.speaker.unheard = None, False
        self.daemon.post(ForgetAsked())  # the engine should not come back to it
        self._task = None
        self.daemon.publish("selftest", result)

    def _is_over(self) -> bool:
        return self.daemon.conversation.state is State.IDLE and "state" in self._seen

    async def _until(self, done: Callable[[], bool], limit_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while not done():
                    self._news.clear()
                    await self._news.wait()
        return done()

    def _result(self, recording: Recording, *, answered: bool) -> Fields:
        heard = self._seen.get("user_transcript", {}).get("text")
        missing = [
            what
            for what, there in (
                ("the microphone brings no frames", recording.begun),
                ("what was said was not understood", bool(heard)),
                ("no answer has sounded", answered),
            )
            if not there
        ]
        why = str(self._seen.get("error", {}).get("message", "")) or (missing[0] if missing else "")
        return {
            "ok": answered, "why": "" if answered else why, "engine": self.daemon.ports.agent.name,
            "microphone": recording.begun, "understood": bool(heard), "speaker": answered,
            "latency_ms": self._seen.get("turn", {}).get("latency_ms", {}),
        }  # fmt: skip
