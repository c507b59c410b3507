"""Echo cancellation: what the microphone hears, less what the loudspeaker plays (WebRTC's AEC3).

Both signals pass the same filter first: a high-pass against rumble, and a notch where the far end
holds a tone. AEC3 stops adapting for as long as it sees a narrow peak in the far end: with a 6 kHz
tone 18 dB below a reply it cancelled 5 dB, with the tone notched 35 dB (both signals: the path stays linear).
"""

from __future__ import annotations

from collections import deque
from itertools import chain, groupby
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.audio.convert import CORE_RATE, FRAME, SILENCE, Samples, levels_db, to_int16
from edge.audio.linear import LinearCanceller

Floats = NDArray[np.float64]

HIGH_PASS_HZ = 90.0  # below any voice; desks, hands and hum live there
NOTCH_HZ = 60.0  # width: a tone estimated 2 Hz off is still 23 dB down
SILENT_DB = -96.0
FAR_ACTIVE_DB = -55.0  # below, nothing audible comes back from a loudspeaker
HOLD_FRAMES = 25  # 250 ms: delay of device and air (up to 150 ms) plus most of a room's decay
REST_FRAMES = 100  # after a second without far end there is no echo, and no work
GOOD_ERLE_DB = 12.0  # AEC3 reaches 30 to 38 dB; half of it in dB is a filter that has found the path
PATH_DB = 3.0  # taken off by a linear filter: there is an echo
RESTART_EVERY = 200  # frames of far end: it takes two seconds to find a path
PATH_SHARE = 0.01  # of the way per frame: somebody who speaks for a second must not hide it
ERLE_SHARE = 0.03  # of the way per frame: a time constant of a third of a second
LAGS = 25  # frames of delay looked at: 0 to 240 ms
LOOK_FRAMES = 200  # 2 s of envelopes
LOOK_EVERY = 25

PRIME_S, PRIME_DELAY, PRIME_PIECE = 4, 640, 1600  # seconds of noise; samples: its echo's delay, and a call

TONE_BLOCK = 512  # bins of 31 Hz
TONE_EVERY = 4  # frames between looks; they must hold a block
TONE_SHARE = 0.1  # averaging over 0.4 s smears every voice, and no tone
TONE_RATIO = 10.0  # 10 dB above its neighbourhood
TONE_LOOKS = 20  # in the same bin for 0.8 s, not counting where a sibilant covers it
TONE_HIGHEST = 240
TONE_LOWEST = 16  # 500 Hz: below, the harmonics of a monotonous voice come close


class Canceller(Protocol):
    """What is used of pywebrtc_audio, which has no type information."""

    def process(self, near: Samples, far: Samples) -> Samples:
        """The near end without the far end; any number of whole frames of both."""
        ...


class Uncancelled:
    """In a canceller's place where the array or the system has one, or nobody: what it leaves is learned as usual."""

    def process(self, near: Samples, far: Samples) -> Samples:  # noqa: ARG002
        """The near end as it is."""
        return near


class Echo(NamedTuple):
    """Facts about one frame, levels in dBFS. `held_db` is the loudest far frame of the last 250 ms.

    `linear_db` is what the linear canceller leaves, and `path_db` what it takes off the echo lately.
    """

    near_db: float
    clean_db: float
    far_db: float
    held_db: float
    erle_db: float
    delay_ms: int
    converged: bool
    linear_db: float = SILENT_DB
    path_db: float = 0.0


class BlockFilter:
    """A recursive filter applied to whole frames of one or several signals: a matrix product a frame for all."""

    def __init__(self, b: Floats, a: Floats, signals: int = 1) -> None:
        self._order = len(b) - 1
        self._matrix = _matrix(b, a)
        self._line = np.zeros((signals, self._order + FRAME), np.float32)  # the filter's state, then the frame

    def __call__(self, *signals: Samples) -> Samples:
        """The next frames of each signal, or of the first of them: then the others stand still."""
        line, order, length = self._line[: len(signals)], self._order, len(signals[0])
        through = np.empty((len(signals), length), np.float32)
        for begin in range(0, length, FRAME):
            for n, signal in enumerate(signals):
                line[n, order:] = signal[begin : begin + FRAME]
            filtered = np.dot(line, self._matrix)  # half the price of matmul, for so little
            line[:, :order] = filtered[:, FRAME:]
            through[:, begin : begin + FRAME] = filtered[:, :FRAME]
        return to_int16(through)


def _matrix(b: Floats, a: Floats) -> NDArray[np.float32]:
    """(State, frame) times this is (filtered frame, next state).

    The state is scaled so that white noise moves each part of it alike: only then are 32 bits enough.
    """
    order = len(b) - 1
    step = np.eye(order, k=-1)
    step[0] = -a[1:]
    out = b[1:] - a[1:] * b[0]
    scale = np.linalg.cholesky(_spread(step))
    step = np.linalg.solve(scale, step @ scale)
    pushed, seen = np.linalg.solve(scale, np.eye(order)[0]), out @ scale
    state = pushed
    matrix = np.zeros((order + FRAME, FRAME + order))
    for n in range(FRAME):
        matrix[:order, n] = seen
        matrix[-1 - n, FRAME:] = state
        seen, state = seen @ step, step @ state
    matrix[:order, FRAME:] = np.linalg.matrix_power(step, FRAME).T
    answer = np.concatenate([b[:1], pushed @ matrix[:order, : FRAME - 1]])
    for n in range(FRAME):
        matrix[order + n, n:FRAME] = answer[: FRAME - n]
    return matrix.astype(np.float32)


def _spread(step: Floats) -> Floats:
    """How a state whose first part is driven by white noise spreads (its covariance)."""
    spread = np.zeros_like(step)
    spread[0, 0] = 1.0
    for _ in range(16):  # 2 ** 16 samples
        spread, step = spread + step @ spread @ step.T, step @ step
    return spread


def _peaks(power: NDArray[np.floating]) -> NDArray[np.floating]:
    """How far each bin from TONE_LOWEST on is above the bins 5 and 6 away on each side; 0 at peaks' slopes."""

    def bins(off: int) -> NDArray[np.floating]:
        return power[TONE_LOWEST + off : TONE_HIGHEST + off]

    here = bins(0)
    ratio: NDArray[np.floating] = 4 * here / (bins(-6) + bins(-5) + bins(5) + bins(6) + 4.0)
    ratio[(here < bins(-1)) | (here < bins(1))] = 0
    return ratio


def coefficients(notch_hz: float | None = None) -> tuple[Floats, Floats]:
    """(b, a) of the high-pass, second-order Butterworth, with the notch when there is one."""
    k = np.tan(np.pi * HIGH_PASS_HZ / CORE_RATE)
    norm = 1 / (1 + np.sqrt(2) * k + k * k)
    b = np.array([1.0, -2.0, 1.0]) * norm
    a = np.array([1.0, 2 * (k * k - 1) * norm, (1 - np.sqrt(2) * k + k * k) * norm])
    if notch_hz is not None:
        w, r = 2 * np.pi * notch_hz / CORE_RATE, 1 - np.pi * NOTCH_HZ / CORE_RATE
        b = np.convolve(b, [1, -2 * np.cos(w), 1])
        a = np.convolve(a, [1, -2 * r * np.cos(w), r * r])
    return b, a


class ToneFinder:
    """Finds one lasting tone in the far end; `hertz` is None as long as there has been none."""

    def __init__(self) -> None:
        self.hertz: float | None = None
        self._recent: list[Samples] = []
        self._window = np.hanning(TONE_BLOCK).astype(np.float32)
        self._power = np.zeros(TONE_BLOCK // 2 + 1, np.float32)
        self._looks = self._bin = 0

    def process(self, frame: Samples) -> bool:
        """The next audible frame of the far end; whether `hertz` has just changed."""
        self._recent.append(frame)
        if len(self._recent) < TONE_EVERY:
            return False
        block = np.concatenate(self._recent)[-TONE_BLOCK:]
        self._recent.clear()
        spectrum = np.fft.rfft(block * self._window)
        power = spectrum.real**2 + spectrum.imag**2
        self._power += TONE_SHARE * (power - self._power)
        return self._look(power)

    def _look(self, power: NDArray[np.floating]) -> bool:
        """The peak must be in this block's power as well as in the average, where a vowel stays for long."""
        ratio = _peaks(self._power)
        best = int(ratio.argmax())
        top, found = ratio[best], best + TONE_LOWEST
        if top < TONE_RATIO or abs(found - self._bin) > 1:
            self._bin, self._looks = found, 0
            return False
        self._looks += int(_peaks(power)[best] > TONE_RATIO)
        return self._looks >= TONE_LOOKS and self._take()

    def _take(self) -> bool:
        left, middle, right = np.log(self._power[self._bin - 1 : self._bin + 2] + 1e-9)
        offset = (left - right) / (2 * (left - 2 * middle + right) - 1e-9)  # the top of a parabola through the peak
        hertz = float(self._bin + offset) * CORE_RATE / TONE_BLOCK
        if self.hertz is not None and abs(hertz - self.hertz) < NOTCH_HZ / 4:
            return False
        self.hertz = hertz
        return True


class EchoCanceller:
    """Feed it every frame while the device may speak, near and far end of the same 10 ms. One thread only.

    The far end must be what sounds now or will within the next 250 ms, never what sounded before it is heard:
    when in doubt a far end 20 ms early is right and one 5 ms late is not.
    """

    def __init__(self, canceller: Canceller | None = None) -> None:
        self._canceller = canceller or _aec3()
        self._linear = LinearCanceller() if canceller is None else None
        self.linear: Samples = SILENCE  # the frames of `each`, without what is linear of their echo
        self._tones = ToneFinder()
        self._filter = BlockFilter(*coefficients(), 2)  # near end, far end
        self._far_levels: deque[float] = deque([SILENT_DB] * HOLD_FRAMES, maxlen=HOLD_FRAMES)
        self._envelopes: deque[tuple[float, float]] = deque(maxlen=LOOK_FRAMES)
        self._resting = REST_FRAMES
        self._erle = self._path_db = 0.0
        self._delay_ms = 0
        self._converged = False
        self._frames = 0
        self.each = [Echo(SILENT_DB, SILENT_DB, SILENT_DB, SILENT_DB, 0.0, 0, False)]

    @property
    def facts(self) -> Echo:
        """About the last frame."""
        return self.each[-1]

    def process(self, near: Samples, far: Samples) -> Samples:
        """Some frames of 160 samples without their echo; `each` is then about these frames.

        The far end is as long as the near end, or SILENCE.
        """
        far_dbs = [SILENT_DB] * (len(near) // FRAME) if far is SILENCE else levels_db(far.reshape(-1, FRAME))
        self._notch(far, far_dbs)
        levels: list[tuple[float, float, float]] = []
        cleaned, linear, begin = [], [], 0
        for rests, frames in groupby(map(self._rests, far_dbs)):
            end = begin + FRAME * len(list(frames))
            signals = self._cancelled(near[begin:end], far if far is SILENCE else far[begin:end], rests=rests)
            dbs = levels_db(np.concatenate(signals).reshape(-1, FRAME))
            count = len(dbs) // len(signals)
            levels += zip(dbs[:count], dbs[count : 2 * count], dbs[2 * count :], strict=True)
            cleaned.append(signals[1])
            linear.append(signals[2])
            begin = end
        self.each = [self._noted(*dbs, far_db) for dbs, far_db in zip(levels, far_dbs, strict=True)]
        self.linear = linear[0] if len(linear) == 1 else np.concatenate(linear)
        return cleaned[0] if len(cleaned) == 1 else np.concatenate(cleaned)

    def prime(self) -> None:
        """Put an AEC3 in place that has heard an echo: a fresh one lets the first words of a reply pass as a voice.

        35 ms of work, so for another thread. Of six replies over +6 dB of echo, each after a cold start, one was held
        for a moment within three seconds and three were ducked; all six were both without it.
        """
        if self._linear is None:
            return  # there is none
        primed, far = _aec3(), noise()
        echo = np.concatenate([np.zeros(PRIME_DELAY, np.int16), far[:-PRIME_DELAY] // 2])
        for begin in range(0, len(far), PRIME_PIECE):
            piece = slice(begin, begin + PRIME_PIECE)
            primed.process(echo[piece].copy(), far[piece].copy())
        self._canceller = primed

    def unprime(self) -> None:
        """Begin with an AEC3 that has heard nothing."""
        if self._linear is not None:
            self._canceller = _aec3()

    def shift(self, samples: int) -> None:
        """From the next frame on the echo follows the far end by so much more than before."""
        if self._linear is not None:
            self._linear.shift(samples)

    def _notch(self, far: Samples, far_dbs: list[float]) -> None:
        """Put a tone out of the way, if these frames show one."""
        for n, far_db in enumerate(far_dbs):
            if far_db > FAR_ACTIVE_DB and self._tones.process(far[n * FRAME : (n + 1) * FRAME]):
                self._filter = BlockFilter(*coefficients(self._tones.hertz), 2)

    def _rests(self, far_db: float) -> bool:
        """Whether there has been no far end for long."""
        self._resting = 0 if far_db > FAR_ACTIVE_DB else self._resting + 1
        return self._resting >= REST_FRAMES

    def _cancelled(self, near: Samples, far: Samples, *, rests: bool) -> tuple[Samples, Samples, Samples]:
        """(what is heard, what is left of it, what a linear filter leaves of it)."""
        if rests:
            heard: Samples = self._filter(near)[0]
            return heard, heard, heard
        heard, played = self._filter(near, np.zeros(len(near), np.int16) if far is SILENCE else far)
        clean = self._canceller.process(heard, played)
        return heard, clean, clean if self._linear is None else self._linear.process(heard, played)

    def _noted(self, near_db: float, clean_db: float, linear_db: float, far_db: float) -> Echo:
        self._far_levels.append(far_db)
        held = max(self._far_levels)
        if far_db > FAR_ACTIVE_DB:
            self._erle += ERLE_SHARE * (near_db - clean_db - self._erle)
            self._path_db += PATH_SHARE * (near_db - linear_db - self._path_db)
            self._converged = self._converged or self._erle > GOOD_ERLE_DB
            self._follow(near_db, far_db)
        return Echo(
            near_db, clean_db, far_db, held, self._erle, self._delay_ms, self._converged, linear_db, self._path_db
        )

    def _follow(self, near_db: float, far_db: float) -> None:
        self._envelopes.append((near_db, far_db))
        self._frames += 1
        if self._frames % RESTART_EVERY == 0 and self._linear is not None and self._misses_echo:
            self._linear.restart()
        if self._frames % LOOK_EVERY == 0 and len(self._envelopes) == LOOK_FRAMES:
            self._delay_ms = 10 * self._delay_frames()

    @property
    def _misses_echo(self) -> bool:
        """Whether AEC3 takes off a lot, and the linear canceller nothing."""
        return self._erle > GOOD_ERLE_DB and self._path_db < PATH_DB

    def _delay_frames(self) -> int:
        """As the linear canceller has found it, where it has found something."""
        if self._linear is not None and self._path_db > PATH_DB:
            return self._linear.delay
        return delay_frames(np.fromiter(chain.from_iterable(self._envelopes), float).reshape(-1, 2))


def delay_frames(envelopes: NDArray[np.float64]) -> int:
    """By how many frames the first column's level follows the second's, 0 to 24: where they correlate best."""
    near, far = (envelopes - envelopes.mean(axis=0)).T
    products = np.correlate(np.concatenate([near, np.zeros(LAGS - 1)]), far, "valid")
    return int(np.argmax(products / (len(far) - np.arange(LAGS))))


def noise() -> Samples:
    """Four seconds that are the same every time, at -21 dBFS."""
    steps = np.random.default_rng(0).standard_normal(PRIME_S * CORE_RATE)
    return np.clip(steps * 3000, -32768, 32767).astype(np.int16)


def _aec3() -> Canceller:
    import pywebrtc_audio

    canceller: Canceller = pywebrtc_audio.EchoCanceller(sample_rate=CORE_RATE, num_channels=1)
    return canceller
