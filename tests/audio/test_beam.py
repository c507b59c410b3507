"""The beam: what it gains over the mean in a room, that it does no harm, and what it costs."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import pytest
import soxr

from edge.audio.arrays import Point
from edge.audio.beam import Beam
from edge.audio.vad import Vad
from tests.audio.array_room import BANDS_HZ, CIRCLE, LINE, Floats, Scene, by_bands, scene
from tests.bench.clips import DATA
from tests.signals import recording

BLOCK_S = 0.02
ARRAYS = {"circle": CIRCLE, "line": LINE}


@cache
def voice(rate: int) -> Floats:
    """A sentence after half a second in which the room is heard alone, and once more."""
    lamp = recording(DATA / "speech/livingroom_lamp.flac") / 32768
    whole = np.concatenate([np.zeros(8000), lamp, lamp])
    return np.asarray(whole if rate == 16_000 else soxr.resample(whole, 16_000, rate), np.float64)


def through(beam: Beam, sound: Floats, rate: int, *, steer: bool = False) -> Floats:
    """The beam's output; with `steer`, told by a detector when somebody speaks."""
    vad, voiced, out = Vad(), False, []
    wide, size = (sound * 32768).astype(np.float32), round(BLOCK_S * rate)
    for at in range(0, len(wide) - size + 1, size):
        part = beam(wide[at : at + size], voiced=voiced if steer else None)
        out.append(part)
        voiced = vad(part[:: rate // 16_000][:160].astype(np.int16))
    return np.concatenate(out) / 32768


def straight(beam: Beam) -> Beam:
    beam.finder.now = beam.finder.middle
    beam._taps = beam._turned()
    return beam


def gained(room: Scene, positions: tuple[Point, ...]) -> Floats:
    """By how many dB voice over noise is better than in the mean, in each octave, once the beam has turned."""
    beam, ratios = Beam(room.rate, positions), []
    through(beam, room.mixed, room.rate, steer=True)
    for one in (beam, straight(Beam(room.rate, positions))):
        one.restart()
        heard = by_bands(through(one, room.voice, room.rate), room.rate)
        one.restart()
        ratios.append(heard - by_bands(through(one, room.noise, room.rate), room.rate))
    return np.asarray(ratios[0] - ratios[1])


def off_us(beam: Beam, positions: tuple[Point, ...], degrees: float) -> float:
    """How far the delays are from those of a voice straight from there, in microseconds."""
    way = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]) * 0.95
    return float(1e6 * np.abs(beam.finder.delays_s[beam.finder.now] - np.array(positions) @ way / 343_000).max())


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("degrees", [0, 75, 180, 290])
def test_it_turns_to_whoever_speaks(rate: int, degrees: float) -> None:
    room = scene(voice(rate), degrees, CIRCLE, rate, 20.0)
    beam = Beam(rate, CIRCLE)
    before = off_us(beam, CIRCLE, degrees)
    through(beam, room.mixed, rate, steer=True)
    assert off_us(beam, CIRCLE, degrees) < min(35, before / 2)  # 12 mm


@pytest.mark.parametrize("degrees", [0, 45, 200])
@pytest.mark.parametrize(("array", "least"), [("circle", 2.0), ("line", 1.0)])
def test_from_the_side_it_gains_where_consonants_are(array: str, least: float, degrees: float) -> None:
    gain = gained(scene(voice(16_000), degrees, ARRAYS[array], 16_000), ARRAYS[array])
    assert gain.min() > -1.0
    assert np.max(gain[BANDS_HZ.index(2000) :]) > least


@pytest.mark.slow
@pytest.mark.parametrize("array", list(ARRAYS))
@pytest.mark.parametrize(("snr_db", "reflection"), [(0.0, 0.4), (5.0, 0.8), (20.0, 0.8)])
def test_it_is_never_much_worse_than_the_mean(array: str, snr_db: float, reflection: float) -> None:
    for degrees, height in ((90, 0.1), (135, 0.8), (0, 1.6)):
        room = scene(voice(16_000), degrees, ARRAYS[array], 16_000, snr_db, reflection, height)
        gain = gained(room, ARRAYS[array])
        assert gain.mean() > -0.5
        assert gain.min() > -1.0


def test_noise_alone_does_not_turn_it() -> None:
    room = scene(voice(16_000), 0, CIRCLE, 16_000)
    beam = Beam(16_000, CIRCLE)
    through(beam, room.noise, 16_000, steer=True)
    assert beam.finder.now == beam.finder.middle


def test_it_stays_as_it_is_while_the_loudspeaker_plays() -> None:
    room = scene(voice(16_000), 0, CIRCLE, 16_000, 20.0)
    beam = Beam(16_000, CIRCLE)
    through(beam, room.mixed, 16_000)
    assert beam.finder.now == beam.finder.middle


def test_it_begins_as_the_mean_a_little_later() -> None:
    sound = np.random.default_rng(1).normal(0, 1000, (1600, 4)).astype(np.float32)
    smooth = np.asarray(soxr.resample(soxr.resample(sound, 16_000, 8_000), 8_000, 16_000))
    beam = Beam(16_000, CIRCLE)
    out = np.concatenate([beam(smooth[at : at + 320]) for at in range(0, 1600, 320)])
    mean = smooth.mean(axis=1)[: -beam.delay]
    assert np.abs(out[beam.delay :][100:-100] - mean[100:-100]).max() < 20  # of 500
    assert beam.delay <= 16


def test_a_turn_is_smooth(monkeypatch: pytest.MonkeyPatch) -> None:
    """No step in the sound: a sine that all microphones hear at once stays one."""
    tone = np.repeat(8000 * np.sin(2 * np.pi * 300 * np.arange(3200) / 16_000)[:, None], 4, axis=1).astype(np.float32)
    beam = Beam(16_000, CIRCLE)
    before = beam(tone[:320])

    def look(block: np.ndarray, voiced: bool) -> bool:
        beam.finder.now = 0
        return True

    monkeypatch.setattr(beam.finder, "look", look)
    beam._since = beam._every
    after = beam(tone[320:640], voiced=True)
    steps = np.abs(np.diff(np.concatenate([before[100:], after, beam(tone[640:960])])))
    assert steps.max() < 8000 * 2 * np.pi * 300 / 16_000 * 1.2


def test_a_dead_microphone_and_silence_do_no_harm() -> None:
    beam = Beam(16_000, CIRCLE)
    assert not beam(np.zeros((320, 4), np.float32), voiced=True).any()
    room = scene(voice(16_000), 0, CIRCLE, 16_000, 20.0)
    sound = room.mixed.copy()
    sound[:, 2] = 0
    assert np.isfinite(through(beam, sound, 16_000, steer=True)).all()


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_what_it_costs(rate: int) -> None:
    """Measured 0.03 (16 kHz) and 0.06 ms (48 kHz) per 10 ms of sound; the limit is for a busy machine."""
    sound = np.random.default_rng(1).normal(0, 1000, (rate // 50, 4)).astype(np.float32)
    beam = Beam(rate, CIRCLE)
    times = []
    for n in range(200):
        began = time.perf_counter()
        beam(sound, voiced=n % 2 == 0)
        times.append(time.perf_counter() - began)
    assert 1000 * float(np.mean(sorted(times)[:180])) / 2 < 0.3
