"""The recorded sentences, read back by the offline engine's ears, which know all four languages."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soxr

from edge.audio import adpcm
from edge.audio.sounds import path_of
from edge.core.reports import SENTENCES
from tests.speech import models_present, whisper

RATE = 16_000  # of Whisper
MOST_WRONG = 0.05  # of the words of a language

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not models_present(), reason="needs the offline models (edge-voice models fetch)"),
]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower().replace("'", " "))


def wrong(meant: list[str], heard: list[str]) -> int:
    """Words to change, add or leave out (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, one in enumerate(meant, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


@pytest.mark.parametrize("language", SENTENCES)
def test_what_is_said_is_understood(language: str) -> None:
    mistakes, count, told = 0, 0, []
    for problem, sentence in SENTENCES[language].items():
        clip = adpcm.read(path_of(problem, language))
        pcm = np.asarray(soxr.resample(clip.decode(), clip.rate, RATE), np.int16)
        heard = whisper(language).read(pcm.tobytes()).text
        missed = wrong(words(sentence), words(heard))
        told += [f"{sentence} -> {heard}"] if missed else []
        mistakes, count = mistakes + missed, count + len(words(sentence))
    assert mistakes <= MOST_WRONG * count, told


def test_mistakes_are_counted() -> None:
    """Else the test above could not fail."""
    meant = words("Ich habe nichts gehört.")
    assert [wrong(meant, words(heard)) for heard in ("ich habe nichts gehört", "Ich habe Nische er hat", "")] == [
        0,
        3,
        4,
    ]
