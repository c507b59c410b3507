"""The front end: ring -> 16 kHz frames -> voice activity -> events. The audio thread's work.

A plain object without a thread of its own: the audio thread, or a test stepping through a recording,
calls `work`. The loop calls only `set_ears`, which leaves a command for the next `work`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np

from edge.audio.convert import FRAME, Format, Samples, ToCore, level_db, mix
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.audio.vad import Vad
from edge.core.barge_in import BargeIn, Verdict
from edge.core.effects import Ears
from edge.core.events import BargedIn, Event, MicAudio, SpeechStarted
from edge.core.speech import FRAME_S, Endpointer

BATCH = 2  # frames handed over at once: 20 ms halves the loop's wake-ups and costs 10 ms on average
IDLE_LOOK_S = 0.25  # how often the room's level is looked at when nobody talks

Deliver = Callable[[int, Event], None]


class FrontEnd:
    """`deliver(session, event)` is called for every event; a new session starts with each `set_ears`."""

    def __init__(self, deliver: Deliver, speaker: QueueSpeaker, endpointer: Endpointer, barge_in: BargeIn) -> None:
        self._deliver = deliver
        self._speaker = speaker
        self._endpointer, self._barge_in = endpointer, barge_in
        self._vad = Vad()
        self._commands: deque[Callable[[], None]] = deque()
        self._ring: Ring | None = None
        self._form = Format(16_000, 1)
        self._channel: int | None = None
        self._convert = ToCore(self._form)
        self._mode, self._session = Ears.OFF, 0
        self._position = 0
        self._rest = np.zeros(0, np.int16)
        self._batch: list[bytes] = []
        self._heard_at: float | None = None
        self.level = -96.0
        self.lost = 0

    def attach(self, ring: Ring, form: Format, channel: int | None) -> None:
        """Take the frames of a freshly opened device. Called by whoever opened it."""
        self._commands.append(partial(self._attach, ring, form, channel))

    def set_ears(self, session: int, mode: Ears, since: float) -> None:
        """Leave a command for the audio thread. Called by the loop."""
        self._commands.append(partial(self._obey, session, mode, since))

    @property
    def active(self) -> bool:
        """Whether frames have to be worked on as they come."""
        return self._mode is not Ears.OFF or bool(self._commands)

    def work(self) -> bool:
        """Obey commands, then process what is in the ring; returns whether there was anything."""
        while self._commands:
            self._commands.popleft()()
        if self._ring is None:
            return False
        if self._mode is Ears.OFF:
            self._look(self._ring)
            return False
        return self._process(self._ring)

    # --- commands ---------------------------------------------------------------------------------

    def _attach(self, ring: Ring, form: Format, channel: int | None) -> None:
        self._ring, self._form, self._channel = ring, form, channel
        self._seek(ring.oldest())

    def _obey(self, session: int, mode: Ears, since: float) -> None:
        was, self._mode, self._session = self._mode, mode, session
        self._batch.clear()
        self._speaker.duck(False)  # whoever ducked it is no longer listened to
        if self._ring is None or mode is Ears.OFF:
            return
        if mode is Ears.LISTEN:
            self._seek(self._ring.position_at(since))
            self._endpointer.reset()
        elif was is Ears.OFF:
            self._seek(self._ring.written)
        if mode is Ears.GUARD:
            self._barge_in.reset()
        if mode is Ears.WATCH and self._endpointer.speaking and self._heard_at is not None:
            self._deliver(session, SpeechStarted(self._heard_at))  # it began before the loop told us to watch

    def _seek(self, position: int) -> None:
        self._position = position
        self._convert = ToCore(self._form, self._channel)
        self._rest = np.zeros(0, np.int16)

    # --- frames -----------------------------------------------------------------------------------

    def _look(self, ring: Ring) -> None:
        """At rest: only follow the room's level, so that the first word of a turn is judged rightly."""
        raw, _ = ring.read(ring.written - ring.rate // 50, ring.rate // 50)
        self.level = level_db(mix(raw, self._form, self._channel))
        if len(raw):
            self._endpointer.floor.update(self.level, round(IDLE_LOOK_S / FRAME_S))

    def _process(self, ring: Ring) -> bool:
        raw, lost = ring.read(self._position, ring.rate // 2)
        self.lost += lost
        self._position += lost + len(raw)
        if not len(raw):
            return False
        samples = np.concatenate([self._rest, self._convert(raw)])
        whole = len(samples) // FRAME * FRAME
        self._rest = samples[whole:]
        end = ring.time_of(self._position) - len(self._rest) / 16_000
        for start in range(0, whole, FRAME):
            self._frame(samples[start : start + FRAME], end - (whole - start - FRAME) / 16_000)
        return True

    def _frame(self, frame: Samples, at: float) -> None:
        self.level = level_db(frame)
        voiced = self._vad(frame)
        if self._mode is Ears.GUARD:
            self._guard(voiced and self._endpointer.stands_out(self.level), at)
            return
        event = self._endpointer.process(voiced, self.level, at)
        if isinstance(event, SpeechStarted):
            self._heard_at = event.onset
        if self._mode is Ears.LISTEN:
            self._hand_over(frame, event)
        elif isinstance(event, SpeechStarted):
            self._deliver(self._session, event)

    def _hand_over(self, frame: Samples, event: Event | None) -> None:
        """Audio first, so that an event about a frame never overtakes the frame."""
        self._batch.append(frame.tobytes())
        if event is not None or len(self._batch) >= BATCH:
            self._deliver(self._session, MicAudio(b"".join(self._batch)))
            self._batch.clear()
        if event is not None:
            self._deliver(self._session, event)

    def _guard(self, voiced: bool, at: float) -> None:
        verdict = self._barge_in.process(voiced, at)
        if verdict is Verdict.DUCK:
            self._speaker.duck(True)
        elif verdict is Verdict.RESUME:
            self._speaker.duck(False)
        elif verdict is Verdict.STOP:
            self._speaker.stop_all()
            self._deliver(self._session, BargedIn(self._barge_in.onset))
            self._barge_in.reset()
