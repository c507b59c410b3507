"""Where speech begins and ends in what a client sends: this project's own detector and end-pointing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.audio.convert import FRAME, level_db
from edge.audio.vad import Vad
from edge.core import events as ev
from edge.core.speech import Endpointer, SpeechSettings
from edge.relay.voice.own.problems import Json
from edge.relay.voice.own.settings import SILENCE_MS

FRAME_BYTES, FRAME_MS = 2 * FRAME, 10
EAGER_FRAMES, LEAST_WAIT = 20, 5  # of silence before the engine may begin to work; from there to the end at least


@dataclass(frozen=True, slots=True)
class Change:
    """`at_ms` counts all audio written to the buffer."""

    what: Literal["started", "paused", "resumed", "stopped"]
    at_ms: int


class Detector:
    """`feed` takes 16 kHz int16. `at_ms` is how much had been written before."""

    def __init__(self, detection: Json, at_ms: int) -> None:
        semantic = detection["type"] == "semantic_vad"
        silence = SILENCE_MS[detection["eagerness"]] if semantic else detection["silence_duration_ms"]
        self.prefix_ms = int(detection.get("prefix_padding_ms", 300))
        frames = max(round(silence / FRAME_MS), LEAST_WAIT + 2)
        settings = SpeechSettings(
            end_frames=frames, eager_frames=min(EAGER_FRAMES, frames - LEAST_WAIT),
            least_db=-70 + 30 * float(detection.get("threshold", 0.5)),
        )  # fmt: skip
        self._endpointer = Endpointer(settings)
        self._vad = Vad()
        self._rest = b""
        self._frames = 0
        self._from_ms = at_ms

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks now."""
        return self._endpointer.speaking

    def feed(self, pcm: bytes) -> Iterator[Change]:
        """What the audio changes."""
        self._rest += pcm
        while len(self._rest) >= FRAME_BYTES:
            frame, self._rest = np.frombuffer(self._rest[:FRAME_BYTES], np.int16), self._rest[FRAME_BYTES:]
            self._frames += 1
            event = self._endpointer.process(self._vad(frame), level_db(frame), self._frames * FRAME_MS / 1000)
            if event is not None:
                yield self._change(event)

    def _change(self, event: ev.Event) -> Change:
        now = self._from_ms + self._frames * FRAME_MS
        if isinstance(event, ev.SpeechStarted):
            onset = self._from_ms + round(event.onset * 1000)
            return Change("started", max(self._from_ms, onset - self.prefix_ms))
        if isinstance(event, ev.SpeechPaused):
            return Change("paused", now)
        return Change("resumed" if isinstance(event, ev.SpeechResumed) else "stopped", now)
