"""Is what was heard during a pause of the reply speech? Pure.

A weighted sum of a few facts (logistic regression on half of the recordings; `tests/bench/barge_in.py` reports both).
Where one person in twenty is not let in at the first try, a neural detector alone stops for 26 % of 121 coughs,
with level, pitch and balance it is 12 %. Without the detector 30 % of the coughs and one noise in six stop a reply,
and one person in five is not let in at all: it is a fallback, and `calibrate` should advise the button.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from statistics import fmean, median, pstdev

LOOK_FRAMES = 20  # as many as the pause has
LATEST_FRAMES = 12  # 120 ms, four answers of the neural detector
PERIODIC = 0.7  # autocorrelation of a voice; noise stays below 0.5
SHRILL = 0.6  # barks and cries are rough: less periodic than a voice, and still a pitch
DEEPEST_HZ, HIGHEST_HZ = 76.0, 400.0  # voices; dogs, babies and whistles are above
ACTIVE_DB, QUIET_DB = 25.0, -58.0  # frames so far below the loudest say nothing of the sound
HIGH_LIMITS = (-30.0, 20.0)
MOST_WANDERING = 1.0  # where there are no two periodic frames in a row


@dataclass(frozen=True, slots=True)
class Sound:
    """What 32 ms sound like: `periodicity` 0 to 1; `high_db` is the energy of 2-5.7 kHz over that of 80-1000 Hz."""

    periodicity: float = 0.0
    pitch_hz: float = 0.0
    high_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame of a suspect: `out` when it was voiced and stood out; `speech` is None without a neural detector."""

    level_db: float
    out: bool
    speech: float | None
    sound: Sound


@dataclass(frozen=True, slots=True)
class Weights:
    """What each fact counts for; the sum is positive for speech."""

    base: float
    speech_latest: float
    speech_last: float
    speech_all: float
    modulated: float
    high: float
    shrill: float
    out: float
    wandering: float


# Fitted with both classes weighing the same; the base is then lowered by 0.5 (1.0 without the neural detector).
WITH_NEURAL = Weights(-1.18, 1.47, 4.87, 4.08, 0.0, -0.44, -1.41, -7.19, -0.96)
WITHOUT = Weights(-1.62, 0.0, 0.0, 0.0, 4.47, -0.27, -8.32, 0.0, -3.07)


def score(heard: Sequence[Heard]) -> float:
    """Above 0: speech, going by the whole of what was heard, the last frames most of all."""
    frames = heard[-LOOK_FRAMES:]
    speech = [frame.speech for frame in heard if frame.speech is not None][-LOOK_FRAMES - 6 :]
    weights = WITH_NEURAL if speech else WITHOUT
    latest, last, all_ = (fmean(speech[-LATEST_FRAMES:]), speech[-1], fmean(speech)) if speech else (0.0, 0.0, 0.0)
    active = _active(frames)
    return (
        weights.base
        + weights.speech_latest * latest
        + weights.speech_last * last
        + weights.speech_all * all_
        + weights.modulated * (pstdev(f.level_db for f in active) / 10 if active else 0.0)
        + weights.high * _high(frames)
        + weights.shrill * sum(_is_shrill(f.sound) for f in active) / len(frames)
        + weights.out * fmean(f.out for f in frames)
        + weights.wandering * _wandering(frames)
    )


def _active(frames: Sequence[Heard]) -> list[Heard]:
    least = max(max(f.level_db for f in frames) - ACTIVE_DB, QUIET_DB)
    return [f for f in frames if f.level_db > least]


def _is_shrill(sound: Sound) -> bool:
    return sound.pitch_hz > HIGHEST_HZ and sound.periodicity > SHRILL


def _high(frames: Sequence[Heard]) -> float:
    """Balance in units of 10 dB, the loud frames counting most."""
    power = [10 ** (f.level_db / 10) for f in frames]
    balance = (min(max(f.sound.high_db, HIGH_LIMITS[0]), HIGH_LIMITS[1]) for f in frames)
    return sum(p * b for p, b in zip(power, balance, strict=True)) / sum(power) / 10


def _wandering(frames: Sequence[Heard]) -> float:
    """How far the pitch moves from one frame to the next, in units of 10 %: a voice glides, a rattle jumps."""
    active = {id(f) for f in _active(frames)}
    steps = [
        abs(log(b.sound.pitch_hz / a.sound.pitch_hz))
        for a, b in pairwise(frames)
        if _is_voice(a.sound) and _is_voice(b.sound) and id(a) in active and id(b) in active
    ]
    return min(MOST_WANDERING, 10 * median(steps)) if steps else MOST_WANDERING


def _is_voice(sound: Sound) -> bool:
    return sound.periodicity > PERIODIC and DEEPEST_HZ < sound.pitch_hz < HIGHEST_HZ
