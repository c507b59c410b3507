"""Delay and sum: several microphones turned towards whoever speaks, so that the voice adds up and the rest does not.

The mean of an array is a beam, too: straight out of its plane. A voice from the side reaches the microphones one
after the other, and the mean then loses its high frequencies: from 2 kHz on with 64 mm between two of them. Turning
the beam brings those back; against noise from all around, an array so small gains little below 1 kHz either way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]  # samples by channels

SOUND_MM_S = 343_000.0
TAPS = 16  # of the fractional delay; flat to 0.1 dB up to 0.8 of the half rate
LOOK_S = 0.1  # between two looks for the direction
SPAN_S = 0.064  # looked at, to the next power of two: long enough to tell a voice's harmonics apart
BAND_HZ = (500.0, 5000.0)  # below, all directions sound the same to it; above, a voice has little
ABOVE_FLOOR = 8.0  # 9 dB: bins that belong to the voice; they alone vote, all with the same weight (PHAT)
FLOOR_SHARE = 0.1  # of the way per look: a second of the room
ROOMS = 3  # looks at the room before the first at a voice counts
LEAST_BINS = 10
SHARE = 0.25  # of the way per look: half a second of voice
LOOKS = 3  # before the beam is turned for the first time
MARGIN = 0.02  # of the score (1 is a single source, without room or noise) by which a new direction must be better
RINGS = ((1.0, 24), (0.8, 16), (0.5, 8), (0.0, 1))  # cosine of the elevation, directions of it


def _directions() -> NDArray[np.float64]:
    """Where a voice may come from, as seen along the array's plane; the middle, straight above, is the last."""
    rings = []
    for radius, count in RINGS:
        angle = 2 * np.pi * np.arange(count) / count
        rings.append(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return np.concatenate(rings)


def _filters(delays: NDArray[np.float64], length: int) -> Block:
    """For each delay in samples, a windowed sinc of so many taps; each has the gain 1 at 0 Hz."""
    at = np.arange(length) - delays[:, None]
    inside = np.abs(at) < TAPS / 2
    taps = np.where(inside, np.sinc(at) * np.cos(np.pi * at / TAPS) ** 2, 0.0)
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float32)


class Finder:
    """The direction of a voice: the delays with which the microphones agree best (SRP-PHAT, GCC-PHAT of all pairs)."""

    def __init__(self, rate: int, places_mm: NDArray[np.float64]) -> None:
        seconds = np.round(_directions() @ places_mm.T / SOUND_MM_S, 7)
        self.delays_s = np.unique(seconds, axis=0)  # of a line, many directions are one
        self.middle = self.now = int(np.argmin(np.abs(self.delays_s).sum(axis=1)))
        self.size = 1 << round(np.log2(rate * SPAN_S))
        hertz = np.fft.rfftfreq(self.size, 1 / rate)
        self._band = slice(*(int(np.searchsorted(hertz, edge)) for edge in (BAND_HZ[0], min(BAND_HZ[1], 0.45 * rate))))
        turns = hertz[self._band, None, None] * self.delays_s.T
        self._steer = np.exp(-2j * np.pi * turns).astype(np.complex64)  # bins by microphones by directions
        self._window = np.hanning(self.size).astype(np.float32)[:, None]
        self._score = np.zeros(len(self.delays_s))
        self._floor = np.zeros(len(turns))  # the room's power in each bin
        self._looks = self._rooms = 0  # looks at a voice, and at the room

    def look(self, block: Block, voiced: bool) -> bool:
        """At `size` samples, of a voice or of the room; whether `now`, the row of the best delays, has changed."""
        spectrum = np.fft.rfft(block * self._window, axis=0)[self._band]
        power = np.sum(spectrum.real**2 + spectrum.imag**2, axis=1)
        if not voiced:
            self._rooms += 1
            self._floor += max(FLOOR_SHARE, 1 / self._rooms) * (power - self._floor)
            return False
        loud = power > ABOVE_FLOOR * self._floor
        enough = self._rooms >= ROOMS and int(np.count_nonzero(loud)) >= LEAST_BINS
        return enough and self._vote(spectrum[loud], loud)

    def _vote(self, spectrum: NDArray[np.complex64], loud: NDArray[np.bool_]) -> bool:
        white = spectrum / (np.abs(spectrum) + 1e-9)
        summed = white[:, None, :] @ self._steer[loud]
        agreed = np.mean(summed.real**2 + summed.imag**2, axis=(0, 1)) / white.shape[1] ** 2
        self._looks += 1
        self._score += max(SHARE, 1 / self._looks) * (agreed - self._score)
        best = int(np.argmax(self._score))
        if self._looks < LOOKS or self._score[best] < self._score[self.now] + MARGIN:
            return False
        self.now = best
        return True


class Beam:
    """Blocks of several microphones, at any rate, to one channel. The beam begins as the mean."""

    def __init__(self, rate: int, positions_mm: tuple[tuple[float, float], ...]) -> None:
        places = np.array(positions_mm, np.float64)
        self.finder = Finder(rate, places - places.mean(axis=0))
        self._rate = rate
        most = float(np.abs(self.finder.delays_s).max()) * rate
        self.delay = int(np.ceil(most)) + TAPS // 2  # samples by which everything comes later: 0.5 to 1 ms
        self._taps = self._turned()
        self._count = len(places)
        self._every, self._since = round(LOOK_S * rate), 0
        self.restart()

    def restart(self) -> None:
        """Another piece of the stream: what came before it is not its past. The direction stays."""
        self._past = np.zeros((max(self.finder.size, 2 * self.delay), self._count), np.float32)

    def __call__(self, block: Block, *, voiced: bool | None = None) -> NDArray[np.float32]:
        """The next block. `voiced`: does a person speak in it; None when the loudspeaker does, or it is not known."""
        line = np.concatenate([self._past, block])
        self._past = line[-len(self._past) :]
        summed = self._sum(line, len(block), self._taps)
        self._since += len(block)
        if voiced is not None and self._since >= self._every:
            self._since = 0
            if self.finder.look(self._past[-self.finder.size :], voiced):
                self._taps = self._turned()
                other = self._sum(line, len(block), self._taps)
                summed += np.linspace(0, 1, len(block), dtype=np.float32) * (other - summed)
        return summed

    def _sum(self, line: Block, count: int, taps: Block) -> NDArray[np.float32]:
        recent = line[len(line) - count - taps.shape[1] + 1 :]
        parts = [np.convolve(recent[:, n], taps[n], "valid") for n in range(self._count)]
        return np.asarray(np.mean(parts, axis=0, dtype=np.float32))

    def _turned(self) -> Block:
        """Whoever is nearer to the source hears it earlier, and is delayed by so much more."""
        delays = self.finder.delays_s[self.finder.now] * self._rate
        return _filters(delays + self.delay, 2 * self.delay + 1)
