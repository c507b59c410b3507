"""What a frame sounds like: periodicity, pitch and the balance of its spectrum, from 32 ms of sound.

One transform forth and one back, about 40 microseconds here: computed only while somebody may be speaking.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.audio.convert import CORE_RATE, SILENCE, Samples
from edge.core.judgement import Sound

WINDOW = 512  # 32 ms: two and a half periods of the deepest voice
FRAMES = 4  # that hold a window
_POINTS = 1024
_HZ = np.fft.rfftfreq(_POINTS, 1 / CORE_RATE)
_SHORTEST, _LONGEST = CORE_RATE // 800, CORE_RATE // 75  # lags of 800 Hz (a child's cry) to 75 Hz (a deep voice)
VOICED = (70.0, 1500.0)  # hertz that carry the pitch
FIRST_PEAK = 0.85  # of the highest: a peak at twice the lag is nearly as high as the first


class Ear:
    """`push` every frame; `sound` describes the last 32 ms."""

    def __init__(self) -> None:
        self._recent: deque[Samples] = deque([SILENCE] * FRAMES, maxlen=FRAMES)
        self._window = np.hanning(WINDOW).astype(np.float32)
        spread = np.abs(np.fft.rfft(self._window, _POINTS)) ** 2
        shape = np.fft.irfft(spread)[: _LONGEST + 2]
        self._shape = (shape / shape[0]).astype(np.float32)  # what windowing takes off a perfect period
        self._pitched = ((VOICED[0] <= _HZ) & (VOICED[1] >= _HZ)).astype(np.float32)
        self._body, self._high = _bins(80, 1000), _bins(2000, 5700)

    def push(self, frame: Samples) -> None:
        """The next frame of the stream, of 160 samples."""
        self._recent.append(frame)

    def sound(self) -> Sound:
        """Of the last 32 ms."""
        recent = np.concatenate(self._recent)[-WINDOW:] / np.float32(32768)
        spectrum = np.fft.rfft(recent * self._window, _POINTS)
        power = spectrum.real**2 + spectrum.imag**2
        body, high = (float(power[part].sum()) + 1e-9 for part in (self._body, self._high))
        strength, lag = self._period(power)
        return Sound(
            periodicity=strength,
            pitch_hz=CORE_RATE / lag,
            high_db=10 * float(np.log10(high / body)),
        )

    def _period(self, power: NDArray[np.floating]) -> tuple[float, int]:
        """Height of the autocorrelation's first high peak, up to about 1, and its lag in samples."""
        correlation = np.fft.irfft(power * self._pitched)[: _LONGEST + 2]
        shape = correlation / (correlation[0] + 1e-9) / self._shape
        part = shape[_SHORTEST : _LONGEST + 1]
        inner = part[1:-1]
        high = (inner >= part[:-2]) & (inner >= part[2:]) & (inner >= FIRST_PEAK * part.max())
        first = int(np.argmax(high)) + 1 if high.any() else int(np.argmax(part))
        return min(1.0, float(part[first])), first + _SHORTEST


def _bins(lowest: float, highest: float) -> slice:
    """The bins of a band in hertz."""
    return slice(*(int(np.ceil(hertz * _POINTS / CORE_RATE)) for hertz in (lowest, highest)))
