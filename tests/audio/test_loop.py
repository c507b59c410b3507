"""The short sound of `doctor --thorough` in rooms made of formulas: whether it comes back, and how."""

from __future__ import annotations

import numpy as np
import pytest

from edge.audio.calibration import Loop, Recording, loop
from edge.audio.sweep import LEAD_S, Floats, brief
from tests.audio.synthetic import STARTED, Room


def of(room: Room) -> Loop:
    return loop(room.record(brief), room.volume)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_it_is_short_quiet_and_without_clicks(rate: int) -> None:
    sound = brief(rate)
    assert len(sound) <= 1.4 * rate
    assert not sound[: round(LEAD_S * rate)].any()
    assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(-18, abs=0.1)
    assert np.abs(np.diff(sound, 2)).max() < 0.13 * (16_000 / rate) ** 2 + 0.03


@pytest.mark.parametrize("delay_ms", [0.0, 12.5, 40.0, 160.0, 310.0, 700.0])
@pytest.mark.parametrize("volume", [30, 100])
def test_it_is_found_where_it_is(delay_ms: float, volume: int) -> None:
    """Also where the way is longer than from chirp to chirp: Bluetooth."""
    found = of(Room(delay_s=delay_ms / 1000, volume=volume))
    assert found.delay_ms == pytest.approx(delay_ms, abs=0.3)
    assert found.noise_dbfs == pytest.approx(-60.5, abs=1.5)


@pytest.mark.parametrize("level_db", [-40.0, -20.0, 0.0])
def test_its_level(level_db: float) -> None:
    """Of the direct sound, by the chirps' own band."""
    found = of(Room(level_db=level_db, rt60_s=0.0, noise_db=-75.0))
    assert found.return_db == pytest.approx(level_db, abs=1.0)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_other_sample_rates_and_channels(rate: int) -> None:
    assert of(Room(rate=rate, channels=4)).delay_ms == pytest.approx(40.0, abs=0.3)


def test_it_is_heard_under_as_much_noise() -> None:
    assert of(Room(level_db=-20.0, noise_db=-40.0)).delay_ms == pytest.approx(40.0, abs=0.5)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("noise_db", [-80.0, -30.0])
def test_noise_alone_is_no_loudspeaker(noise_db: float, seed: int) -> None:
    found = of(Room(level_db=-140.0, noise_db=noise_db, seed=seed))
    assert (found.return_db, found.delay_ms) == (None, None)


@pytest.mark.parametrize("seed", range(4))
def test_a_door_and_a_clap_are_no_loudspeaker(seed: int) -> None:
    random = np.random.default_rng(seed)
    recording = Room(level_db=-140.0, seed=seed).record(brief)
    for at in random.uniform(0.7, 2.0, 3):
        begin = round(STARTED + at * recording.rate)
        recording.samples[begin : begin + 800, 0] += random.normal(0, 0.3, 800) * np.exp(-np.arange(800) / 120)
    assert loop(recording).return_db is None


@pytest.mark.parametrize("samples", [np.zeros((40_000, 1)), np.full((40_000, 1), 0.5), np.zeros((0, 1))])
def test_a_microphone_that_is_off(samples: Floats) -> None:
    assert loop(Recording(samples, 16_000, STARTED)).return_db is None
