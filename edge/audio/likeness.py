"""How much of a sound is the far end: an echo on a way that no filter has learnt yet, or a person.

A linear canceller that has found the way leaves nothing alike. When the loudspeaker is turned up, or carried off, or a
headphone is unplugged, what it leaves is all echo, and sounds like somebody who speaks.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from edge.audio.convert import SILENCE, Samples

NEAR_FRAMES = 16  # of what may be an echo
FAR_FRAMES = 42  # of the far end, from 260 ms before
LEAST_ENERGY = 1e4  # of a far end in which there is something
_POINTS = 8192


class Likeness:
    """`push` every frame of both ends."""

    def __init__(self) -> None:
        self._near: deque[Samples] = deque([SILENCE] * NEAR_FRAMES, maxlen=NEAR_FRAMES)
        self._far: deque[Samples] = deque([SILENCE] * FAR_FRAMES, maxlen=FAR_FRAMES)

    def push(self, near: Samples, far: Samples) -> None:
        """The next 10 ms."""
        self._near.append(near)
        self._far.append(far)

    def now(self) -> float:
        """The highest correlation of the last 160 ms with the far end, from 0 to 1, over delays up to 260 ms.

        Of differences from sample to sample: two voices are alike where they are deep. Half a millisecond here.
        """
        near, far = (np.diff(np.concatenate(ends).astype(np.float32)) for ends in (self._near, self._far))
        products = np.fft.irfft(np.fft.rfft(far, _POINTS) * np.conj(np.fft.rfft(near, _POINTS)), _POINTS)
        places = len(far) - len(near) + 1
        sums = np.concatenate([[0.0], np.cumsum(np.square(far, dtype=np.float64))])
        energy = np.maximum(sums[len(near) :] - sums[:places], LEAST_ENERGY) * max(float(near @ near), 1.0)
        return min(1.0, float((np.abs(products[:places]) / np.sqrt(energy)).max()))
