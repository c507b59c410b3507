"""Text to speech: hibari, whose weights come inside its wheel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hibari import Hibari

RATE = 24_000
PEAK = 0.9


class Voice:
    """One voice. Not thread-safe."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._hibari = Hibari()

    def speak(self, text: str) -> Iterator[bytes]:
        """Mono int16 at RATE, a sentence at a time."""
        for audio in self._hibari.stream(text, self._speed):
            # hibari speaks at about -27 dBFS; a small loudspeaker needs the headroom used.
            loud = np.clip(audio * min(2.2, PEAK / max(1e-4, float(np.abs(audio).max()))), -1.0, 1.0)
            yield (loud * 32767).astype(np.int16).tobytes()
