"""How long, how loud and how clean the chimes are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from edge.audio.chimes import LEVEL_DB, THINKING_DB, chime
from edge.audio.convert import level_db
from edge.core.effects import Tone

RATES = (8_000, 16_000, 24_000, 44_100, 48_000)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("tone", Tone)
def test_a_chime_is_short_at_its_level_and_does_not_clip(tone: Tone, rate: int) -> None:
    sound = chime(tone, rate)
    assert sound.dtype == np.int16
    assert len(sound) / rate <= (0.25 if tone in {Tone.START, Tone.END, Tone.THINKING} else 0.5)
    assert level_db(sound) == pytest.approx(THINKING_DB if tone is Tone.THINKING else LEVEL_DB, abs=0.2)
    assert np.abs(sound.astype(np.int32)).max() < 16_384  # -6 dBFS, so that a reply may sound beside it


@pytest.mark.parametrize("tone", Tone)
def test_it_begins_and_ends_without_a_click(tone: Tone) -> None:
    sound = chime(tone, 48_000).astype(np.float64)
    for edge in (sound[:24], sound[-24:]):  # half a millisecond
        assert np.abs(edge).max() < 0.05 * np.abs(sound).max()
    # a click has all frequencies; these have hardly anything above their partials
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    above = np.fft.rfftfreq(len(sound), 1 / 48_000) > 6000
    assert spectrum[above].sum() < 1e-4 * spectrum.sum()


def test_each_can_be_told_from_the_others() -> None:
    """Those of the same notes by their order."""
    for one, other in combinations(Tone, 2):
        a, b = chime(one, 16_000).astype(np.float64), chime(other, 16_000).astype(np.float64)
        length = min(len(a), len(b))
        alike = a[:length] @ b[:length] / np.linalg.norm(a[:length]) / np.linalg.norm(b[:length])
        assert abs(alike) < 0.6, (one, other)
