"""A room with a loudspeaker, a microphone and a person, in steps of 10 ms; the loudspeaker does as it is told.

The same numbers as the black-box meter: near speech at -26 dBFS, the reply at -20 with a 6 kHz tone at -38,
the room at -66, its echo 40 ms late through an 80 ms response. A verdict is heard `latency` frames later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from edge.audio.convert import FRAME, Samples
from edge.audio.far import SLACK
from edge.core.near_end import Verdict

Sound = NDArray[np.float64]
RATE = 16_000
NEAR_DB, REPLY_DB, TONE_DB, ROOM_DB, NOISE_DB = -26.0, -20.0, -38.0, -66.0, -23.0
GAINS = {"play": 1.0, "duck": 0.2, "pause": 0.0, "stop": 0.0}
LEAD = 160  # samples before the direct sound in the response: the resampler rings


@dataclass(frozen=True, slots=True)
class Condition:
    """`echo_db`: the reply at the microphone relative to the near speech, None for headphones."""

    name: str
    echo_db: float | None = None
    delay_s: float = 0.04
    ppm: float = 0.0  # how much faster the microphone's clock is than the loudspeaker's
    drive: float = 0.0  # of a tanh: 3 is a loudspeaker well into its limits
    room: int = 1  # which reflections
    decay_s: float = 0.25  # to -60 dB; the response is as long as it takes to -20
    latency: int = 4  # frames between a verdict and its sound


def response(seed: int = 1, decay_s: float = 0.25) -> Sound:
    """Direct sound, six reflections, a decaying tail: by default 80 ms of it, the meter's, at 16 kHz."""
    rate = 48_000
    rng = np.random.default_rng(seed)
    n = int(0.32 * decay_s * rate)
    h = rng.standard_normal(n) * np.exp(-6.9 * np.arange(n) / (decay_s * rate)) * 0.35 / np.sqrt(n) * 4
    h[: int(0.002 * rate)] = 0
    h[0] = 1.0
    for k in rng.integers(int(0.002 * rate), int(0.02 * rate), 6):
        h[k] += rng.choice([-1, 1]) * rng.uniform(0.2, 0.5)
    h /= np.sqrt(np.sum(h**2))
    pad = np.zeros(LEAD * 3)
    return np.asarray(soxr.resample(np.concatenate([pad, h, pad]), rate, RATE) * 3, np.float64)


def rms_db(sound: Sound) -> float:
    return 10 * float(np.log10(np.mean(sound**2) + 1e-12))


def at_level(sound: Sound, now_db: float, wanted_db: float) -> Sound:
    """Scaled, with 10 ms fades and its peaks below full scale."""
    louder = sound * 10 ** ((wanted_db - now_db) / 20)
    louder *= min(1.0, 0.89 / float(np.abs(louder).max(initial=1e-9)))
    ramp = np.linspace(0, 1, FRAME)
    louder[:FRAME] *= ramp
    louder[-FRAME:] *= ramp[::-1]
    return louder


def reply(recordings: list[Samples], seconds: float) -> Sound:
    """Speech without long pauses, and a tone that never pauses."""
    parts: list[Sound] = []
    while sum(map(len, parts)) < seconds * RATE:
        for recording in recordings:
            x = recording / 32768
            blocks = x[: len(x) // 320 * 320].reshape(-1, 320)
            level = np.sqrt(np.mean(blocks**2, axis=1))
            kept = np.convolve(level > 0.05 * np.percentile(level, 95), np.ones(9), "same") > 0
            y = blocks[kept].ravel()
            parts.append(y * 10 ** (REPLY_DB / 20) / np.sqrt(np.mean(y**2)))
    whole = np.concatenate(parts)[: int(seconds * RATE)]
    tone = 10 ** (TONE_DB / 20) * np.sqrt(2) * np.sin(2 * np.pi * 6000 * np.arange(len(whole)) / RATE + 0.3)
    return np.clip(whole, -0.95, 0.95) + tone


def to_int16(sound: Sound) -> Samples:
    return np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16)


class Room:
    """`hear` gives the microphone's and the loudspeaker's frame, `obey` lets the reply go on as told."""

    def __init__(self, near: Sound, said: Sound, condition: Condition, seed: int = 0) -> None:
        self._near, self._said, self._condition = near, said, condition
        self.frames = len(near) // FRAME
        self._rng = np.random.default_rng(seed)
        gain_db = None if condition.echo_db is None else NEAR_DB + condition.echo_db - REPLY_DB
        self._gain = 0.0 if gain_db is None else 10 ** (gain_db / 20)
        h = response(condition.room, condition.decay_s)
        self._span = len(h) + FRAME
        self._points = 1 << (self._span - 1).bit_length()
        self._transfer, self._turn = np.fft.rfft(h, self._points), 2j * np.pi * np.fft.rfftfreq(self._points)
        self._sounding = np.zeros((self.frames + condition.latency + 2) * FRAME)
        self.silent = np.zeros(self.frames + condition.latency + 2, bool)
        self.now = self._position = 0
        self._volume, self._mode = 1.0, "play"
        self._slip = 0
        for frame in range(condition.latency):
            self._render(frame)

    def _render(self, frame: int) -> None:
        wanted = GAINS[self._mode]
        if self._volume == wanted == 0.0:
            self.silent[frame] = True
            return
        part = self._said[self._position : self._position + FRAME]
        self._position = (self._position + FRAME) % (len(self._said) - FRAME)
        self._sounding[frame * FRAME : (frame + 1) * FRAME] = part * np.linspace(self._volume, wanted, FRAME)
        self._volume = wanted

    def hear(self) -> tuple[Samples, Samples]:
        """Near and far end of this frame."""
        here = slice(self.now * FRAME, (self.now + 1) * FRAME)
        near = self._near[here] + self._rng.standard_normal(FRAME) * 10 ** (ROOM_DB / 20)
        if self._gain:
            near = near + self._gain * self._echo(here.start)
        return to_int16(near), to_int16(self._far(here.start))

    def _far(self, start: int) -> Sound:
        """As `edge.audio.far` reads it: following the clocks in steps of 5 ms."""
        drift = start * self._condition.ppm * 1e-6
        if abs(drift - self._slip) > SLACK:
            self._slip = round(drift)
        return self._sounding[start - self._slip : start - self._slip + FRAME]

    def _echo(self, start: int) -> Sound:
        """A fraction of a sample is a turn of the spectrum, so that clocks can drift."""
        c = self._condition
        place = start * (1 - c.ppm * 1e-6) - c.delay_s * RATE + LEAD
        whole = int(np.floor(place))
        segment = np.zeros(self._span)
        begin, end = whole + FRAME - self._span, min(whole + FRAME, len(self._sounding))
        low = max(begin, 0)
        if low < end:
            segment[low - begin : end - begin] = self._sounding[low:end]
        if c.drive:
            segment = np.tanh(c.drive * segment) / c.drive
        spectrum = np.fft.rfft(segment, self._points) * self._transfer * np.exp(self._turn * (place - whole))
        return np.fft.irfft(spectrum, self._points)[self._span - FRAME : self._span]

    def obey(self, verdict: Verdict) -> None:
        """Do as told, and let 10 ms pass."""
        modes = {Verdict.DUCK: "duck", Verdict.PAUSE: "pause", Verdict.RESUME: "play", Verdict.STOP: "stop"}
        self._mode = modes.get(verdict, self._mode)
        self._render(self.now + self._condition.latency)
        self.now += 1

    def again(self) -> None:
        """The next reply begins."""
        self._mode = "play"

    def silent_from(self, frame: int, hold: int) -> int | None:
        """The first frame from which the loudspeaker is silent for `hold` frames."""
        runs = np.convolve(self.silent[frame:], np.ones(hold), "valid") >= hold - 0.5
        return frame + int(np.argmax(runs)) if runs.any() else None
