"""How much faster the microphone's clock runs than the loudspeaker's, from chirps played 5.3 s apart.

Each recorded chirp of the beginning is correlated with its twin of the end: both came the same way, so the room
does not matter, and the peak's place tells the time between them by the microphone's clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.audio.response import cut
from edge.audio.sweep import APART_S, CHIRP_HIGH_HZ, CHIRP_LOW_HZ, CHIRP_S, CLOSING, OPENING, Floats

ROOM_S = 0.04  # of the room's answer, together with the chirp itself
SEARCH_S = 0.008  # 1,500 ppm over 5.3 s
FINER = 16  # points looked at per sample
ALIKE = 0.3  # correlation of two recorded chirps below which there is too much noise: -4 dB
STUDENT = 3.18  # 95 % of four values lie within so many of their standard errors
LEAST_ERROR_PPM = 0.5  # what the interpolation is good for


@dataclass(frozen=True, slots=True)
class Drift:
    """`ppm` > 0: the microphone's clock is the faster one. 95 % sure within `error_ppm`."""

    ppm: float
    error_ppm: float


def drift(recorded: Floats, origin: float, rate: int) -> Drift | None:
    """`origin`: the sample at which the first sound of the signal's time 0 would arrive. None: too faint."""
    found = [_apart(recorded, origin, rate, a, b) for a, b in zip(OPENING, CLOSING, strict=True)]
    ppms = np.array([1e6 * lag / (APART_S * rate) for lag in found if lag is not None])
    if len(ppms) < len(OPENING):
        return None
    error = STUDENT * float(np.std(ppms, ddof=1)) / len(ppms) ** 0.5
    return Drift(float(np.mean(ppms)), max(error, LEAST_ERROR_PPM))


def _apart(recorded: Floats, origin: float, rate: int, first_at: float, last_at: float) -> float | None:
    """By how many samples more than APART_S two chirps are apart."""
    length, margin = round((CHIRP_S + ROOM_S) * rate), round(SEARCH_S * rate)
    a_begin, b_begin = round(origin + first_at * rate), round(origin + last_at * rate) - margin
    a, b = cut(recorded, a_begin, length), cut(recorded, b_begin, length + 2 * margin)
    size = 1 << int(np.ceil(np.log2(2 * len(b))))
    hertz = np.fft.rfftfreq(size, 1 / rate)
    band = (hertz > CHIRP_LOW_HZ / 2) & (hertz < CHIRP_HIGH_HZ)
    spectra = [np.fft.rfft(part, size) * band for part in (a, b)]
    fine = np.fft.irfft(spectra[1] * np.conj(spectra[0]), size * FINER) * FINER
    there = fine[: 2 * margin * FINER + 1]
    best = int(np.argmax(there))
    quiet = [np.fft.irfft(one, size) for one in spectra]
    begin = best // FINER
    scale = float(np.linalg.norm(quiet[0]) * np.linalg.norm(quiet[1][begin : begin + length]))
    if scale == 0 or there[best] / scale < ALIKE:
        return None
    return best / FINER + _top(there, best) / FINER + b_begin - a_begin - APART_S * rate


def _top(values: Floats, at: int) -> float:
    """Where between the neighbours of `at` a parabola through the three has its top."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, middle, right = values[at - 1 : at + 2]
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if bend else 0.0
