"""A linear echo canceller: takes off what a filter can, and leaves the voice beside it whole.

AEC3's suppressor takes 25 to 45 dB off a voice for as long as there is an echo; what is left here of a well behaved
loudspeaker is 20 dB below a voice that it drowns, and of the voice nothing is missing. Whoever speaks over a reply is
told by it, and what they said is taken from it; where the path is not linear, or drifts, AEC3's output is used.

A partitioned block filter in the frequency domain, each bin of each partition adapted by a Kalman filter: it learns
fast while it knows little, and stands still while somebody speaks (Enzner and Vary, 2006; Kuech, Mabande and Enzner,
2014). About 100 microseconds a frame here.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.audio.aligning import Aligner
from edge.audio.convert import FRAME, Samples, to_int16

Complexes = NDArray[np.complex64]
Reals = NDArray[np.float32]

PARTITIONS = 25  # frames of echo: 150 ms of delay, and 100 ms of a room
_POINTS, _BINS = 2 * FRAME, FRAME + 1
FORGETS = np.float32(0.999)  # a frame, of the power: a path that changes is followed within seconds
NOISE_SHARE = np.float32(0.2)  # of a frame in what is known of the voices and the room
LEAST_NOISE = np.float32(1e-6)  # of full scale, in a bin: silence must not be learned by heart
SPREAD = np.float32(0.1)  # of the first guess: a path as loud as this is found within two seconds
CUT = 2  # partitions every second frame whose answer is cut back to its own frame
SILENT = 1e-7  # of a far end's frame, energy
QUIET = FRAME * 10**-5.8  # of a near end's frame: an echo below -58 dBFS is no matter, and teaches nothing


class LinearCanceller:
    """`process` every frame of both ends, high-passed alike; the far end at most 150 ms before its echo."""

    def __init__(self) -> None:
        shape = (PARTITIONS, _BINS)
        self._path: Complexes = np.zeros(shape, np.complex64)
        self._doubt: Reals = np.full(shape, SPREAD, np.float32)  # variance of the path
        # The spectra of the last frames, newest first, twice over: so a view holds them in order.
        self._far: Complexes = np.zeros((2 * PARTITIONS, _BINS), np.complex64)
        self._power: Reals = np.zeros((2 * PARTITIONS, _BINS), np.float32)
        self._newest = self._cut = 0
        self._uncut = False  # the answers, since the last frame
        self._noise: Reals = np.full(_BINS, 1e-3, np.float32)
        # Frames of the far end whose spectra nobody has needed yet, behind the last one that has been seen to.
        self._played: deque[Reals] = deque([np.zeros(FRAME, np.float32)], maxlen=PARTITIONS + 1)
        self._left: Reals = np.zeros(_POINTS, np.float32)  # a frame of nothing, and one of what is left
        self._products: Complexes = np.zeros(shape, np.complex64)
        self._gain: Reals = np.zeros(shape, np.float32)
        self._terms: Reals = np.zeros(shape, np.float32)
        self._silent = 2 * PARTITIONS
        self._aligner = Aligner()

    @property
    def delay(self) -> int:
        """By how many frames the echo follows the far end: where most of the path is."""
        return int(np.argmax(np.sum(np.square(np.abs(self._path)), axis=1)))

    def restart(self) -> None:
        """There is an echo that it has not found: whoever was sure of silence has to learn anew."""
        self._doubt[:] = SPREAD

    def shift(self, samples: int) -> None:
        """From the next frame on the echo is so much later, compared with the far end as it is given, than before."""
        answers = np.fft.irfft(self._path)[:, :FRAME].ravel()
        moved = np.zeros_like(answers)
        if samples >= 0:
            moved[samples:] = answers[: len(answers) - samples]
        else:
            moved[:samples] = answers[-samples:]
        self._path[:] = np.fft.rfft(moved.reshape(PARTITIONS, FRAME), _POINTS)

    def process(self, near: Samples, far: Samples) -> Samples:
        """Whole frames without the part of them that is the far end's echo."""
        left = np.empty(len(near), np.float32)
        for begin in range(0, len(near), FRAME):
            frame = slice(begin, begin + FRAME)
            left[frame] = self._frame(near[frame], far[frame])
        return to_int16(left)

    def _frame(self, near: Samples, far: Samples) -> Samples | Reals:
        played = np.multiply(far, np.float32(1 / 32768))
        self._played.append(played)
        self._silent = self._silent + 1 if float(played @ played) < SILENT else 0
        if self._silent > PARTITIONS:  # what is in the line is silent, too
            return near
        heard = np.multiply(near, np.float32(1 / 32768))
        energy = heard @ heard
        if energy < QUIET:
            return near
        self._catch_up()
        line = slice(self._newest, self._newest + PARTITIONS)
        np.multiply(self._far[line], self._path, out=self._products)
        echo = np.fft.irfft(self._products.sum(axis=0))[FRAME:]
        left = np.subtract(heard, echo, out=self._left[FRAME:])
        worse = left @ left > energy  # of no use while it knows nothing
        moved = self._aligner.note(heard, echo)
        if moved:
            self.shift(moved)
        else:
            self._learn(self._far[line], self._power[line])
        return near if worse else left * np.float32(32768)

    def _catch_up(self) -> None:
        """The spectra of two frames each, of all that have come since."""
        frames = np.array(self._played)
        spectra = np.fft.rfft(np.concatenate([frames[:-1], frames[1:]], axis=1))
        powers = spectra.real**2 + spectra.imag**2
        for spectrum, power in zip(spectra, powers, strict=True):
            newest = self._newest = (self._newest - 1) % PARTITIONS
            self._far[newest] = self._far[newest + PARTITIONS] = spectrum
            self._power[newest] = self._power[newest + PARTITIONS] = power
        self._played = deque([frames[-1]], maxlen=PARTITIONS + 1)

    def _learn(self, far: Complexes, power: Reals) -> None:
        """From what is left of the frame."""
        left = np.fft.rfft(self._left)
        energy = left.real**2 + left.imag**2
        self._noise += NOISE_SHARE * (energy - self._noise)
        expected = np.multiply(self._doubt, power, out=self._terms).sum(axis=0)
        expected += 2 * (np.maximum(self._noise, energy / 2) + LEAST_NOISE)
        gain = np.divide(self._doubt, expected / 2, out=self._gain)
        step = np.conjugate(far, out=self._products)
        step *= left
        step *= gain
        self._path += step
        self._forget(power)
        self._uncut = not self._uncut
        if self._uncut:
            self._cut_back()

    def _forget(self, power: Reals) -> None:
        known = np.multiply(self._gain, power, out=self._terms)
        known *= -FORGETS / 2
        known += FORGETS
        self._doubt *= known
        real, imaginary = self._path.real, self._path.imag
        strength = np.multiply(real, real, out=self._terms)
        strength += imaginary * imaginary
        strength *= 1 - FORGETS
        self._doubt += strength

    def _cut_back(self) -> None:
        """An answer is as long as its partition: a few are seen to in each frame."""
        which = [(self._cut + n) % PARTITIONS for n in range(CUT)]
        self._cut = (self._cut + CUT) % PARTITIONS
        answers = np.fft.irfft(self._path[which])
        answers[:, FRAME:] = 0
        self._path[which] = np.fft.rfft(answers)
