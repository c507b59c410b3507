"""Any device format to 16 kHz mono and back: loudness, pitch and the chosen channel survive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.audio.arrays import Roles
from edge.audio.convert import CORE_RATE, FRAME, SILENCE, Format, ToDevice, level_db, levels_db, mix, to_int16
from edge.audio.pickup import Pickup
from edge.audio.vad import Vad
from tests.bench.clips import DATA
from tests.signals import amplitude, noise, pitch, recording, sine

HERTZ, LOUDNESS = 440.0, 0.25
RATES = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
FULL = {"int16": 32767, "int32": 2**31 - 1, "float32": 1.0}


def raw(mono: np.ndarray, channels: int, dtype: str, loud: int | None = None) -> np.ndarray:
    """-1..1 as a device's bytes; only channel `loud` carries it when that is given."""
    table = np.zeros((len(mono), channels))
    table[:, slice(None) if loud is None else slice(loud, loud + 1)] = mono[:, None]
    return np.frombuffer((table * FULL[dtype]).astype(dtype).tobytes(), np.uint8)


def in_blocks(form: Format, data: np.ndarray, frames: int) -> np.ndarray:
    convert, size = Pickup(form), frames * form.frame_bytes
    return np.concatenate([convert(data[at : at + size])[:, 0] for at in range(0, len(data), size)])


@pytest.mark.parametrize("dtype", FULL)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 5, 8])
def test_pitch_and_loudness_survive(rate: int, dtype: str, channels: int) -> None:
    form = Format(rate, channels, dtype)
    out = in_blocks(form, raw(sine(1.0, HERTZ, rate, LOUDNESS), channels, dtype), rate // 50)
    middle = out[CORE_RATE // 4 : CORE_RATE * 3 // 4]
    assert len(out) == pytest.approx(CORE_RATE, abs=CORE_RATE * 0.04)
    assert pitch(middle, CORE_RATE) == pytest.approx(HERTZ, abs=2)
    assert amplitude(middle) == pytest.approx(LOUDNESS * 32767, rel=0.02)


@pytest.mark.parametrize("dtype", FULL)
@pytest.mark.parametrize("channel", range(8))
def test_the_chosen_channel_and_no_other(channel: int, dtype: str) -> None:
    form, tone = Format(CORE_RATE, 8, dtype), sine(0.1, HERTZ, CORE_RATE, LOUDNESS)
    convert = Pickup(form, Roles((channel,)))
    assert amplitude(convert(raw(tone, 8, dtype, loud=channel))) == pytest.approx(LOUDNESS * 32767, rel=0.02)
    assert not convert(raw(tone, 8, dtype, loud=(channel + 1) % 8)).any()


def test_the_mean_of_all_channels_cannot_overflow() -> None:
    for dtype in FULL:
        out = Pickup(Format(CORE_RATE, 8, dtype))(raw(np.ones(160), 8, dtype))
        assert out.min() >= 32766


def test_floats_out_of_range_are_clipped_and_not_wrapped() -> None:
    data = np.frombuffer(np.array([3.0, -3.0, 0.0], np.float32).tobytes(), np.uint8)
    assert mix(data, Format(CORE_RATE, 1, "float32"), None).tolist() == [32767, -32768, 0]


@pytest.mark.parametrize("form", [Format(16_000, 1), Format(48_000, 2, "float32"), Format(44_100, 8, "int32")])
def test_no_frames_give_no_samples(form: Format) -> None:
    assert len(Pickup(form)(np.zeros((0, form.frame_bytes), np.uint8))) == 0


@given(st.binary(max_size=960).map(lambda data: data[: len(data) // 24 * 24]))
def test_any_bytes_of_an_integer_device_give_int16(data: bytes) -> None:
    for dtype, channels in (("int16", 4), ("int32", 2), ("int16", 1)):
        form = Format(CORE_RATE, channels, dtype)
        out = mix(np.frombuffer(data, np.uint8), form, None)
        assert out.dtype == np.int16
        assert len(out) == len(data) // form.frame_bytes


# --- to the device -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
@pytest.mark.parametrize("device", [8_000, 16_000, 44_100, 48_000, 96_000])
def test_a_reply_keeps_pitch_loudness_and_length(rate: int, device: int) -> None:
    convert, tone = ToDevice(rate, device), (sine(1.0, HERTZ, rate, LOUDNESS) * 32767).astype(np.int16).tobytes()
    pieces = [convert(tone[at : at + 1234]) for at in range(0, len(tone), 1234)]
    out = np.concatenate([*pieces, convert(b"", last=True)])
    assert len(out) == pytest.approx(device, abs=2)
    assert pitch(out[device // 4 : device * 3 // 4], device) == pytest.approx(HERTZ, abs=2)
    assert amplitude(out[device // 4 : device * 3 // 4]) == pytest.approx(LOUDNESS * 32767, rel=0.02)


def test_the_same_rate_is_passed_through_untouched() -> None:
    data = np.arange(-500, 500, dtype=np.int16)
    assert np.array_equal(ToDevice(48_000, 48_000)(data.tobytes()), data)


# --- level and voice ---------------------------------------------------------------------------------


@pytest.mark.parametrize("loudness", [1.0, 0.5, 0.1, 0.01])
def test_level_of_a_sine_is_3_db_below_its_peak(loudness: float) -> None:
    tone = (sine(0.1, 1000, CORE_RATE, loudness) * 32767).astype(np.int16)
    assert level_db(tone) == pytest.approx(20 * np.log10(loudness) - 3.01, abs=0.1)


def test_level_of_nothing_and_of_silence() -> None:
    assert level_db(np.zeros(0, np.int16)) == -96
    assert level_db(np.zeros(160, np.int16)) == -96
    assert -1 < level_db(np.full(160, -32768, np.int16)) <= 0.01


def voiced_share(samples: np.ndarray) -> float:
    vad = Vad()
    return float(np.mean([vad(samples[at : at + 160]) for at in range(0, len(samples) - 159, 160)]))


def test_the_detector_knows_speech_from_silence_and_hum() -> None:
    assert voiced_share(recording(DATA / "speech/vctk_p286_011.flac")[16_000:90_000]) > 0.85
    assert voiced_share(np.zeros(16_000, np.int16)) == 0
    assert voiced_share((sine(1.0, 50, CORE_RATE, 0.05) * 32767).astype(np.int16)) < 0.1


def test_levels_of_frames_in_rows_are_those_of_the_frames() -> None:
    rows = np.stack([noise(0.01, loudness=loudness) for loudness in (0.0, 0.001, 0.1, 1.0)])
    assert levels_db(rows) == pytest.approx([level_db(row) for row in rows])


def test_silence_is_told_as_such_and_cannot_be_spoilt() -> None:
    assert level_db(SILENCE) == level_db(np.zeros(FRAME, np.int16)) == -96.0
    with pytest.raises(ValueError, match="read-only"):
        SILENCE[0] = 1


def test_too_loud_is_limited_and_halves_are_rounded() -> None:
    assert to_int16(np.array([40_000.0, -40_000.0, 1.4, -1.6], np.float32)).tolist() == [32_767, -32_768, 1, -2]
