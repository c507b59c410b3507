"""The input audio buffer with its clock, and the voice detector over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tests.fakes.realtime.config import Settings
from tests.fakes.realtime.script import BYTES_PER_MS

FRAME_MS = 20
FRAME = FRAME_MS * BYTES_PER_MS
LEAST_MS = 100  # a commit of less is refused


@dataclass(frozen=True)
class Turn:
    """The detector's finding; `at_ms` is on the clock of all audio written to the buffer."""

    what: Literal["started", "stopped"]
    at_ms: int


class Detector:
    """Energy against a level that grows with the threshold: 0.5 is -45 dB of full scale."""

    def __init__(self, detection: dict[str, Any], settings: Settings, at_ms: int) -> None:
        self._level = -60 + 30 * detection.get("threshold", 0.5)
        self._prefix_ms = detection.get("prefix_padding_ms", 300)
        semantic = detection["type"] == "semantic_vad"
        self._silence_ms = (
            settings.semantic_ms[detection["eagerness"]] if semantic else detection["silence_duration_ms"]
        )
        self._onset_ms = settings.vad_onset_ms
        self._rest = b""
        self._at_ms = self._earliest_ms = at_ms
        self._loud_ms = self._quiet_ms = 0
        self.speaking = False

    def feed(self, pcm: bytes) -> Iterator[Turn]:
        """What the audio changes."""
        self._rest += pcm
        while len(self._rest) >= FRAME:
            frame, self._rest = self._rest[:FRAME], self._rest[FRAME:]
            self._at_ms += FRAME_MS
            yield from self._frame(self._loud(frame))

    def _loud(self, frame: bytes) -> bool:
        samples = np.frombuffer(frame, "<i2").astype(np.float64) / 32768
        return bool(10 * np.log10(np.mean(samples**2) + 1e-12) > self._level)

    def _frame(self, loud: bool) -> Iterator[Turn]:
        self._loud_ms = self._loud_ms + FRAME_MS if loud else 0
        self._quiet_ms = 0 if loud else self._quiet_ms + FRAME_MS
        if not self.speaking and self._loud_ms >= self._onset_ms:
            self.speaking = True
            yield Turn("started", max(self._earliest_ms, self._at_ms - self._loud_ms - self._prefix_ms))
        elif self.speaking and self._quiet_ms >= self._silence_ms:
            self.speaking = False
            self._earliest_ms = self._at_ms
            yield Turn("stopped", self._at_ms)


class Buffer:
    """Audio since the last commit or clear. Its clock counts every byte ever written."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._written = 0

    @property
    def now_ms(self) -> int:
        """The clock."""
        return self._written // BYTES_PER_MS

    @property
    def held_ms(self) -> float:
        """How much a commit would take."""
        return len(self._pcm) / BYTES_PER_MS

    def append(self, pcm: bytes) -> None:
        """Write audio."""
        self._pcm += pcm
        self._written += len(pcm)

    def clear(self) -> None:
        """Forget it."""
        self._pcm.clear()

    def take(self, from_ms: int | None = None, to_ms: int | None = None) -> bytes:
        """The audio between two times, all by default; what is before is dropped, what is after stays."""
        origin = self._written - len(self._pcm)
        start = 0 if from_ms is None else max(0, from_ms * BYTES_PER_MS - origin)
        end = len(self._pcm) if to_ms is None else max(start, to_ms * BYTES_PER_MS - origin)
        taken = bytes(self._pcm[start:end])
        del self._pcm[:end]
        return taken
