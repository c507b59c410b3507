"""Choosing a sound card and the form to open it in, reading and writing, and what is said when it cannot be had."""

from __future__ import annotations

import numpy as np
import pytest
import sounddevice

from edge.audio import device as module
from edge.audio.arrays import Wish
from edge.audio.convert import Format
from edge.audio.device import (
    DRY_S,
    Device,
    DeviceSource,
    _forms,
    choose,
    devices,
    rescan,
)
from edge.errors import AudioError, DeviceGone
from tests.fakes.lines import Clock
from tests.fakes.portaudio import Card, FakePortAudio

TABLE = [
    ("HDMI: 0", 0, 8),
    ("USB Mic Array: Audio (hw:1,0)", 6, 0),
    ("USB Speaker: Audio (hw:2,0)", 0, 2),
    ("pulse", 32, 32),
    ("pulse monitor", 2, 0),
    ("Headset", 1, 2),
]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio(TABLE, (3, 3))
    monkeypatch.setattr(module, "sd", fake)
    monkeypatch.setattr(module, "time", Clock())
    return fake


# --- choosing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "output", "name"),
    [
        ("", False, "pulse"),
        ("", True, "pulse"),
        ("usb mic", False, "USB Mic Array: Audio (hw:1,0)"),
        ("USB", True, "USB Speaker: Audio (hw:2,0)"),
        ("pulse", False, "pulse"),
        ("monitor", False, "pulse monitor"),
        ("5", True, "Headset"),
        ("hw:2,0", True, "USB Speaker: Audio (hw:2,0)"),
    ],
)
def test_a_device_is_found_by_name_part_or_number(card: FakePortAudio, wanted: str, output: bool, name: str) -> None:
    assert choose(wanted, output=output).name == name


def test_without_a_default_the_first_that_can_is_taken(card: FakePortAudio) -> None:
    card.default.device = [-1, -1]
    assert choose("", output=False).name == "USB Mic Array: Audio (hw:1,0)"
    assert choose("", output=True).name == "HDMI: 0"


def test_a_device_is_not_taken_for_what_it_cannot_do(card: FakePortAudio) -> None:
    with pytest.raises(DeviceGone, match=r'The microphone "HDMI" is not there\. There are: "USB Mic Array'):
        choose("HDMI", output=False)
    with pytest.raises(DeviceGone, match='The speaker "USB Mic Array" is not there'):
        choose("USB Mic Array", output=True)


def test_no_devices_at_all(card: FakePortAudio) -> None:
    card.table = []
    with pytest.raises(DeviceGone, match=r"No microphone found\. Plug one in, or see `edge-voice devices`"):
        choose("", output=False)


def test_a_sound_server_that_is_gone_is_a_device_that_is_gone(card: FakePortAudio) -> None:
    """PortAudio then refuses even to list; the keeper has to be able to go on trying."""
    card.table_fault = sounddevice.PortAudioError("PortAudio not initialized", -10000)
    for call in (devices, lambda: choose("", output=True), DeviceSource().open):
        with pytest.raises(DeviceGone, match="PortAudio not initialized"):
            call()


def test_rescan_survives_a_portaudio_that_will_not_end(card: FakePortAudio) -> None:
    rescan()
    assert card.calls == ["terminate", "initialize"]


# --- forms ---------------------------------------------------------------------------------------------


def forms(inputs: int, wish: Wish | None = None, rate: int = 0) -> list[Format]:
    return list(_forms(Device(0, "x", inputs, inputs, 22_050), rate, (wish or Wish()).counts(inputs)))


def counts(found: list[Format]) -> list[int]:
    return list(dict.fromkeys(form.channels for form in found))


def test_one_channel_of_16_bits_at_48_khz_is_tried_first() -> None:
    assert forms(2)[0] == Format(48_000, 1, "int16")
    assert counts(forms(2)) == [1, 2]
    assert counts(forms(8)) == [1, 2, 8]


def test_a_wanted_rate_is_the_only_one_and_else_the_cards_own_comes_last() -> None:
    assert {form.rate for form in forms(2, rate=44_100)} == {44_100}
    assert forms(2)[-1].rate == 22_050


def test_a_channel_of_an_array_opens_all_of_it() -> None:
    assert counts(forms(6, Wish(channel=6))) == [6]
    assert counts(forms(6, Wish(channel=2))) == [6, 2]
    assert counts(forms(32, Wish(channel=2))) == [2, 32]  # 32 is a sound server's invention
    assert all(form.channels > 3 for form in forms(8, Wish(channel=4)))


def test_every_form_can_be_tried_only_once() -> None:
    found = forms(2)
    assert len(found) == len(set(found))


# --- opening -------------------------------------------------------------------------------------------


def test_the_first_form_that_works_is_taken(card: FakePortAudio) -> None:
    card.can = lambda how: how["samplerate"] == 16_000 and how["dtype"] == "int32" and how["channels"] == 2
    source = DeviceSource("Array")
    source.open()
    assert source.form == Format(16_000, 2, "int32")
    assert source.ring.rate == 16_000
    assert (source.name, source.is_open) == (TABLE[1][0], True)


def test_a_form_that_fails_only_at_the_start_is_closed_and_the_next_one_tried(card: FakePortAudio) -> None:
    card.start_faults = [sounddevice.PortAudioError("Unanticipated host error", -9999)]
    source = DeviceSource("Array")
    source.open()
    assert [c.log for c in card.cards] == [["start", "close"], ["start"]]
    assert source.is_open


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9985, "is in use by another program."), (-9996, "does not exist."), (-9997, "cannot be opened (odd).")],
)
def test_why_it_cannot_be_opened(card: FakePortAudio, code: int, words: str) -> None:
    card.can, card.fault = lambda _: False, sounddevice.PortAudioError("odd", code)
    with pytest.raises(DeviceGone) as caught:
        DeviceSource("Headset").open()
    assert str(caught.value) == f'"Headset" {words}'


def test_a_channel_beyond_the_last_is_a_mistake_of_the_owner(card: FakePortAudio) -> None:
    with pytest.raises(AudioError, match=r'"Headset" has 1 channels, so audio\.channel = 3 cannot be\.'):
        DeviceSource("Headset", wish=Wish(channel=3)).open()


# --- reading -------------------------------------------------------------------------------------------

PERIOD = 960


def opened(card: FakePortAudio) -> tuple[DeviceSource, Card]:
    source = DeviceSource("Headset")
    source.open()
    return source, card.cards[-1]


def heard(source: DeviceSource) -> np.ndarray:
    return source.ring.read(0, 100_000)[0].reshape(-1).view(np.int16)


def test_what_the_card_has_is_read_in_whole_periods(card: FakePortAudio) -> None:
    """A read of a part would wait for the rest of it."""
    source, mic = opened(card)
    sound = np.arange(2 * PERIOD + 100, dtype=np.int16)
    mic.arrived = sound.tobytes()
    source.pump()
    assert np.array_equal(heard(source), sound[: 2 * PERIOD])
    source.pump()  # 100 frames are no period
    assert source.ring.written == 2 * PERIOD
    assert source.ring.stamp[1] == pytest.approx(module.time.monotonic() - 100 / 48_000)  # type: ignore[attr-defined]


def test_nothing_is_kept_while_the_gate_is_closed(card: FakePortAudio) -> None:
    source, mic = opened(card)
    mic.arrived = bytes(np.ones(PERIOD, np.int16))
    source.gate = False
    source.pump()
    assert len(heard(source)) == 0


def test_a_gate_that_closes_during_a_write_leaves_nothing_behind(card: FakePortAudio) -> None:
    source, mic = opened(card)
    mic.arrived = bytes(np.ones(PERIOD, np.int16))
    write = source.ring.write

    def muted_meanwhile(raw: bytes, now: float) -> None:
        source.gate = False
        source.ring.wipe()
        write(raw, now)

    source.ring.write = muted_meanwhile  # type: ignore[method-assign,assignment]
    source.pump()
    assert len(heard(source)) == 0


@pytest.mark.parametrize(("frames", "flag"), [(PERIOD, True), (50 * PERIOD, False)])
def test_an_overrun_is_counted_by_flag_or_by_a_full_card(card: FakePortAudio, frames: int, flag: bool) -> None:
    source, mic = opened(card)
    mic.arrived, mic.flag = bytes(2 * frames), flag
    source.pump()
    assert source.overruns == 1


def test_a_card_is_stalled_when_nothing_comes_although_it_is_read(card: FakePortAudio) -> None:
    source = DeviceSource("Headset")
    source.pump()
    assert not source.stalled()
    source.open()
    assert not source.stalled()
    module.time.now += 2.1  # type: ignore[attr-defined]
    source.pump()
    assert source.stalled()
    source.close()
    source.close()
    assert not source.stalled()
    assert card.cards[0].log == ["start", "abort", "close"]


def test_one_that_stops_while_somebody_is_listened_to_is_stalled_sooner(card: FakePortAudio) -> None:
    source, mic = opened(card)
    mic.arrived = bytes(2 * PERIOD)
    source.pump()
    source.hurried = True
    module.time.now += 1.0  # type: ignore[attr-defined]
    assert not source.stalled()  # we were late, not the card
    source.pump()
    module.time.now += DRY_S + 0.1  # type: ignore[attr-defined]
    assert source.stalled()
    source.hurried = False
    assert not source.stalled()
    mic.arrived = bytes(2 * PERIOD)
    source.pump()
    source.hurried = True
    assert not source.stalled()


def test_the_first_frame_is_waited_for_longer(card: FakePortAudio) -> None:
    source, _ = opened(card)
    source.hurried = True
    source.pump()
    module.time.now += DRY_S + 0.1  # type: ignore[attr-defined]
    assert not source.stalled()


def test_a_card_that_refuses_is_stalled_at_once_and_not_asked_again(card: FakePortAudio) -> None:
    source, mic = opened(card)
    mic.gone = True
    source.pump()
    assert source.stalled()
    mic.gone = False
    mic.arrived = bytes(2 * PERIOD)
    source.pump()
    assert source.ring.written == 0
    mic.gone = True
    source.close()  # although abort fails
    assert mic.log == ["start", "abort", "close"]
    source.open()
    assert not source.stalled()


def test_nothing_is_read_while_somebody_is_inside_the_stream(card: FakePortAudio) -> None:
    """The audio thread must not wait for a close that hangs."""
    source, mic = opened(card)
    mic.arrived = bytes(2 * PERIOD)
    assert source._opened is not None
    with source._opened.lock:
        source.pump()
    assert source.ring.written == 0


def test_opening_again_starts_with_an_empty_ring(card: FakePortAudio) -> None:
    source, _ = opened(card)
    old = source.ring
    source.close()
    source.open()
    assert source.ring is not old
