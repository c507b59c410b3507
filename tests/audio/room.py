"""A front end in a room where recordings are played, on a stepped clock and without threads."""

from __future__ import annotations

import numpy as np

from edge.audio.convert import Format
from edge.audio.far import FarEnd
from edge.audio.frontend import FrontEnd
from edge.audio.guard import Guard
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.core.effects import Ears
from edge.core.events import Event, MicAudio
from edge.core.near_end import NearEnd, NearEndSettings
from edge.core.speech import Endpointer
from tests.signals import Int16

BLOCK = 320  # 20 ms, as the sound card gives it
START = 50.0


class Room:
    """`play` lets time pass; `told` is (time, session, event) of everything delivered."""

    def __init__(self, barge_in: str = "button", form: Format | None = None) -> None:
        self.now = START
        self.told: list[tuple[float, int, Event]] = []
        self.speaker = QueueSpeaker(lambda _: None, lambda: self.now)
        endpointer, guard = Endpointer(), None
        near_end = NearEnd(NearEndSettings(mode=barge_in), endpointer.floor)
        if near_end.by_voice:
            self.speaker.far = FarEnd()
            guard = Guard(near_end, self.speaker.far, aside=lambda load: load())
        self.front = FrontEnd(self._deliver, self.speaker, endpointer, guard)
        self.form = form or Format(16_000, 1)
        self.ring = Ring(self.form.rate, self.form.frame_bytes, 10.0)
        self.front.attach(self.ring, self.form, None)
        self.front.work()
        self.session = 0

    def _deliver(self, session: int, event: Event) -> None:
        self.told.append((self.now, session, event))

    def ears(self, mode: Ears, since: float | None = None) -> int:
        self.session += 1
        self.front.set_ears(self.session, mode, self.now if since is None else since)
        return self.session

    def play(self, samples: Int16, *, work: bool = True) -> None:
        """Every frame of a multichannel device carries the same sample."""
        block = BLOCK * self.form.rate // 16_000
        for at in range(0, len(samples), block):
            part = samples[at : at + block]
            self.now += len(part) / self.form.rate
            self.ring.write(np.repeat(part, self.form.channels).tobytes(), self.now)
            if work:
                self.front.work()

    def quiet(self, seconds: float) -> None:
        self.play(np.zeros(round(seconds * self.form.rate), np.int16))

    def audio(self, session: int | None = None) -> Int16:
        """What was handed over in a session."""
        wanted = self.session if session is None else session
        pcm = [e.pcm for _, s, e in self.told if s == wanted and isinstance(e, MicAudio)]
        return np.frombuffer(b"".join(pcm), np.int16)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for _, _, event in self.told if isinstance(event, kind)]
