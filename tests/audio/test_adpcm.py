"""Files of IMA ADPCM: read as libsndfile reads them, and whatever else is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge.audio import adpcm
from edge.errors import AudioError
from tests.signals import noise, tone

LOUD = np.concatenate([tone(0.3, 440, 16_000, 0.9), noise(0.3, loudness=0.3), np.full(777, 32_767, np.int16)])


@pytest.mark.parametrize("rate", [8_000, 9_600, 16_000, 44_100])  # libsndfile's blocks of 256, 512 and 1024 bytes
@pytest.mark.parametrize("sound", [LOUD, LOUD[:1], LOUD[:505], LOUD[:506]])
def test_it_is_read_as_others_read_it(tmp_path: Path, rate: int, sound: np.ndarray) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, sound, rate, subtype="IMA_ADPCM")
    clip = adpcm.read(path)
    there = soundfile.read(path, dtype="int16")[0]
    heard = clip.decode()
    assert clip.rate == rate
    assert clip.seconds == len(heard) / rate
    assert np.array_equal(heard, there[: len(heard)])
    assert len(there) - len(heard) in {0, len(there) - len(sound)}


def written(tmp_path: Path, subtype: str = "IMA_ADPCM", channels: int = 1) -> bytes:
    path = tmp_path / "whole.wav"
    soundfile.write(path, np.tile(LOUD[:4000, None], channels), 9_600, subtype=subtype)
    return path.read_bytes()


def refused(tmp_path: Path, raw: bytes) -> str:
    path = tmp_path / "wrong.wav"
    path.write_bytes(raw)
    with pytest.raises(AudioError) as caught:
        adpcm.read(path)
    return str(caught.value)


def test_other_files_are_refused_in_words(tmp_path: Path) -> None:
    raw = written(tmp_path)
    wrong = [b"", b"RIFF", b"\x89PNG" + raw[4:], raw[:20], raw[:60], written(tmp_path, "PCM_16"),
             written(tmp_path, channels=2)]  # fmt: skip
    for each in wrong:
        assert refused(tmp_path, each).endswith("wrong.wav is no WAV file of IMA ADPCM.")
    at = raw.index(b"fmt ") + 8
    for offset in (4, 12):  # a rate or a block of nothing
        broken = bytearray(raw)
        struct.pack_into("<H", broken, at + offset, 0)
        assert "is no WAV file" in refused(tmp_path, bytes(broken))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="No such file"):
        adpcm.read(tmp_path / "none.wav")


def test_a_file_cut_short_gives_what_is_whole(tmp_path: Path) -> None:
    raw = written(tmp_path)
    path = tmp_path / "cut.wav"
    path.write_bytes(raw[: raw.index(b"data") + 8 + 256 * 3 + 100])
    clip = adpcm.read(path)
    assert len(clip.decode()) == clip.samples == 505 * 3
