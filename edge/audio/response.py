"""From a recorded sweep to the impulse response from loudspeaker to microphone, and what can be read off it.

H = Y conj(X) / (|X|^2 + e), with X the spectrum of what was played and Y of what was recorded. Stationary noise of
density N(f) (power per sample) leaves N / |X|^2 in each lag of the response, so what it adds to an energy is known
and subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.audio.sweep import BAND, GROWTH_S, Floats

LOWEST, LOW, HIGH, HIGHEST = 80.0, 112.0, 6000.0, 7000.0  # Hz; the slopes keep the response from ringing
EARLIEST_S, LATEST_S = -0.05, 1.0  # of the first arrival: stamps may jitter, Bluetooth takes 0.2 to 0.3 s
BEFORE_S, AFTER_S = 0.005, 0.5  # of the response around the first arrival; the pause behind a sweep is 0.5 s
HARMONIC_S = 0.07  # the fifth harmonic's response is 79 ms in front of the fourth's
ORDERS = (2, 3, 4, 5)
HEARD = 8.0  # times the noise's spread; the largest of 50,000 lags of noise is 4.6
HEARD_IN_BAND = 5.0
BANDS = ((300.0, 900.0), (1300.0, 2400.0), (3400.0, 6000.0))  # Hz; small loudspeakers can do these
ARRIVAL = 0.5  # of the highest peak: the direct sound can be lower than a reflection
REGULAR = 1e-6  # e, as a share of the largest |X|^2
STEP_S = 0.005
STANDS_OUT = 4.0  # 6 dB
HALF_OCTAVE = 0.5
FIT_FROM_DB, FIT_TO_DB = -5.0, (-25.0, -15.0)
SHORTEST_S = 0.02  # of a reverberation worth the name
OCTAVES = (125, 250, 500, 1000, 2000, 4000)  # centres, Hz


def decibels(power: float) -> float:
    """10 lg, and -120 for nothing."""
    return 10 * float(np.log10(max(power, 1e-12)))


def cut(samples: Floats, begin: int, length: int) -> Floats:
    """So many samples from `begin`, zeros where there are none."""
    part = np.zeros(length)
    first, last = max(begin, 0), min(begin + length, len(samples))
    if last > first:
        part[first - begin : last - begin] = samples[first:last]
    return part


def density(noise: Floats, size: int) -> Floats:
    """Power per sample of `noise` at the `size // 2 + 1` frequencies of a transform (Welch, Hann).

    Blocks that stand out, a door or a cough, do not count.
    """
    block = 1 << int(np.log2(max(len(noise) / 10, 16)))
    window = np.hanning(block)
    starts = range(0, max(len(noise) - block + 1, 1), block // 2)
    table = np.array([np.abs(np.fft.rfft(cut(noise, at, block) * window)) ** 2 for at in starts])
    energy = table.sum(axis=1)
    power = table[energy <= STANDS_OUT * np.median(energy)].mean(axis=0)
    grid = np.fft.rfftfreq(size)
    whole: Floats = np.interp(grid, np.fft.rfftfreq(block), power / np.sum(window**2))
    return whole


def _taper(hertz: Floats, rate: int) -> Floats:
    """1 from LOW to HIGH, 0 below LOWEST and above HIGHEST, or as far up as `rate` reaches."""
    highest = min(HIGHEST, 0.95 * BAND * rate)
    high = min(HIGH, 0.85 * highest)
    up = np.clip((hertz - LOWEST) / (LOW - LOWEST), 0, 1)
    down = np.clip((highest - hertz) / (highest - high), 0, 1)
    gain: Floats = np.sin(np.pi / 2 * up) ** 2 * np.sin(np.pi / 2 * down) ** 2
    return gain


@dataclass(frozen=True, slots=True)
class Response:
    """`h` by lag in samples, the negative lags at its end, limited to `taper`'s band; 1 is as loud as played."""

    rate: int
    h: Floats
    taper: Floats
    hertz: Floats
    noise: Floats  # of |H|^2 per lag, by frequency
    arrival: int  # lag of the first arrival
    sharpness: float  # the highest peak in terms of the spread of all else

    @property
    def heard(self) -> bool:
        """Whether there is a response at all."""
        return self.sharpness >= HEARD

    def span(self, begin_s: float, end_s: float) -> Floats:
        """The response from `begin_s` to `end_s` after the first arrival."""
        lags = np.arange(round(begin_s * self.rate), round(end_s * self.rate)) + self.arrival
        return self.h[lags % len(self.h)]

    def noise_per_lag(self) -> float:
        """Mean square that the noise leaves in each lag."""
        return float(np.mean(self.noise * self.taper**2))

    def gain(self, part: Floats, weight: Floats) -> float:
        """|H|^2 of a part of the response, less what the noise adds, as a mean over frequency with these weights."""
        found = np.abs(np.fft.rfft(part, len(self.h))) ** 2 - len(part) * self.noise * self.taper**2
        return float(np.sum(weight * found) / np.sum(weight * self.taper**2))


def deconvolve(played: Floats, recorded: Floats, noise: Floats, rate: int) -> Response:
    """`recorded` begins when `played` does; `noise` is what was recorded while nothing sounded."""
    size = 1 << int(np.ceil(np.log2(len(played) + len(recorded))))
    x, y = np.fft.rfft(played, size), np.fft.rfft(recorded, size)
    power = np.abs(x) ** 2
    power += REGULAR * power.max()
    hertz = np.asarray(np.fft.rfftfreq(size, 1 / rate), np.float64)
    taper = _taper(hertz, rate)
    spectrum = y * np.conj(x) / power * taper
    arrival, sharpness = _first_arrival(spectrum, size, rate)
    return Response(rate, np.fft.irfft(spectrum, size), taper, hertz, density(noise, size) / power, arrival, sharpness)


def _first_arrival(spectrum: NDArray[np.complex128], size: int, rate: int) -> tuple[int, float]:
    """Where the envelope has its first high peak, and by how much its highest stands out.

    A clap looks like a response too, but a smeared one: each frequency has another lag. So what stands out counts
    as nothing unless it does so in all bands at once.
    """
    there = _envelope(spectrum, size, rate)
    highest = float(there.max())
    at = int(np.argmax(there >= ARRIVAL * highest))
    while at + 1 < len(there) and there[at + 1] > there[at]:
        at += 1
    top = int(np.argmax(there))
    around = slice(max(0, top - round(STEP_S * rate)), top + round(STEP_S * rate))
    hertz = np.fft.rfftfreq(size, 1 / rate)
    together = True
    for low, high in BANDS:
        place = np.clip((hertz - low) / (high - low), 0, 1)
        band = _envelope(spectrum * np.sin(np.pi * place) ** 2, size, rate)
        together &= float(band[around].max()) > HEARD_IN_BAND * _spread(band)
    return round(EARLIEST_S * rate) + at, highest / _spread(there) if together else 0.0


def _envelope(spectrum: NDArray[np.complex128], size: int, rate: int) -> Floats:
    """Of the response, from EARLIEST_S to LATEST_S."""
    whole = np.abs(np.fft.ifft(2 * spectrum, size))  # one-sided spectrum: the analytic signal
    return np.asarray(whole[np.arange(round(EARLIEST_S * rate), round(LATEST_S * rate)) % size])


def _spread(envelope: Floats) -> float:
    """The sigma of the noise that it mostly is (Rayleigh: its median is 1.1774 sigma)."""
    return max(float(np.median(envelope)) / 1.1774, 1e-12)


def echo_return(response: Response) -> float:
    """Level at the microphone relative to what was played, dB, for a sound with equal power in each octave."""
    pink = 1 / np.maximum(response.hertz, LOWEST)
    return decibels(response.gain(response.span(-BEFORE_S, AFTER_S), pink))


def bands(response: Response) -> tuple[tuple[int, float], ...]:
    """Echo return by octave: (centre in Hz, dB), as far as the sample rate reaches."""
    part = response.span(-BEFORE_S, AFTER_S)
    table = []
    for centre in OCTAVES:
        inside = (np.abs(np.log2(np.maximum(response.hertz, 1) / centre)) < HALF_OCTAVE).astype(np.float64)
        if inside @ response.taper > 0:
            table.append((centre, decibels(response.gain(part, inside))))
    return tuple(table)


def harmonics(response: Response) -> float | None:
    """Power of harmonics 2 to 5 relative to the linear part, dB; None when the noise hides it."""
    flat = np.ones_like(response.hertz)
    linear = response.gain(response.span(-BEFORE_S, HARMONIC_S), flat)
    total = 0.0
    for order in ORDERS:
        begin = -GROWTH_S * float(np.log(order))
        total += response.gain(response.span(begin - BEFORE_S, begin + HARMONIC_S), flat)
    lags = len(ORDERS) * (BEFORE_S + HARMONIC_S) * response.rate
    hidden = lags * float(np.mean(response.noise * response.taper**2) / np.mean(response.taper**2))
    return decibels(total / linear) if linear > 0 and total > hidden / 2 else None


# --- reverberation ------------------------------------------------------------------------------------


def decay(response: Response) -> Floats:
    """Energy still to come, dB of all, for each sample after the first arrival (Schroeder, JASA 37, 1965, 409).

    Ends where the noise takes over; what would still come behind that is added as if it faded on at the same rate
    (Lundeby et al., Acustica 81, 1995, 344).
    """
    step, rate = round(STEP_S * response.rate), response.rate
    energy = response.span(-BEFORE_S, AFTER_S) ** 2
    noise = response.noise_per_lag()
    blocks = energy[: len(energy) // step * step].reshape(-1, step).mean(axis=1)
    loudest = int(np.argmax(blocks))
    over = np.flatnonzero(blocks[loudest:] < 2 * noise)
    end = (loudest + int(over[0])) * step if len(over) else len(energy)
    left = np.cumsum((energy[:end] - noise)[::-1])[::-1][round(BEFORE_S * rate) :]
    curve, seconds = _relative(left), None
    for _ in range(3):
        seconds = rt60(curve, rate, margin=0.0)
        if seconds is None or not len(over):
            break
        curve = _relative(left + noise * rate * seconds / 13.8)  # 13.8 time constants make 60 dB
    return curve


def _relative(energy: Floats) -> Floats:
    """In dB of the first."""
    first = max(float(energy[0]) if len(energy) else 0.0, 1e-30)
    curve: Floats = 10 * np.log10(np.maximum(energy / first, 1e-12))
    return curve


def rt60(curve: Floats, rate: int, margin: float = 5.0) -> float | None:
    """Seconds for 60 dB, from the straight line through -5 to -25 dB, or -15 (ISO 3382-2: T20, T10).

    None when the curve does not go `margin` dB further down, or when there is no reverberation (below 20 ms).
    """
    for lowest in FIT_TO_DB:
        inside = np.flatnonzero((curve <= FIT_FROM_DB) & (curve >= lowest))
        if len(inside) > 1 and curve[-1] <= lowest - margin:
            slope = float(np.polyfit(inside / rate, curve[inside], 1)[0])
            seconds = -60 / slope if slope < 0 else 0.0
            return seconds if seconds >= SHORTEST_S else None
    return None


def late(curve: Floats, rate: int) -> float | None:
    """Energy that comes 80 ms and more after the first arrival, dB of all; None when lost in the noise."""
    at = round(0.08 * rate)
    return float(curve[at]) if at < len(curve) else None


def steps(response: Response, seconds: float = 0.3) -> tuple[float, ...]:
    """Energy of each 5 ms after the first arrival, dB of all, less the noise; -60 at the least."""
    step = round(STEP_S * response.rate)
    whole = response.span(0, seconds)
    energy = (whole[: len(whole) // step * step] ** 2).reshape(-1, step).sum(axis=1) - step * response.noise_per_lag()
    total = max(float(np.sum(response.span(-BEFORE_S, AFTER_S) ** 2)), 1e-30)
    return tuple(max(-60.0, decibels(float(one) / total)) for one in energy)
