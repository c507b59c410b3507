"""Test sounds, and what can be measured of a sound."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.audio.files import load

Int16 = NDArray[np.int16]


def sine(seconds: float, hertz: float, rate: int, loudness: float = 0.5) -> NDArray[np.float64]:
    """A sine in -1..1."""
    return loudness * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def tone(seconds: float, hertz: float, rate: int, loudness: float = 0.5) -> Int16:
    """The same as a sound card gives it."""
    return (sine(seconds, hertz, rate, loudness) * 32767).astype(np.int16)


def noise(seconds: float, rate: int = 16_000, loudness: float = 0.01, seed: int = 1) -> Int16:
    """White noise of this RMS."""
    return (np.random.default_rng(seed).normal(0, loudness, round(seconds * rate)) * 32767).astype(np.int16)


def amplitude(samples: Int16) -> float:
    """Of a sine."""
    return float(np.sqrt(2 * np.mean(samples.astype(np.float64) ** 2)))


def pitch(samples: Int16, rate: int) -> float:
    """The strongest frequency, to a fraction of a hertz."""
    windowed = samples * np.hanning(len(samples))
    return float(np.argmax(np.abs(np.fft.rfft(windowed, 16 * len(samples)))) * rate / (16 * len(samples)))


def power_at(samples: Int16, hertz: float, rate: int = 16_000, width: float = 10.0) -> float:
    """The largest amplitude in a band, block by block, as a share of full scale."""
    block = rate // 10
    largest = 0.0
    for at in range(0, max(1, len(samples) - block + 1), block // 2):
        part = samples[at : at + block] / 32768.0
        if len(part) == 0:
            break
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) * 4 / len(part)
        band = np.abs(np.fft.rfftfreq(len(part), 1 / rate) - hertz) <= width
        largest = max(largest, float(spectrum[band].max(initial=0.0)))
    return largest


@cache
def recording(path: Path) -> Int16:
    """One of the project's recordings."""
    return load(path)
