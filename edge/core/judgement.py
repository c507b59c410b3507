"""Is what was heard during a pause of the reply speech? Pure.

A weighted sum of a few facts: a logistic regression, for which `tests/bench/barge_in.py` names the recordings.
Judged five or six times in a row, on people and noises that it was not fitted on, it lets 96 of 100 people in at the
first try where there is no echo and 88 over one (71 of single words after 150 ms), and 98 and 90 in the end. No cough
was in the fit: of 121 it lets 4 % pass, and over echo 22 %; of other noises none, and 4 %. Where a neural detector's
answers alone let one cough in twenty pass, they let 74 people in. Without that detector 87 of 100 people are let in,
9 % of the coughs and 8 % of the noises: it is a fallback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from statistics import fmean, median, pstdev

LOOK_FRAMES = 20  # as many as the pause has
NEURAL_FRAMES = 26  # eight answers of the neural detector
SOONEST, LATEST = 5, 35  # frames: who goes on beside a noise must still get in
UNSURE = 0.02  # how near to 0 and 1 the neural detector's answers mean anything
PERIODIC = 0.7  # autocorrelation of a voice; noise stays below 0.5
SHRILL = 0.6  # barks and cries are rough: less periodic than a voice, and still a pitch
DEEPEST_HZ, HIGHEST_HZ = 76.0, 400.0  # voices; dogs, babies and whistles are above
WHISTLE_HZ = 550.0  # children who call stay below
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
    """What each fact counts for; the sum is positive for speech. Of noise `out` is steadier than of a voice."""

    base: float
    periodic: float
    out: float
    late: float
    high: float
    speech_last: float = 0.0
    speech_all: float = 0.0
    modulated: float = 0.0
    shrill: float = 0.0
    whistled: float = 0.0
    wandering: float = 0.0


# Fitted with both classes weighing the same; the base is then lowered by 1.8, 1.7 and 1.0. A whistle's weight is set by
# hand: it costs none of the 430 people who were looked at.
ALONE = Weights(3.9, 12.92, -3.28, -5.48, -0.95, speech_last=1.19, speech_all=3.67, whistled=-6.0)
OVER_ECHO = Weights(3.7, 8.05, -7.96, -2.07, -0.63, speech_last=1.43)
WITHOUT = Weights(-9.0, 13.44, -3.18, -0.58, -0.7, modulated=4.81, shrill=-5.61, wandering=-1.24)


def score(heard: Sequence[Heard], *, echo: bool = False) -> float:
    """Above 0: speech, going by the last 200 ms, over what a canceller leaves of an `echo` or without.

    The longer it has taken, the clearer it must be.
    """
    frames = heard[-LOOK_FRAMES:]
    active = _active(frames)
    speech = [frame.speech for frame in heard[-NEURAL_FRAMES:] if frame.speech is not None]
    weights = (OVER_ECHO if echo else ALONE) if speech else WITHOUT
    total = (
        weights.base
        + weights.periodic * (fmean(f.sound.periodicity for f in active) if active else 0.0)
        + weights.out * fmean(f.out for f in frames)
        + weights.late * log(min(max(len(heard), SOONEST), LATEST))
        + weights.high * _high(frames)
    )
    if speech:
        return (
            total
            + weights.speech_last * _odds(speech[-1])
            + weights.speech_all * fmean(speech)
            + weights.whistled * sum(_is_shrill(f.sound, WHISTLE_HZ) for f in active) / len(frames)
        )
    return (
        total
        + weights.modulated * (pstdev(f.level_db for f in active) / 10 if active else 0.0)
        + weights.shrill * sum(_is_shrill(f.sound, HIGHEST_HZ) for f in active) / len(frames)
        + weights.wandering * _wandering(frames)
    )


def _odds(speech: float) -> float:
    """Their logarithm, up to 4 either way."""
    return log((speech + UNSURE) / (1 + UNSURE - speech))


def _active(frames: Sequence[Heard]) -> list[Heard]:
    least = max(max(f.level_db for f in frames) - ACTIVE_DB, QUIET_DB)
    return [f for f in frames if f.level_db > least]


def _is_shrill(sound: Sound, above_hz: float) -> bool:
    return sound.pitch_hz > above_hz and sound.periodicity > SHRILL


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
