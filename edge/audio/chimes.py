"""Chimes, made when they are needed: a few partials that are struck softly and die away, like a small bell's.

Each is at LEVEL_DB (RMS over its length, before any volume): a reply's speech is at about the same. None clips.
The partials have no common fundamental below 300 Hz, and a note lasts a tenth of a second, so that a detector of
voices does not take them for one (tests/audio/test_chimes.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.audio.convert import Samples
from edge.core.effects import Tone
from edge.core.ringing import TUNE_S

LEVEL_DB = -20.0  # dBFS
THINKING_DB = -34.0  # heard every two seconds, perhaps for half a minute
LOUD, SOFTER_DB = 4, 3.0  # which tune is the first at full loudness, and by how much those before it fall short
ATTACK_S = 0.006
RELEASE_S = 0.015
# A bar that is struck: its second partial is at 2.76 times the first, and both die away at their own pace.
PARTIALS = ((1.0, 1.0, 1.0), (2.756, 0.18, 0.45))  # frequency, strength and time constant, relative to the first


@dataclass(frozen=True, slots=True)
class Note:
    """Begins after `at_s`, and falls to a third in `decay_s`."""

    at_s: float
    hertz: float
    decay_s: float = 0.05
    strength: float = 1.0


NOTES = {
    Tone.START: (Note(0.0, 784.0), Note(0.08, 1175.0, 0.06)),  # up a fifth: G5, D6
    Tone.END: (Note(0.0, 1175.0), Note(0.08, 784.0, 0.06)),  # and down
    Tone.UNMUTE: (Note(0.0, 523.0), Note(0.09, 659.0), Note(0.18, 784.0, 0.07)),  # C5, E5, G5
    Tone.MUTE: (Note(0.0, 784.0), Note(0.09, 659.0), Note(0.18, 523.0, 0.07)),
    Tone.ERROR: (Note(0.0, 466.0, 0.06), Note(0.14, 466.0, 0.08)),  # B flat 4, twice
    Tone.OFFLINE: (Note(0.0, 698.0, 0.06), Note(0.12, 554.0, 0.06), Note(0.24, 440.0, 0.09)),  # falling: F5, Db5, A4
    Tone.THINKING: (Note(0.0, 587.0, 0.035), Note(0.11, 587.0, 0.035, 0.6)),  # two knocks on wood
    Tone.TIMER: (Note(0.0, 880.0), Note(0.09, 1109.0), Note(0.18, 1319.0, 0.08)),  # up: A5, C sharp 6, E6
}
LENGTHS_S = {
    Tone.START: 0.22, Tone.END: 0.22, Tone.UNMUTE: 0.36, Tone.MUTE: 0.36,
    Tone.ERROR: 0.34, Tone.OFFLINE: 0.46, Tone.THINKING: 0.22, Tone.TIMER: 0.4,
}  # fmt: skip


TUNE = tuple(
    Note(at + shift, hertz, 0.16)
    for shift in (0.0, 0.9)
    for at, hertz in ((0.0, 880.0), (0.15, 1109.0), (0.3, 1319.0), (0.45, 1760.0))
)
SOUNDS_S = 1.9  # of the tune; the rest of it is silence, in which somebody can be heard


def tune(rate: int, number: int) -> Samples:
    """What a timer rings with, of TUNE_S: mono int16 at `rate`. The first ones are softer, from the fourth on LOUD."""
    t = np.arange(round(TUNE_S * rate)) / rate
    sounding = t < SOUNDS_S
    sound = np.zeros(len(t))
    for note in TUNE:
        sound[sounding] += _struck(t[sounding] - note.at_s, note)
    sound[sounding] *= np.clip((SOUNDS_S - t[sounding]) / RELEASE_S, 0.0, 1.0)
    wanted = 10 ** ((LEVEL_DB - SOFTER_DB * max(0, LOUD - number)) / 20)
    sound *= 32767 * wanted / np.sqrt(np.mean(sound[sounding] ** 2))
    return np.rint(sound).astype(np.int16)


def chime(tone: Tone, rate: int) -> Samples:
    """Mono int16 at `rate`, which is 8 kHz or more."""
    t = np.arange(round(LENGTHS_S[tone] * rate)) / rate
    sound = np.zeros(len(t))
    for note in NOTES[tone]:
        sound += note.strength * _struck(t - note.at_s, note)
    sound *= np.clip((t[-1] - t) / RELEASE_S, 0.0, 1.0)
    wanted = 10 ** ((THINKING_DB if tone is Tone.THINKING else LEVEL_DB) / 20)
    sound *= 32767 * wanted / np.sqrt(np.mean(sound**2))
    return np.rint(sound).astype(np.int16)


def _struck(t: NDArray[np.float64], note: Note) -> NDArray[np.float64]:
    """One note, on a clock that is 0 when it begins."""
    after = np.maximum(t, 0.0)
    attack = 0.5 - 0.5 * np.cos(np.pi * np.clip(after / ATTACK_S, 0.0, 1.0))
    waves = (
        strength * np.exp(-after / (note.decay_s * decay)) * np.sin(2 * np.pi * note.hertz * factor * after)
        for factor, strength, decay in PARTIALS
    )
    return np.asarray(attack * sum(waves))
