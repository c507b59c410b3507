"""From raw frames to near end and reference: the right channels, together to the sample, and through the front end."""

from __future__ import annotations

import numpy as np
import pytest

from edge.audio.arrays import Roles, Wish
from edge.audio.convert import CORE_RATE, Format
from edge.audio.pickup import Pickup
from edge.audio.ring import Ring
from edge.core.effects import Ears
from edge.core.events import BargedIn
from tests.audio.array_room import LINE
from tests.audio.room import Room
from tests.bench.clips import DATA
from tests.signals import amplitude, noise, pitch, recording, tone

RATES = [16_000, 44_100, 48_000]


def table(columns: list[np.ndarray], dtype: str = "int16") -> np.ndarray:
    """Channels as a device's bytes."""
    scale = {"int16": 1, "int32": 65_536, "float32": 1 / 32_768}[dtype]
    return np.frombuffer((np.stack(columns, axis=1) * np.float64(scale)).astype(dtype).tobytes(), np.uint8)


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
@pytest.mark.parametrize("rate", RATES)
def test_near_end_and_reference_come_side_by_side(rate: int, dtype: str) -> None:
    quiet = np.zeros(rate, np.int16)
    raw = table([tone(1.0, 440, rate), *[quiet] * 4, tone(1.0, 1000, rate, 0.25)], dtype)
    out = Pickup(Format(rate, 6, dtype), Wish("respeaker-4mic-usb").roles(6))(raw)
    middle = out[4000:12_000]
    assert out.shape[1] == 2
    assert (pitch(middle[:, 0], CORE_RATE), pitch(middle[:, 1], CORE_RATE)) == pytest.approx((440, 1000), abs=2)
    assert amplitude(middle[:, 1]) == pytest.approx(8192, rel=0.03)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("size", [1, 37, 960])
def test_they_stay_together_to_the_sample_however_they_come(rate: int, size: int) -> None:
    same = noise(0.3, rate, 0.1)
    form = Format(rate, 2)
    pickup, raw = Pickup(form, Roles((0,), 1)), table([same, same])
    step = size * form.frame_bytes
    out = np.concatenate([pickup(raw[at : at + step]) for at in range(0, len(raw), step)])
    assert np.abs(out[:, 0].astype(int) - out[:, 1]).max() <= 3  # each channel has its own dither
    assert len(out) == pytest.approx(0.3 * CORE_RATE, abs=700)  # soxr holds back up to 38 ms


def test_several_microphones_are_mixed_where_they_stand_nobody_knows() -> None:
    ones = [np.full(160, value, np.int16) for value in (100, 200, 300, 9000)]
    assert (Pickup(Format(CORE_RATE, 4), Roles((0, 2)))(table(ones)) == 200).all()
    assert (Pickup(Format(CORE_RATE, 4))(table(ones))[:, 0] == 2400).all()


def test_with_known_places_they_are_a_beam_and_as_loud() -> None:
    pickup = Pickup(Format(CORE_RATE, 4), Roles((0, 1, 2, 3), None, LINE))
    wave = tone(0.5, 500, CORE_RATE)
    out = pickup(table([wave] * 4), voiced=False)
    assert amplitude(out[2000:6000, 0]) == pytest.approx(16_384, rel=0.01)
    assert pickup(np.zeros(0, np.uint8)).shape == (0, 1)
    pickup.restart()
    assert not pickup(table([np.zeros(160, np.int16)] * 4)).any()  # nothing is left of the piece before


def test_a_beam_cannot_overflow() -> None:
    pickup = Pickup(Format(CORE_RATE, 4), Roles((0, 1, 2, 3), None, LINE))
    square = np.where(np.arange(1600) % 40 < 20, 32_767, -32_768).astype(np.int16)
    out = pickup(table([square] * 4))[100:, 0]
    assert (out[np.abs(out.astype(int)) > 20_000] > 0).mean() == pytest.approx(0.5, abs=0.05)


# --- through the front end ------------------------------------------------------------------------------


def array(room: Room, roles: Roles, form: Format) -> None:
    """Another device in the room."""
    room.form, room.ring = form, Ring(form.rate, form.frame_bytes, 10.0)
    room.front.attach(room.ring, form, roles)


def feed(room: Room, columns: list[np.ndarray]) -> None:
    block = 320 * room.form.rate // 16_000
    for at in range(0, len(columns[0]), block):
        part = [column[at : at + block] for column in columns]
        room.now += len(part[0]) / room.form.rate
        room.ring.write(table(part), room.now)
        room.front.work()


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_what_is_handed_over_is_the_processed_channel(rate: int) -> None:
    room, quiet = Room(), np.zeros(rate, np.int16)
    array(room, Wish("respeaker-4mic-usb").roles(6), Format(rate, 6))
    room.ears(Ears.LISTEN)
    feed(room, [tone(1.0, 440, rate), *[tone(1.0, 700, rate)] * 4, quiet])
    heard = room.audio()
    assert pitch(heard[4000:12_000], CORE_RATE) == pytest.approx(440, abs=2)
    assert amplitude(heard[4000:12_000]) == pytest.approx(16_384, rel=0.03)


def test_at_rest_the_level_is_that_of_the_same_channels() -> None:
    room = Room()
    array(room, Roles((1,), 0), Format(16_000, 2))
    feed(room, [noise(0.5, loudness=0.5), noise(0.5, loudness=0.01)])
    assert room.front.level == pytest.approx(-40, abs=1)


def test_a_reply_that_comes_back_by_the_reference_never_interrupts_itself() -> None:
    """Heard half a second later than the daemon believes: its own account of what it plays would not do."""
    room, sound = Room(barge_in="duck"), recording(DATA / "speech/vctk_p286_011.flac")[: 5 * 16_000]
    array(room, Wish("respeaker-4mic-usb").roles(6), Format(16_000, 6))
    back = np.concatenate([np.zeros(8000, np.int16), sound])[: len(sound)]
    echo = (0.3 * back).astype(np.int16) + noise(len(back) / 16_000, loudness=0.0005)
    assert room.speaker.far is not None
    room.ears(Ears.GUARD)
    for at in range(0, len(sound) - 319, 320):
        room.speaker.far.sounded(sound[at : at + 320], 16_000, room.now)
        feed(room, [part[at : at + 320] for part in (echo, *[echo] * 4, back)])
    assert not room.of(BargedIn)
    assert room.front._guard is not None
    assert room.front._guard.echo.facts.erle_db > 15
