"""Down to a whole fraction of a rate with hardly any delay.

A good resampler works in blocks: soxr holds back between 5 and 38 ms at 48 to 16 kHz, by turns, whatever its quality.
That is a third of the time in which a voice has to be noticed. A filter of 2 ms, one product a piece, holds back 1 ms.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge.audio.convert import to_int16

TAPS_EACH = 32  # per output sample: 60 dB down at 9 kHz, flat to 7 kHz
CUT = 0.94  # of half the output's rate
BETA = 6.0  # of the Kaiser window: 60 dB (Oppenheim & Schafer, 7.6)
GROUP = 16  # output samples out of one stretch of input: few enough zeros in the matrix, and rows that BLAS can do

Floats = NDArray[np.float32]


def coefficients(factor: int) -> Floats:
    """A windowed sinc; odd, so that its delay is a whole number of input samples."""
    half = TAPS_EACH * factor // 2
    n = np.arange(-half, half + 1)
    filter_ = np.sinc(n * CUT / factor) * np.kaiser(2 * half + 1, BETA)
    whole: Floats = (filter_ / filter_.sum()).astype(np.float32)
    return whole


@cache
def _matrix(factor: int) -> Floats:
    """A stretch of input times this is GROUP samples of output. Shared, for the processor's cache is small."""
    filter_ = coefficients(factor)
    matrix = np.zeros(((GROUP - 1) * factor + len(filter_), GROUP), np.float32)
    for n in range(GROUP):
        matrix[n * factor : n * factor + len(filter_), n] = filter_
    return matrix


class Decimator:
    """A stream of int16 frames of `width` channels at `factor` times the rate that comes out."""

    def __init__(self, factor: int, width: int) -> None:
        self._factor = factor
        self._taps, self._matrix = TAPS_EACH * factor // 2 * 2 + 1, _matrix(factor)
        # Beginning in the middle of the filter, so that what comes out belongs to the time at which it went in.
        self._kept = np.zeros((width, self._taps // 2), np.float32)

    def __call__(self, frames: NDArray[np.int16]) -> NDArray[np.int16]:
        """The next frames, (n, width); what is not enough for an output sample waits."""
        kept, factor = self._kept.shape[1], self._factor
        there = kept + len(frames)
        count = max(0, (there - self._taps) // factor + 1)
        rows = -(-count // GROUP)
        line = np.zeros((frames.shape[1], max(there, (rows - 1) * GROUP * factor + len(self._matrix))), np.float32)
        line[:, :kept] = self._kept
        line[:, kept:there] = frames.T
        self._kept = line[:, count * factor : there]
        return to_int16(self._filtered(line, rows)[:, :count]).T

    def _filtered(self, line: Floats, rows: int) -> Floats:
        """The overlapping stretches beside each other: BLAS refuses them as a view."""
        width, (stretch, _) = len(line), self._matrix.shape
        each, one = line.strides
        stretches = np.ndarray((width, rows, stretch), np.float32, line, 0, (each, GROUP * self._factor * one, one))
        filtered: Floats = np.dot(stretches.reshape(width * rows, stretch), self._matrix)
        return filtered.reshape(width, rows * GROUP)
