"""The Sounds port: chimes made at the output's rate, and the recorded sentences of the device's language."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from edge.audio import adpcm
from edge.audio.chimes import chime, tune
from edge.audio.convert import Samples
from edge.audio.speaker import QueueSpeaker
from edge.config import Config
from edge.core.effects import Tone
from edge.core.reports import SENTENCES, Problem
from edge.core.stage import SoundSettings
from edge.errors import AudioError

CHECK_S = 1.2  # of a wait, until it is said that it takes a moment: before the sound of thinking
FOLDER = Path(__file__).parents[1] / "data" / "reports"


class Sounds:
    """See ports.Sounds. `volume` in percent, of the reply's."""

    def __init__(self, speaker: QueueSpeaker, language: str, volume: int) -> None:
        self._speaker, self._language = speaker, language
        self.volume = volume

    def play(self, sound: Tone | Problem) -> None:
        """See ports.Sounds."""
        if isinstance(sound, Tone):
            self._sound(chime(sound, self._speaker.rate), self._speaker.rate)
        else:
            self._sound(*_spoken(path_of(sound, self._language)))

    def ring(self, turn: int, number: int) -> None:
        """See ports.Sounds."""
        rate = self._speaker.rate
        self._speaker.play(turn, self._at_volume(tune(rate, number)).tobytes(), rate)

    def hush(self) -> None:
        """See ports.Sounds."""
        self._speaker.overlay.hush()

    def _sound(self, samples: Samples, rate: int) -> None:
        self._speaker.sound(self._at_volume(samples), rate)

    def _at_volume(self, samples: Samples) -> Samples:
        return (samples * np.float32((self.volume / 100) ** 2)).astype(np.int16)


@lru_cache(2)
def _spoken(path: Path) -> tuple[Samples, int]:
    clip = adpcm.read(path)
    return clip.decode(), clip.rate


def path_of(problem: Problem, language: str) -> Path:
    """Where a sentence is recorded."""
    return FOLDER / language / f"{problem}.wav"


def sound_settings(config: Config) -> SoundSettings:
    """What may be heard. A sentence that cannot be read is left out: then there is a chime in its place."""
    sounds = config.sounds
    wanted = {
        Tone.START: sounds.start, Tone.END: sounds.end, Tone.MUTE: sounds.mute, Tone.UNMUTE: sounds.mute,
        Tone.ERROR: sounds.error, Tone.OFFLINE: sounds.offline, Tone.THINKING: sounds.thinking,
        Tone.TIMER: sounds.timer,
    }  # fmt: skip
    clips = _lengths(config.device.language)
    said = {one: s for one, s in clips.items() if (sounds.check if one is Problem.WAIT else sounds.reports)}
    tones = frozenset(tone for tone, on in wanted.items() if on)
    return SoundSettings(tones, said, check_s=CHECK_S if sounds.check else None)


def _lengths(language: str) -> dict[Problem, float]:
    found = {}
    for problem in SENTENCES[language]:
        try:
            found[problem] = adpcm.read(path_of(problem, language)).seconds
        except AudioError:
            continue
    return found
