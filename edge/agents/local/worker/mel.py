"""Whisper's input: log-mel spectrograms.

Formulae: Slaney's mel scale (linear below 1 kHz, logarithmic above) with area-normalised triangles, a
25 ms Hann window every 10 ms, log10, floor 8 below the maximum, scaled by (x + 4) / 4: openai/whisper
`audio.py` and librosa's `filters.mel`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RATE = 16_000
FFT = 400
HOP = 160
BANDS = 80

_LINEAR_HZ = 200.0 / 3
_KNEE_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27


def _to_mel(hz: float) -> float:
    if hz < _KNEE_HZ:
        return hz / _LINEAR_HZ
    return float(_KNEE_HZ / _LINEAR_HZ + np.log(hz / _KNEE_HZ) / _LOG_STEP)


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _KNEE_HZ / _LINEAR_HZ
    return np.asarray(np.where(mel < knee, mel * _LINEAR_HZ, _KNEE_HZ * np.exp(_LOG_STEP * (mel - knee))))


@cache
def filters() -> Floats:
    """The BANDS x (FFT / 2 + 1) filter bank."""
    edges = _to_hz(np.linspace(0.0, _to_mel(RATE / 2), BANDS + 2))
    ramps = edges[:, None] - np.fft.rfftfreq(FFT, 1 / RATE)[None]
    widths = np.diff(edges)
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None], np.float32)


def log_mel(audio: Floats, seconds: float) -> Floats:
    """BANDS x (100 * seconds) features of mono audio in -1..1, cut or padded to `seconds`."""
    length = round(seconds * RATE)
    padded = np.zeros(length, np.float32)
    padded[: len(audio)] = audio[:length]
    padded = np.pad(padded, FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP][: length // HOP]
    window = np.hanning(FFT + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32) ** 2
    bands = np.log10(np.maximum(filters() @ power.T, 1e-10))
    return np.asarray((np.maximum(bands, bands.max() - 8.0) + 4.0) / 4.0, np.float32)
