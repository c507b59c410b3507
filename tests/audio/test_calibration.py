from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.audio import sweep
from edge.audio.calibration import REPLY_DB, Finding, Recording, Report, analyse, gain_db
from tests.audio.synthetic import Room, harmonics_db


def measured(room: Room) -> Report:
    return analyse(room.record(), room.volume)


def heard(room: Room) -> dict[str, float]:
    """The report's figures, which must all be there."""
    report = measured(room)
    assert report.finding is Finding.HEARD
    figures = {name: getattr(report, name) for name in Report.__dataclass_fields__}
    return {name: value for name, value in figures.items() if isinstance(value, float)}


# --- the signal ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_the_signal_is_short_moderate_and_without_clicks(rate: int) -> None:
    whole = sweep.signal(rate)
    assert len(whole) == sweep.TOTAL_S * rate < 8 * rate
    assert np.max(np.abs(whole)) == pytest.approx(sweep.LOUD, rel=0.01)
    fastest = sweep.LOUD * 2 * np.pi * sweep.HIGH_HZ / rate  # the steepest a sine can be
    assert np.max(np.abs(np.diff(whole))) <= fastest
    assert not whole[: round(sweep.LEAD_S * rate)].any()


def test_the_sweep_has_equal_power_in_each_octave() -> None:
    power = np.abs(np.fft.rfft(sweep.sweep(48_000), 1 << 18)) ** 2
    hertz = np.fft.rfftfreq(1 << 18, 1 / 48_000)
    octaves = [power[(hertz > low) & (hertz < 2 * low)].sum() for low in (125, 250, 500, 1000, 2000)]
    assert max(octaves) / min(octaves) < 1.05
    assert power[hertz > 7500].max() < 1e-3 * power.max()


def test_a_rate_that_cannot_carry_it_all_gets_what_it_can() -> None:
    slow = sweep.sweep(8000)
    assert slow[: len(slow) // 2].any()
    assert not slow[-100:].any()


# --- delay, level, noise -------------------------------------------------------------------------------


@pytest.mark.parametrize("delay_ms", [0, 20, 40.3, 75, 110, 150, 300])
@pytest.mark.parametrize("noise_db", [-75, -45])
def test_the_delay(delay_ms: float, noise_db: float) -> None:
    figures = heard(Room(delay_s=delay_ms / 1000, noise_db=noise_db))
    assert figures["delay_ms"] == pytest.approx(delay_ms, abs=0.1)


def test_a_sound_that_comes_before_its_time() -> None:
    """The clocks may be a little off; the recording says when it was."""
    recording = Room(delay_s=0.02).record()
    early = Recording(recording.samples, recording.rate, recording.started + 0.05 * recording.rate)
    assert analyse(early).delay_ms == pytest.approx(-30, abs=0.1)


@pytest.mark.parametrize("level_db", [-30, -20, -10, 0, 6])
@pytest.mark.parametrize("rt60_s", [0.0, 0.3, 0.7])
def test_the_level(level_db: float, rt60_s: float) -> None:
    figures = heard(Room(level_db=level_db, rt60_s=rt60_s))
    assert figures["return_db"] == pytest.approx(level_db, abs=0.3)
    assert figures["echo_dbfs"] == pytest.approx(level_db + REPLY_DB, abs=0.3)


@pytest.mark.parametrize("volume", [100, 70, 40, 20])
def test_the_level_does_not_depend_on_the_volume_but_a_replys_echo_does(volume: int) -> None:
    figures = heard(Room(volume=volume, noise_db=-70))
    assert figures["return_db"] == pytest.approx(-10, abs=0.4)
    assert figures["echo_dbfs"] == pytest.approx(-10 + REPLY_DB + gain_db(volume), abs=0.4)


@pytest.mark.parametrize("noise_db", [-75, -60, -45, -35])
def test_the_noise_floor(noise_db: float) -> None:
    assert measured(Room(noise_db=noise_db)).noise_dbfs == pytest.approx(noise_db, abs=0.7)


def test_the_level_is_right_under_as_much_noise() -> None:
    figures = heard(Room(level_db=-25, noise_db=-38))  # the sweep arrives at -38 dBFS
    assert figures["return_db"] == pytest.approx(-25, abs=0.7)
    assert figures["delay_ms"] == pytest.approx(40, abs=0.2)


def test_the_peak() -> None:
    assert heard(Room(rt60_s=0, noise_db=-90))["peak_dbfs"] == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
def test_other_sample_rates(rate: int) -> None:
    figures = heard(Room(rate=rate, ppm=30))
    assert figures["delay_ms"] == pytest.approx(40, abs=0.3)  # 4 s at 30 ppm are 0.12 ms
    assert figures["return_db"] == pytest.approx(-10, abs=0.3)
    assert figures["rt60_s"] == pytest.approx(0.3, rel=0.15)
    assert figures["drift_ppm"] == pytest.approx(30, abs=1)


@settings(max_examples=25, deadline=None)
@given(
    delay=st.floats(0.02, 0.15), level=st.floats(-25, 0), rt60=st.floats(0.15, 0.8), noise=st.floats(-75, -50),
    ppm=st.floats(-100, 100), seed=st.integers(0, 1000),
)  # fmt: skip
def test_any_room(  # noqa: PLR0917  by keyword
    delay: float, level: float, rt60: float, noise: float, ppm: float, seed: int
) -> None:
    room = Room(delay, level, rt60, noise, ppm=ppm, seed=seed)
    figures = heard(room)
    assert figures["delay_ms"] == pytest.approx(1000 * delay, abs=0.7)  # 100 ppm move it by 0.5 ms in 5 s
    assert figures["return_db"] == pytest.approx(level, abs=0.5)
    assert figures["noise_dbfs"] == pytest.approx(noise, abs=0.7)
    assert abs(figures["drift_ppm"] - ppm) < max(1.0, 2 * figures["drift_error_ppm"])
    if "rt60_s" in figures:
        assert figures["rt60_s"] == pytest.approx(rt60, rel=0.2)


# --- reverberation -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rt60_s", [0.15, 0.3, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("noise_db", [-75, -55, -43])
def test_the_reverberation(rt60_s: float, noise_db: float) -> None:
    assert heard(Room(rt60_s=rt60_s, noise_db=noise_db))["rt60_s"] == pytest.approx(rt60_s, rel=0.12)


def test_where_noise_hides_it_nothing_is_told() -> None:
    assert measured(Room(level_db=-28, noise_db=-40)).rt60_s is None


def test_without_a_room_there_is_none() -> None:
    report = measured(Room(rt60_s=0, noise_db=-90))
    assert report.rt60_s is None
    assert report.late_db is None or report.late_db < -50


def test_what_comes_late() -> None:
    """The tail has a fifth of the energy, and 60 dB / 0.6 s * 80 ms of it are gone after 80 ms."""
    assert heard(Room(rt60_s=0.6))["late_db"] == pytest.approx(10 * np.log10(0.2) - 8, abs=1.0)


def test_the_curves() -> None:
    report = measured(Room(rt60_s=0.4, noise_db=-70))
    assert len(report.levels_db) == 60
    assert list(report.decay_db) == sorted(report.decay_db, reverse=True)
    assert report.decay_db[0] == 0
    assert report.levels_db[0] == pytest.approx(10 * np.log10(0.8), abs=1.0)
    assert report.levels_db[40] - report.levels_db[20] == pytest.approx(-15, abs=3)  # 100 ms at 0.4 s for 60 dB
    assert [hertz for hertz, _ in report.bands_db] == [125, 250, 500, 1000, 2000, 4000]
    assert all(level == pytest.approx(-10, abs=2) for _, level in report.bands_db)


# --- clipping and distortion ---------------------------------------------------------------------------


def test_clipping_shows_in_the_louder_sweep_first() -> None:
    report = measured(Room(level_db=12))
    assert report.clipped_loud > 0.1
    assert report.clipped_quiet == 0
    assert report.return_db == pytest.approx(12, abs=0.3)  # read off the quieter one


def test_clipping_in_both() -> None:
    report = measured(Room(level_db=26))
    assert min(report.clipped_loud, report.clipped_quiet) > 0.1


def test_one_channel_that_clips_is_enough() -> None:
    recording = Room(level_db=12, channels=2).record()
    recording.samples[:, 0] *= 0.1
    assert analyse(recording).clipped_loud > 0.1


def test_nothing_clips_in_a_normal_room() -> None:
    report = measured(Room())
    assert report.clipped_loud == report.clipped_quiet == 0
    assert report.compression_db == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("drive", [2.0, 4.0, 8.0])
@pytest.mark.parametrize("rt60_s", [0.0, 0.3])
def test_distortion_of_the_loudspeaker(drive: float, rt60_s: float) -> None:
    figures = heard(Room(drive=drive, rt60_s=rt60_s, noise_db=-75))
    assert figures["distortion_loud_db"] == pytest.approx(harmonics_db(drive, sweep.LOUD), abs=2)
    assert figures["return_db"] == pytest.approx(-10, abs=1.5)


def test_the_quieter_sweep_is_distorted_less() -> None:
    figures = heard(Room(drive=8, noise_db=-80))
    assert figures["distortion_quiet_db"] == pytest.approx(harmonics_db(8, sweep.QUIET), abs=2)
    assert figures["compression_db"] < -3


def test_a_clean_loudspeaker_has_none_or_hardly_any() -> None:
    report = measured(Room(rt60_s=0.3, noise_db=-90))
    assert report.distortion_loud_db is None or report.distortion_loud_db < -60


def test_an_amplifier_at_its_end_clips_below_full_scale() -> None:
    report = measured(Room(level_db=12, amplifier=0.6))
    assert report.clipped_loud == 0
    assert report.distortion_loud_db is not None
    assert report.distortion_loud_db > -20
    assert report.return_db == pytest.approx(12, abs=0.5)


# --- drift ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ppm", [-100, -50, 0, 20, 50, 100, 400])
@pytest.mark.parametrize("noise_db", [-70, -45])
def test_the_drift(ppm: float, noise_db: float) -> None:
    figures = heard(Room(ppm=ppm, noise_db=noise_db))
    assert figures["drift_ppm"] == pytest.approx(ppm, abs=1)
    assert figures["drift_error_ppm"] < 2


def test_the_error_bound_holds_and_grows_with_the_noise() -> None:
    quiet, loud = (
        [heard(Room(ppm=50, level_db=-15, noise_db=noise, seed=seed)) for seed in range(10)] for noise in (-60, -38)
    )
    inside = [abs(one["drift_ppm"] - 50) <= one["drift_error_ppm"] for one in (*quiet, *loud)]
    assert sum(inside) >= 17  # 95 % each
    assert np.mean([one["drift_error_ppm"] for one in loud]) > np.mean([one["drift_error_ppm"] for one in quiet])


def test_no_drift_is_told_of_chirps_that_are_not_heard() -> None:
    assert measured(Room(level_db=-33, noise_db=-40)).drift_ppm is None


def test_a_lost_block_is_no_clock() -> None:
    recording = Room().record()
    samples = np.delete(recording.samples, slice(55_000, 55_080), axis=0)  # 5 ms, between sweep and sweep
    assert abs(analyse(replace(recording, samples=samples)).drift_ppm or 0) > 500


# --- what is no echo -----------------------------------------------------------------------------------


def test_digital_silence() -> None:
    assert measured(Room(level_db=-200, noise_db=-200)).finding is Finding.DEAF


def test_a_constant_is_silence_too() -> None:
    assert analyse(Recording(np.full((160_000, 1), 0.25), 16_000, 4000.0)).finding is Finding.DEAF


def test_nothing_recorded() -> None:
    assert analyse(Recording(np.zeros((0, 1)), 16_000, 0.0)).finding is Finding.DEAF


@pytest.mark.parametrize("noise_db", [-80, -60, -40, -20])
@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_no_echo(noise_db: float, seed: int) -> None:
    assert measured(Room(level_db=-200, noise_db=noise_db, seed=seed)).finding is Finding.NOTHING


@pytest.mark.parametrize("seed", range(12))
def test_doors_and_claps_are_no_echo(seed: int) -> None:
    recording = Room(level_db=-200, noise_db=-60, seed=seed).record()
    random = np.random.default_rng(seed)
    for at in random.integers(0, len(recording.samples) - 800, 12):
        recording.samples[at : at + 800, 0] += random.normal(0, 0.3, 800) * np.exp(-np.arange(800) / 100)
    assert analyse(recording).finding is Finding.NOTHING


def test_a_clap_in_between_does_not_matter_much() -> None:
    recording = Room().record()
    clap = np.random.default_rng(1).normal(0, 0.3, 800) * np.exp(-np.arange(800) / 100)
    recording.samples[round(4000 + 4.5 * 16_000) :][:800, 0] += clap
    report = analyse(recording)
    assert report.finding is Finding.HEARD
    assert report.delay_ms == pytest.approx(40, abs=0.2)
    assert report.return_db == pytest.approx(-10, abs=1)


def test_a_faint_echo() -> None:
    report = measured(Room(level_db=-40, noise_db=-40))
    assert report.finding is Finding.FAINT
    assert report.delay_ms == pytest.approx(40, abs=0.5)


def test_a_canceller_that_learns() -> None:
    """It takes 2 s to reach 30 dB."""
    room = Room(noise_db=-60, system=lambda t: 10 ** (-np.clip((t - 0.7) * 15, 0, 30) / 20))
    assert measured(room).finding is Finding.CANCELLED


def test_a_microphone_that_is_closed_while_something_plays() -> None:
    room = Room(noise_db=-50, system=lambda t: np.where((t > 0.7) & (t < 6.7), 0.01, 1.0))
    assert measured(room).finding is Finding.GATED


def test_lost_samples_are_told() -> None:
    assert analyse(Room().record(), lost=True).finding is Finding.BROKEN
