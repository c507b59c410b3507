"""Whisper's input against values worked out by hand, and the silence cut off around words."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.local.worker import mel

needs_whisper = pytest.mark.skipif(importlib.util.find_spec("ctranslate2") is None, reason="needs edge-voice[local]")


def sine(hertz: float, seconds: float = 1.0, loudness: float = 0.5) -> mel.Floats:
    return (loudness * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 16_000)) / 16_000)).astype(np.float32)


def centre(band: int) -> float:
    """Of a band: 82 points at equal distances from 0 to 45.245 mel (8 kHz); up to 15 mel, 66.67 Hz each."""
    value = 45.2455 * (band + 1) / 81
    return value * 200 / 3 if value < 15 else 1000 * 6.4 ** ((value - 15) / 27)


@pytest.mark.parametrize("seconds", [10.0, 30.0])
def test_shape(seconds: float) -> None:
    for length in (0.1, seconds, seconds + 5):
        features = mel.log_mel(sine(440, length), seconds)
        assert features.shape == (80, round(seconds * 100))
        assert features.dtype == np.float32


@pytest.mark.parametrize("band", [3, 10, 20, 26, 35, 50, 70, 78])
def test_a_sine_peaks_in_its_band(band: int) -> None:
    features = mel.log_mel(sine(centre(band)), 1.0)
    near = 0 if band > 8 else 1  # below 600 Hz the bands are as narrow as the FFT's bins
    assert abs(int(features[:, 50].argmax()) - band) <= near


def test_filters_are_triangles_of_equal_area() -> None:
    bank = mel.filters()
    assert bank.shape == (80, 201)
    assert (bank >= 0).all()
    area = bank[30:].sum(axis=1) * 40  # 40 Hz a bin
    assert np.allclose(area, 1.0, atol=0.08)


def test_a_value_worked_out_by_hand() -> None:
    """A full-scale sine on an FFT bin: |X| = A * sum(window) / 2 = 0.5 * 200 / 2 = 50, and 25 in both neighbours."""
    features = mel.log_mel(sine(2000, loudness=0.5), 1.0)
    bins = np.zeros(201)
    bins[[49, 50, 51]] = [625.0, 2500.0, 625.0]
    expected = np.log10((mel.filters() @ bins).max())
    assert float(features[:, 50].max()) == pytest.approx((expected + 4) / 4, abs=0.001)


def test_nothing_is_more_than_eight_below_the_loudest() -> None:
    features = mel.log_mel(sine(1000, 0.5), 10.0)
    assert float(features.max() - features.min()) == pytest.approx(2.0, abs=1e-5)


def test_silence_is_flat() -> None:
    features = mel.log_mel(np.zeros(16_000, np.float32), 1.0)
    assert np.allclose(features, (-10 + 4) / 4)


# --- trimming ------------------------------------------------------------------------------------------


@needs_whisper
@pytest.mark.parametrize(("before", "after"), [(0.0, 0.0), (2.0, 0.0), (0.0, 3.0), (5.0, 5.0), (0.1, 0.1)])
def test_silence_around_words_is_cut_and_a_little_kept(before: float, after: float) -> None:
    from edge.agents.local.worker.whisper import LEAD_S, TAIL_S, trim

    hush = 1e-4
    parts = [sine(300, before, hush), sine(300, 1.0), sine(300, after, hush)]
    kept = len(trim(np.concatenate(parts))) / 16_000
    assert kept == pytest.approx(min(before, LEAD_S) + 1.0 + min(after, TAIL_S), abs=0.03)


@needs_whisper
@given(st.lists(st.sampled_from([0.0, 1e-5, 0.01, 0.5]), max_size=12), st.integers(0, 400))
def test_trimming_anything_keeps_the_loudest_and_never_fails(levels: list[float], odd: int) -> None:
    from edge.agents.local.worker.whisper import trim

    audio = np.concatenate([*[sine(300, 0.1, level) for level in levels], np.zeros(odd, np.float32)])
    kept = trim(audio)
    assert len(kept) <= len(audio)
    assert np.abs(kept).max(initial=0) == np.abs(audio).max(initial=0)
