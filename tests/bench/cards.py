"""One interruption through virtual sound cards: what is played into the microphone, and what the speaker did then."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from tests.bench.barge_in import Case
from tests.bench.closed_loop import RATE as CASE_RATE
from tests.bench.closed_loop import ROOM_DB
from tests.bench.peers.program import Program
from tests.rig import RATE, Rig, wait_for

Levels = NDArray[np.float64]
STEP_S = 0.005  # between levels
QUIET_DB = -60.0  # the tone in the reply is 22 dB louder
TONE_HZ, DUCKED_DB, DUCKED_S = 6000, 9.0, 0.04
STOPPED_S, FALSE_S = 0.35, 0.25  # of silence: after a person's onset, and after a noise's
OVER_S = 1.0  # of silence: more than any pause that is resumed
EARLY_S = 0.12  # before its label that a voice can be heard
WHOLE = 0.8  # of a sound at the microphone, by correlation: what is louder there blurs it
LEAD_S, AFTER_S = 1.5, 1.3  # of the reply before a case, and what is listened to after it


@dataclass(frozen=True, slots=True)
class Trial:
    """Times in ms from the labelled onset; None: it did not happen.

    `itself`: silent before anybody spoke. `lost`: the case did not reach the microphone whole.
    """

    case: Case
    ducked: float | None = None
    silent: float | None = None
    held: float = 0.0  # ms of silence in a reply that went on: a pause, or a gap of a busy machine
    itself: bool = False
    lost: bool = False


def share(heard: NDArray[np.int16], played: Levels, begin: int) -> float:
    """How much of a sound is in a recording there: 1.0 for all of it."""
    part = heard[begin : begin + len(played)] / 32768
    return float(part @ played[: len(part)] / (played @ played))


@dataclass(frozen=True, slots=True)
class Alone:
    """`held`: ms of silence in it; `ended`: seconds until it fell silent for good, None: it did not.

    `delay`: ms by which its last half second came back by the microphone.
    """

    held: float
    ended: float | None
    delay: float


def levels(sound: NDArray[np.int16]) -> Levels:
    """In dBFS, for every 5 ms."""
    x = _steps(sound)
    return np.asarray(10 * np.log10(np.mean(x**2, axis=1) + 1e-12))


def tone(sound: NDArray[np.int16]) -> Levels:
    """The level of the reply's tone in dBFS, for every 5 ms."""
    x = _steps(sound)
    window = np.hanning(x.shape[1])
    turn = np.exp(-2j * np.pi * TONE_HZ * np.arange(x.shape[1]) / RATE) * window
    return np.asarray(20 * np.log10(np.sqrt(2) * np.abs(x @ turn) / window.sum() + 1e-9))


def _steps(sound: NDArray[np.int16]) -> Levels:
    step = round(RATE * STEP_S)
    return (sound[: len(sound) // step * step] / 32768).reshape(-1, step)


def lasting(which: NDArray[np.bool_], seconds: float) -> int | None:
    """Where the first run of so many seconds begins."""
    need = round(seconds / STEP_S)
    runs = np.convolve(which, np.ones(need), "valid") >= need - 0.5
    return int(np.argmax(runs)) if runs.any() else None


def place(heard: NDArray[np.int16], played: Levels) -> int:
    """At which sample of a recording a sound begins that is in it."""
    size = 1 << int(np.ceil(np.log2(len(heard) + len(played))))
    spectrum = np.fft.rfft(heard.astype(np.float64), size) * np.conj(np.fft.rfft(played, size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(heard)]))


class Booth:
    """A rig with a room's noise, and a recorder at either end."""

    def __init__(self, sound: Rig) -> None:
        self.rig = sound
        sound.noise(ROOM_DB)
        self._speaker, self._microphone = sound.record("spk"), sound.record("micfeed")
        time.sleep(2.0)  # a recorder's first blocks come in a burst
        self._rng = np.random.default_rng(0)
        self._replies = 0

    @property
    def sounding(self) -> bool:
        """Whether the program speaks now, but for the last 20 ms, which are still on their way."""
        now = time.monotonic()
        heard = levels(self._speaker.between(now - 0.1, now - 0.02))
        return bool(len(heard)) and float(heard.max()) > QUIET_DB

    def begin(self, program: Program) -> float:
        """A reply, each from another place of the recording; returns when it sounds."""
        program.begin(self._replies * 7.3 % 40)
        self._replies += 1
        wait_for(lambda: self.sounding, 10, f"{program.name} to speak")
        return time.monotonic()

    def alone(self, program: Program, seconds: float) -> Alone:
        """A reply that nobody speaks over."""
        began = self.begin(program)
        at: int | None = None
        quiet = np.zeros(0, bool)
        while at is None and time.monotonic() < began + seconds:
            time.sleep(0.2)
            quiet = levels(self._speaker.between(began, time.monotonic())) < QUIET_DB
            at = lasting(quiet, OVER_S)
        program.rest()
        ended = None if at is None else at * STEP_S
        end = began + (seconds if ended is None else ended)
        return Alone(float(quiet[:at].sum()) * STEP_S * 1000, ended, self._delay(max(began, end - 0.5), end))

    def _delay(self, begin: float, end: float) -> float:
        said = self._speaker.between(begin, end)
        return place(self._microphone.between(begin, end + 0.3), said / 32768) / RATE * 1000

    def trial(self, program: Program, case: Case, silence_s: float = STOPPED_S) -> Trial:
        """One case over one reply, which so much silence ends; once more if the machine swallowed a part of it."""
        return self._once(program, case, silence_s) or self._once(program, case, silence_s) or Trial(case, lost=True)

    def _once(self, program: Program, case: Case, silence_s: float) -> Trial | None:
        self.begin(program)
        time.sleep(LEAD_S + 0.5 * self._rng.random())
        if not self.sounding:
            program.rest()
            return Trial(case, itself=True)
        sound = soxr.resample(case.sound, CASE_RATE, RATE)
        length = len(sound) / RATE
        at = self.rig.play(sound)
        time.sleep(length + AFTER_S + 0.1)
        heard = self._microphone.between(at - 0.2, at + length + 1.0)
        began = place(heard, sound)
        onset = at - 0.2 + began / RATE + case.onset_s
        spoken = self._speaker.between(onset - 1.0, onset + length + 1.0)
        program.rest()
        if share(heard, sound, began) < WHOLE:
            return None
        return judged(case, spoken, silence_s)


def judged(case: Case, spoken: NDArray[np.int16], silence_s: float = STOPPED_S) -> Trial:
    """What the speaker did; `spoken` begins a second before the onset."""
    quiet, pilot = levels(spoken) < QUIET_DB, tone(spoken)
    onset, early = round(1 / STEP_S), round((1 - EARLY_S) / STEP_S)
    usual = float(np.median(pilot[:early]))
    if quiet[:early].mean() > 0.5:
        return Trial(case, itself=True)
    ducked = lasting(pilot[early:] < usual - DUCKED_DB, DUCKED_S)
    silent = lasting(quiet[early:], silence_s)
    return Trial(
        case,
        None if ducked is None else (early + ducked - onset) * STEP_S * 1000,
        None if silent is None else (early + silent - onset) * STEP_S * 1000,
        0.0 if silent is not None else float(quiet[early:].sum()) * STEP_S * 1000,
    )
