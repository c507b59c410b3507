"""An echo that a filter knows, and that has moved."""

from __future__ import annotations

import numpy as np
import pytest

from edge.audio.aligning import EVERY, FRAMES, Aligner
from tests.bench.clips import DATA
from tests.signals import recording

SAID = recording(DATA / "speech" / "jfk.flac")[16_000:32_000] / 32768
VOICE = recording(DATA / "speech" / "librivox_0880.flac")[8_000:24_000] / 32768


def found(by: int, loudness: float = 1.0, voice: float = 0.0) -> int:
    """The first thing that is said in a second in which the echo comes `by` samples later than expected."""
    aligner = Aligner()
    heard = loudness * np.roll(SAID, by) + voice * VOICE
    for at in range(0, len(SAID) - 159, 160):
        moved = aligner.note(heard[at : at + 160], SAID[at : at + 160])
        if moved:
            return moved
    return 0


@pytest.mark.parametrize("samples", [30, -30, 300, -300])
def test_it_says_by_how_much(samples: int) -> None:
    assert found(samples) == samples


def test_also_beside_a_softer_voice() -> None:
    assert found(50, voice=0.3) == 50


def test_what_is_where_it_was_has_not_moved() -> None:
    """However much louder or softer it is: that is for the filter."""
    assert found(0) == found(0, loudness=3.0) == found(0, voice=1.0) == 0


def test_a_voice_is_no_echo_that_moved() -> None:
    assert found(0, loudness=0.0, voice=1.0) == 0


def test_it_needs_a_quarter_of_a_second() -> None:
    aligner = Aligner()
    said = [aligner.note(SAID[n * 160 + 30 :][:160], SAID[n * 160 :][:160]) for n in range(FRAMES + EVERY)]
    assert not any(said[: FRAMES - 1])
    assert said[FRAMES - 1] == -30
