"""Loudspeakers, rooms and microphones made of formulas, to be measured by calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soxr

from edge.audio.calibration import Recording
from edge.audio.sweep import Floats, signal

STARTED = 4000.25  # samples before the signal
PPM = 1e6


@dataclass(frozen=True)
class Room:
    """A direct sound after `delay_s`, and a tail 6 dB below it; together `level_db` for equal power per octave."""

    delay_s: float = 0.04
    level_db: float = -10.0
    rt60_s: float = 0.3
    noise_db: float = -60.0  # mean square
    drive: float = 0.0  # of the loudspeaker: tanh(drive x) / drive
    ppm: float = 0.0  # by which the microphone's clock is faster
    amplifier: float = 1.0  # the level at which the microphone's amplifier is at its end
    volume: int = 100
    rate: int = 16_000
    channels: int = 1
    seed: int = 1
    system: Callable[[Floats], Floats] | None = None  # the gain over time of whatever comes between

    def record(self, sound: Callable[[int], Floats] = signal) -> Recording:
        """What comes in at the microphone."""
        played = self._loudspeaker(sound(self.rate) * (self.volume / 100) ** 2)
        heard = convolve(played, self.impulse(), len(played) + round(1.2 * self.rate))
        if self.ppm:
            heard = soxr.resample(heard, PPM, PPM + self.ppm, quality="VHQ")
        heard = np.concatenate([np.zeros(int(STARTED)), heard])
        heard += np.random.default_rng(self.seed).normal(0, 10 ** (self.noise_db / 20), len(heard))
        if self.system is not None:
            heard = heard * self.system((np.arange(len(heard)) - STARTED) / self.rate)
        heard = np.clip(np.rint(np.clip(heard, -self.amplifier, self.amplifier) * 32768), -32768, 32767) / 32768
        return Recording(np.repeat(heard[:, None], self.channels, axis=1), self.rate, STARTED)

    def _loudspeaker(self, x: Floats) -> Floats:
        if not self.drive:
            return x
        fine = soxr.resample(x, 1, 4, quality="VHQ")  # so that its harmonics do not fold back
        bent: Floats = soxr.resample(np.tanh(self.drive * fine) / self.drive, 4, 1, quality="VHQ")
        return bent

    def impulse(self) -> Floats:
        """From loudspeaker to microphone."""
        late_by = self.delay_s * self.rate + STARTED % 1
        at = np.arange(round((self.delay_s + 1.2 * max(self.rt60_s, 0.02) + 0.05) * self.rate)) - late_by
        h = np.sinc(at)
        if self.rt60_s:
            decay = 10 ** (-3 * np.maximum(at, 0) / self.rate / self.rt60_s)
            tail = np.random.default_rng(self.seed).normal(size=len(at)) * decay * (at > 1)
            h += tail * 10 ** (-6 / 20) / np.linalg.norm(tail)
        size = 1 << 18
        hertz = np.fft.rfftfreq(size, 1 / self.rate)
        band = (hertz > 100) & (hertz < 6500)
        power = np.abs(np.fft.rfft(h, size)) ** 2
        level = np.sum(power[band] / hertz[band]) / np.sum(1 / hertz[band])
        return np.asarray(h * 10 ** (self.level_db / 20) / np.sqrt(level))


def convolve(x: Floats, h: Floats, length: int) -> Floats:
    """The first samples of x * h."""
    size = 1 << int(np.ceil(np.log2(len(x) + len(h))))
    whole = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size), size)[:length]
    return np.concatenate([whole, np.zeros(length - len(whole))])


def harmonics_db(drive: float, amplitude: float) -> float:
    """Of tanh(drive x), x a sine of this amplitude: harmonics 2 to 5 relative to the first."""
    x = amplitude * np.sin(2 * np.pi * np.arange(4096) / 4096)
    lines = np.abs(np.fft.rfft(np.tanh(drive * x))) ** 2
    return float(10 * np.log10(lines[2:6].sum() / lines[1]))
