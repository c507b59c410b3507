"""By how much a known echo has moved: a sound card's clock begins anew, some milliseconds off, with every reply."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating]

FRAMES = 24  # looked at, of sound that should be an echo
EVERY = 8  # frames between two looks
WIDEST = 400  # samples: 25 ms either way
ALIKE = 0.5  # correlation: another voice beside the echo stays below
GAIN = 0.15  # by which it must be better than where it was
POOR = 0.3  # share of the energy that is left: 5 dB taken off
_POINTS = 8192


class Aligner:
    """`note` every frame: what is heard, and what a filter expected of it."""

    def __init__(self) -> None:
        self._heard: deque[Reals] = deque(maxlen=FRAMES)
        self._expected: deque[Reals] = deque(maxlen=FRAMES)
        self._since = 0

    def note(self, heard: Reals, expected: Reals) -> int:
        """By how many samples later the echo comes than was expected; 0 as long as there is nothing to say."""
        self._heard.append(heard)
        self._expected.append(expected)
        self._since += 1
        if self._since < EVERY or len(self._heard) < FRAMES:
            return 0
        self._since = 0
        return self._look()

    def _look(self) -> int:
        near, echo = np.concatenate(self._heard), np.concatenate(self._expected)
        energy, wanted = float(near @ near), float(echo @ echo)
        left = near - echo
        if wanted < energy / 10 or wanted < 1e-9 * len(echo) or float(left @ left) < POOR * energy:
            return 0
        spectrum = np.fft.rfft(near, _POINTS) * np.conj(np.fft.rfft(echo, _POINTS))
        products = np.fft.irfft(spectrum, _POINTS) / np.sqrt(energy * wanted)
        near_zero = np.concatenate([products[-WIDEST:], products[: WIDEST + 1]])
        best = int(np.argmax(near_zero))
        if near_zero[best] < ALIKE or near_zero[best] < near_zero[WIDEST] + GAIN:
            return 0
        self._heard.clear()
        self._expected.clear()
        return best - WIDEST
