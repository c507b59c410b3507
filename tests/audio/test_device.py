"""Choosing a sound card and the form to open it in, its callbacks, and what is said when it cannot be had."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import sounddevice

from edge.audio import device as module
from edge.audio.convert import Format
from edge.audio.device import Device, DeviceSink, DeviceSource, _forms, choose, devices, rescan
from edge.audio.speaker import QueueSpeaker
from edge.errors import AudioError, DeviceGone
from tests.fakes.lines import Clock
from tests.fakes.portaudio import NO_OVERFLOW, FakePortAudio

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


def forms(inputs: int, channel: int | None = None, rate: int = 0, *, output: bool = False) -> list[Format]:
    return list(_forms(Device(0, "x", inputs, inputs, 22_050), rate, channel, output=output))


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
    assert counts(forms(6, channel=5)) == [6]
    assert counts(forms(6, channel=1)) == [6, 2]
    assert counts(forms(32, channel=1)) == [2, 32]  # 32 is a sound server's invention
    assert all(form.channels > 3 for form in forms(8, channel=3))


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
    assert card.streams[0].log == ["start", "close"]
    assert source._stream is card.streams[1]


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
        DeviceSource("Headset", channel=2).open()


# --- callbacks -----------------------------------------------------------------------------------------


def test_what_the_card_delivers_is_in_the_ring_unless_the_gate_is_closed(card: FakePortAudio) -> None:
    source = DeviceSource("Headset")
    source.open()
    deliver = card.streams[0].callback
    block = np.arange(960, dtype=np.int16)
    deliver(block.tobytes(), 960, None, NO_OVERFLOW)
    source.gate = False
    deliver(block.tobytes(), 960, None, SimpleNamespace(input_overflow=True))
    assert np.array_equal(source.ring.read(0, 5000)[0].reshape(-1).view(np.int16), block)
    assert source.overruns == 1


def test_a_card_is_stalled_when_its_callbacks_stop(card: FakePortAudio) -> None:
    source = DeviceSource("Headset")
    assert not source.stalled()
    source.open()
    assert not source.stalled()
    module.time.now += 2.1  # type: ignore[attr-defined]
    assert source.stalled()
    source.close()
    source.close()
    assert not source.stalled()
    assert card.streams[0].log == ["start", "abort", "close"]  # although abort fails


def test_opening_again_starts_with_an_empty_ring(card: FakePortAudio) -> None:
    source = DeviceSource("Headset")
    source.open()
    old = source.ring
    source.close()
    source.open()
    assert source.ring is not old


@pytest.mark.parametrize(("dtype", "scale"), [("int16", 1), ("float32", 1 / 32768), ("int32", 65536)])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_speaker_gets_the_samples_on_all_channels(
    card: FakePortAudio, dtype: str, scale: float, channels: int
) -> None:
    card.can = lambda how: how["dtype"] == dtype and how["channels"] == channels
    speaker = QueueSpeaker(lambda _: None, lambda: 0.0)
    sink = DeviceSink(speaker, "Headset")
    sink.open()
    assert (speaker.name, speaker.rate, speaker.latency_s) == ("Headset", 48_000, 0.05)
    samples = np.array([0, 1, -1, 32767, -32768, 5], np.int16)
    speaker.play(1, samples.tobytes(), 48_000)
    data = bytearray(6 * channels * np.dtype(dtype).itemsize)
    card.streams[0].callback(memoryview(data), 6, None, NO_OVERFLOW)
    table = np.frombuffer(bytes(data), dtype).reshape(6, channels)
    for channel in range(channels):
        assert np.array_equal(table[:, channel], (samples.astype(np.float64) * scale).astype(dtype))
    sink.close()
    assert not sink.is_open
