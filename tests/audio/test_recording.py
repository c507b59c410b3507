"""Recordings of any length: the same samples as a short file's, and nothing that is said is cut away."""

from __future__ import annotations

import io
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.audio import recording
from edge.audio.convert import CORE_RATE
from edge.audio.files import load
from edge.audio.recording import BLOCK, LONGEST_S, SHORTEST_S, flac, heard, passages, read
from edge.errors import AudioError
from tests.signals import noise, sine

SPEECH = Path(__file__).parents[1] / "data" / "speech"


def int16(samples: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(samples * 32767, -32768, 32767), np.int16)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * CORE_RATE), np.int16)


def loud(seconds: float, level: float = 0.2) -> np.ndarray:
    return int16(sine(seconds, 300, CORE_RATE, level))


# --- reading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "channels", "kind"), [(8000, 1, "WAV"), (44_100, 2, "FLAC"), (48_000, 3, "OGG")])
def test_any_rate_and_any_number_of_channels(tmp_path, monkeypatch, rate, channels, kind):
    monkeypatch.setattr(recording, "READ_S", 0.7)  # in several pieces
    path = tmp_path / "sound"
    table = np.stack([sine(3.0, 300, rate, 0.3)] * channels, axis=1)
    soundfile.write(path, table, rate, format=kind)
    got, whole = read(path), load(path)
    assert abs(len(got) - len(whole)) <= 1
    assert np.corrcoef(got[: len(whole)], whole[: len(got)])[0, 1] > 0.999


def test_a_real_recording_is_the_same_in_pieces(monkeypatch):
    monkeypatch.setattr(recording, "READ_S", 0.31)
    path = SPEECH / "jfk.flac"
    got, whole = read(path).astype(int), load(path).astype(int)
    assert np.abs(got[: len(whole)] - whole[: len(got)]).max() <= 2


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("words.wav", b"hello", "is not a sound file"),
        ("empty.wav", b"", r"is empty \(0 bytes\)"),
        ("samples.raw", b"\1\2" * 100, "raw samples without a header"),
    ],
)
def test_what_is_no_recording(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError, match=says):
        read(tmp_path / name)


def test_a_file_without_sound(tmp_path):
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16_000)
    with pytest.raises(AudioError, match="has no sound in it"):
        read(tmp_path / "none.wav")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(AudioError, match="does not exist"):
        read(tmp_path / "nothing.wav")
    with pytest.raises(AudioError, match="is a folder"):
        read(tmp_path)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(AudioError, match=r"install edge-voice\[talk\]"):
        read(SPEECH / "jfk.flac")


def test_more_than_fits(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "MOST_S", 1.0)
    soundfile.write(tmp_path / "long.wav", np.zeros(32_000), 16_000)
    with pytest.raises(AudioError, match="hours long; 6 is the most"):
        read(tmp_path / "long.wav")


def test_flac_holds_every_sample():
    samples = noise(0.5, CORE_RATE, 0.1)
    got, rate = soundfile.read(io.BytesIO(flac(samples)), dtype="int16")
    assert rate == CORE_RATE
    assert np.array_equal(got, samples)


# --- where somebody speaks ---------------------------------------------------------------------------


def seconds(spans: list[tuple[int, int]]) -> list[tuple[float, float]]:
    return [(round(start / CORE_RATE, 1), round(end / CORE_RATE, 1)) for start, end in spans]


def test_speech_between_silence():
    sound = np.concatenate([silence(1.0), loud(2.0), silence(3.0), loud(1.0), silence(0.5), loud(1.0), silence(1.0)])
    assert seconds(passages(sound)) == [(1.0, 3.0), (6.0, 8.5)]


def test_speech_in_a_noisy_room():
    room = noise(8.0, CORE_RATE, 0.005)
    room[2 * CORE_RATE : 4 * CORE_RATE] += loud(2.0, 0.1)
    assert seconds(passages(room)) == [(2.0, 4.0)]


@pytest.mark.parametrize("sound", [silence(0.0), silence(0.01), silence(5.0), noise(5.0, CORE_RATE, 0.0001)])
def test_nothing(sound):
    assert passages(sound) == []


@pytest.mark.parametrize("sound", [loud(30.0), noise(30.0, CORE_RATE, 0.1)])
def test_sound_without_a_pause_is_all_heard(sound):
    found = passages(sound)
    assert found[0][0] == 0
    assert found[-1][1] == len(sound)
    assert all(before[1] == after[0] for before, after in pairwise(found))


def test_speech_without_a_pause_is_cut_where_it_is_quietest():
    sound = loud(14.0)
    sound[7 * CORE_RATE : 7 * CORE_RATE + 2 * BLOCK] //= 2
    assert seconds(passages(sound)) == [(0.0, 7.0), (7.0, 14.0)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 4), st.floats(0.02, 14)), max_size=6))
def test_every_passage_can_be_read_at_once_and_all_sound_is_in_one(parts):
    sound = np.concatenate([silence(0.0), *(piece for gap, length in parts for piece in (silence(gap), loud(length)))])
    found = passages(sound)
    assert all(SHORTEST_S * CORE_RATE <= end - start <= LONGEST_S * CORE_RATE for start, end in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    inside = np.zeros(len(sound), bool)
    for start, end in found:
        inside[start : end + BLOCK] = True
    lost = np.flatnonzero((sound != 0) & ~inside)
    assert len(lost) <= len(parts) * (SHORTEST_S * CORE_RATE + BLOCK), "nothing but specks"


def test_a_passage_is_heard_with_what_is_around_it():
    sound = np.concatenate([silence(1.0), loud(2.0), silence(3.0), loud(9.5), silence(0.1)])
    starts = [(span[0], len(audio)) for span, audio in heard(sound)]
    assert [(start / CORE_RATE, length / CORE_RATE) for start, length in starts[:1]] == [(1.0, 2.4)]
    audio = [audio for _, audio in heard(sound)]
    assert len(audio) == 3
    assert sum(map(len, audio[1:])) == round(9.8 * CORE_RATE), "where there is no pause nothing is heard twice"
    assert list(heard(silence(1.0))) == []
