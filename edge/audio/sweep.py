r"""The sound that calibration plays: 7 s of silence, chirps and sweeps, exact at every sample rate.

    0.0  silence: the noise of the room
    0.7  four chirps       \
    1.7  sweep, quiet       | 5.3 s from the first chirps to the last: clock drift
    3.8  sweep, 12 dB louder: what clips, distorts or is limited shows here and not there
    6.0  four chirps       /
    6.6  silence

The sweeps are exponential (A. Farina, AES 108th convention, 2000, paper 5093): f(t) = LOW exp(t / L) with
L = SWEEP_S / ln(HIGH / LOW). Dividing by such a sweep puts the n-th harmonic L ln n in front of the impulse response.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAD_S = 0.7
CHIRP_S, CHIRP_EVERY_S, CHIRPS = 0.05, 0.15, 4  # four, so that their scatter tells the error
SWEEP_S = 1.6
QUIET_AT, LOUD_AT, CLOSING_AT = 1.7, 3.8, 6.0  # s; the pauses let a room of 1 s RT60 fade by 30 dB
TOTAL_S = 7.0
OPENING = tuple(LEAD_S + n * CHIRP_EVERY_S for n in range(CHIRPS))
CLOSING = tuple(CLOSING_AT + n * CHIRP_EVERY_S for n in range(CHIRPS))
APART_S = CLOSING_AT - LEAD_S

LOW_HZ, HIGH_HZ = 70.0, 7200.0  # what the 16 kHz core can hear, with room for the filters' slopes
GROWTH_S = SWEEP_S / float(np.log(HIGH_HZ / LOW_HZ))  # Farina's L
CHIRP_LOW_HZ, CHIRP_HIGH_HZ = 500.0, 5000.0
BAND = 0.45  # share of a sample rate up to which its filters let sound through
# Peaks as shares of full scale. A sine with a peak of -10 dBFS is 5 dB over a reply's mean and 7 dB under its peaks.
QUIET, LOUD, CHIRP = 10 ** (-22 / 20), 10 ** (-10 / 20), 10 ** (-12 / 20)
BRIEF = CHIRP / 2


def _exponential(t: Floats, seconds: float, low: float, high: float, rate: int) -> Floats:
    """Sine of frequency low to high within 0 <= t < seconds, 0 outside and where `rate` cannot carry it."""
    growth = seconds / np.log(high / low)
    inside = (t >= 0) & (t < seconds)
    part = np.clip(t, 0, seconds)
    hertz = low * np.exp(part / growth)
    wave: Floats = np.sin(2 * np.pi * growth * (hertz - low))
    return np.where(inside & (hertz < BAND * rate), wave, 0.0)


def _faded(t: Floats, seconds: float, fade: float) -> Floats:
    """A raised-cosine fade at both ends: no click."""
    edge = np.clip(np.minimum(t, seconds - t) / fade, 0, 1)
    gain: Floats = 0.5 - 0.5 * np.cos(np.pi * edge)
    return gain


def sweep(rate: int) -> Floats:
    """One sweep with peak 1."""
    t = np.arange(round(SWEEP_S * rate)) / rate
    return _exponential(t, SWEEP_S, LOW_HZ, HIGH_HZ, rate) * _faded(t, SWEEP_S, 0.02)


def chirp(rate: int) -> Floats:
    """One chirp with peak 1."""
    t = np.arange(round(CHIRP_S * rate)) / rate
    return _exponential(t, CHIRP_S, CHIRP_LOW_HZ, CHIRP_HIGH_HZ, rate) * _faded(t, CHIRP_S, CHIRP_S / 4)


def brief(rate: int) -> Floats:
    """As the signal begins, silence and four chirps, but half as loud: to hear whether any of it comes back."""
    return signal(rate)[: round((OPENING[-1] + CHIRP_EVERY_S) * rate)] * (BRIEF / CHIRP)


def signal(rate: int) -> Floats:
    """All of it, full scale being 1. `rate` must make whole samples of 50 ms (all usual rates above 11,025 Hz do)."""
    whole = np.zeros(round(TOTAL_S * rate))

    def put(at: float, part: Floats) -> None:
        begin = round(at * rate)
        whole[begin : begin + len(part)] += part

    for at in (*OPENING, *CLOSING):
        put(at, CHIRP * chirp(rate))
    put(QUIET_AT, QUIET * sweep(rate))
    put(LOUD_AT, LOUD * sweep(rate))
    return whole
