"""Text to speech: hibari, whose weights come inside its wheel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hibari import Hibari
from numpy.typing import NDArray

RATE = 24_000
PEAK = 0.9
GAIN = 2.2  # hibari speaks at about -27 dBFS; a small loudspeaker needs the headroom used
SOUND = 0.01  # of full scale: quieter is the silence around a sentence
LEAD_S, TAIL_S = 0.02, 0.22  # hibari puts 0.3 s before and 0.4 s behind each sentence: 0.3 s of latency for nothing


class Voice:
    """One voice. Not thread-safe."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._hibari = Hibari()

    def speak(self, text: str) -> Iterator[bytes]:
        """Mono int16 at RATE, a sentence at a time."""
        for audio in self._hibari.stream(text, self._speed):
            sentence = _trim(audio * min(GAIN, PEAK / max(1e-4, float(np.abs(audio).max()))))
            yield (np.clip(sentence, -1.0, 1.0) * 32767).astype(np.int16).tobytes()


def _trim(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    loud = np.flatnonzero(np.abs(audio) > SOUND)
    if not len(loud):
        return audio[:0]
    start = max(0, int(loud[0]) - int(LEAD_S * RATE))
    return audio[start : int(loud[-1]) + int(TAIL_S * RATE)]
