"""Lamps: the very bytes that leave for the hardware, and what is said when there is none."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.indicator import Lamp
from edge.errors import PanelError
from edge.panel.pixels import Apa102, Pins, Pixels, ReSpeaker, Ws2812
from tests.fakes.lamps import Bus, Usb, put_in, spidev, usb
from tests.panel.boards import board

ORANGE = bytes([255, 128, 1])


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    there = Bus()
    put_in(monkeypatch, spidev=spidev(there))
    return there


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Usb:
    there = Usb()
    put_in(monkeypatch, **usb(there))
    return there


# --- at pins -------------------------------------------------------------------------------------------


def test_a_lamp_without_colours_shows_the_brightest_of_the_three() -> None:
    with board() as pins:
        lamp = Pins(pins, (18,), active_high=True)
        assert lamp.lamp == Lamp(colours=False)
        lamp.open()
        assert pins.pin(18).frequency == 100
        lamp.show(bytes([0, 51, 10]))
        assert pins.pin(18).state == pytest.approx(0.2)
        lamp.show(bytes(3))
        assert pins.pin(18).state == 0
        lamp.close()
        assert pins.pin(18).function == "input"
        lamp.close()


def test_a_coloured_lamp_at_three_pins() -> None:
    with board() as pins:
        lamp = Pins(pins, (13, 19, 26), active_high=True)
        assert lamp.lamp == Lamp()
        lamp.open()
        lamp.show(ORANGE)
        assert [pins.pin(n).state for n in (13, 19, 26)] == [1.0, pytest.approx(128 / 255), 0.01]  # lgpio's least
        lamp.close()


def test_common_anode() -> None:
    with board() as pins:
        lamp = Pins(pins, (18,), active_high=False)
        lamp.open()
        assert pins.pin(18).state == 1
        lamp.show(bytes([255, 0, 0]))
        assert pins.pin(18).state == 0
        lamp.close()


def test_only_what_changes_is_written() -> None:
    """Each write costs a call into the library."""
    with board() as pins:
        lamp = Pins(pins, (13, 19, 26), active_high=True)
        lamp.open()
        lamp.show(ORANGE)
        for pin in (13, 26):
            pins.pin(pin).clear_states()
        lamp.show(bytes([255, 64, 1]))
        assert len(pins.pin(13).states) == len(pins.pin(26).states) == 1  # as it was when cleared
        lamp.close()


def test_a_pin_that_is_taken_is_told_and_the_others_are_free_again() -> None:
    with board() as pins:
        first = Pins(pins, (19,), active_high=True)
        first.open()
        second = Pins(pins, (13, 19, 26), active_high=True)
        with pytest.raises(PanelError, match=r"The lamp at GPIO13, GPIO19, GPIO26 cannot be used: .*GPIO19"):
            second.open()
        third = Pins(pins, (13,), active_high=True)
        third.open()
        first.close()
        third.close()


# --- at the SPI ----------------------------------------------------------------------------------------


def test_apa102_on_the_wire(bus: Bus) -> None:
    """Start, 111 and full brightness, then blue, green, red; zeros at the end."""
    strip = Apa102(2, 0, 1)
    assert strip.lamp == Lamp(2)
    strip.open()
    strip.show(ORANGE + bytes([1, 2, 3]))
    assert bus.opened == [(0, 1)]
    assert bus.settings == [(4_000_000, 0)]
    assert bus.written == [bytes.fromhex("00000000 ff0180ff ff030201 0000000000")]


@pytest.mark.parametrize("count", [1, 12, 16, 17, 64, 144])
def test_apa102_ends_with_a_clock_for_every_second_lamp(count: int) -> None:
    """And 32 clocks of zeros before that, at which an SK9822 shows the picture."""
    sent = Apa102(count, 0, 0).encode(bytes(3 * count))
    end = sent[4 + 4 * count :]
    assert not any(end)
    assert (len(end) - 4) * 8 >= count / 2


def decoded(sent: bytes) -> bytes:
    """What a WS2812 makes of it, by the limits of its data sheet; green, red, blue."""
    step = 1e3 / 6.4  # ns
    wave = "".join(f"{byte:08b}" for byte in sent).lstrip("0")
    pulses = [(len(high) * step, len(low) * step) for high, low in re.findall("(1+)(0+)", wave)]
    values = ["1" if high > 600 else "0" for high, _ in pulses]
    for n, (high, low) in enumerate(pulses):
        assert abs(high - (800 if values[n] == "1" else 400)) <= 150
        last = n == len(pulses) - 1
        assert low > 280_000 if last else abs(low - (450 if values[n] == "1" else 850)) <= 150
    text = "".join(values)
    return bytes(int(text[n : n + 8], 2) for n in range(0, len(text), 8))


def test_ws2812_on_the_wire(bus: Bus) -> None:
    strip = Ws2812(1, 1, 0)
    strip.open()
    strip.show(bytes([0x80, 0xFF, 0x01]))
    (sent,) = bus.written
    assert bus.opened == [(1, 0)]
    assert bus.settings == [(6_400_000, 0)]
    one, zero = "f8", "c0"
    assert sent.hex() == "00" * 240 + one * 8 + (one + zero * 7) + (zero * 7 + one) + "00" * 240


@given(st.binary(min_size=3, max_size=60).filter(lambda rgb: len(rgb) % 3 == 0))
def test_ws2812_is_within_the_limits_of_its_data_sheet(rgb: bytes) -> None:
    strip = Ws2812(len(rgb) // 3, 0, 0)
    grb = b"".join(bytes([rgb[n + 1], rgb[n], rgb[n + 2]]) for n in range(0, len(rgb), 3))
    assert decoded(strip.encode(rgb)) == grb


def test_the_longest_strip_fits_the_kernels_buffer() -> None:
    """Else spidev sends it in parts, with gaps that a WS2812 takes for the end."""
    assert len(Ws2812(144, 0, 0).encode(bytes(432))) <= 4096


@pytest.mark.parametrize("make", [lambda: Apa102(3, 0, 0), lambda: Ws2812(3, 0, 0)], ids=["apa102", "ws2812"])
def test_a_strip_is_left_dark(bus: Bus, make: Callable[[], Apa102 | Ws2812]) -> None:
    """It would go on shining for ever."""
    strip = make()
    strip.open()
    strip.show(ORANGE * 3)
    strip.close()
    strip.close()
    assert bus.written[-1] == strip.encode(bytes(9))
    assert bus.closed == 1


def test_a_strip_that_fails_at_the_end_is_closed_all_the_same(bus: Bus) -> None:
    strip = Apa102(1, 0, 0)
    strip.open()
    bus.broken = True
    strip.close()
    assert bus.closed == 1


def test_no_spi_is_told_with_what_to_do(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    bus.present = False
    with pytest.raises(PanelError, match=r"/dev/spidev0.0 cannot be used: No such file.*dtparam=spi=on"):
        Apa102(1, 0, 0).open()
    put_in(monkeypatch, spidev=None)
    with pytest.raises(PanelError, match="The WS2812 strip needs spidev: pip install spidev"):
        Ws2812(1, 0, 0).open()


# --- at the USB ----------------------------------------------------------------------------------------


def test_respeaker_on_the_wire(machine: Usb) -> None:
    """Seeed's protocol: custom mode, four bytes a lamp."""
    ring = ReSpeaker()
    assert ring.lamp == Lamp(12)
    ring.open()
    ring.show(ORANGE + bytes([1, 2, 3]) + bytes(30))
    assert machine.transfers == [(0x40, 0, 6, 0x1C, bytes([255, 128, 1, 0, 1, 2, 3, 0]) + bytes(40), 200)]


def test_a_ring_is_left_dark_and_given_back(machine: Usb) -> None:
    ring = ReSpeaker()
    ring.open()
    ring.close()
    ring.close()
    assert machine.transfers[-1][4] == bytes(48)
    assert machine.disposed == 1


def test_a_ring_that_was_unplugged_is_given_back_too(machine: Usb) -> None:
    ring = ReSpeaker()
    ring.open()
    machine.plugged = False
    with pytest.raises(OSError, match="No such device"):
        ring.show(bytes(36))
    ring.close()
    assert machine.disposed == 1


def test_no_ring_is_told_with_what_to_do(machine: Usb, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.library = False
    with pytest.raises(PanelError, match=r"cannot be used: No backend available. Is libusb"):
        ReSpeaker().open()
    machine.library, machine.plugged = True, False
    with pytest.raises(PanelError, match="no USB device 2886:0018"):
        ReSpeaker().open()
    put_in(monkeypatch, **dict.fromkeys(("usb", "usb.core", "usb.util")))
    with pytest.raises(PanelError, match="needs pyusb: pip install pyusb"):
        ReSpeaker().open()


# --- the fakes against the libraries -------------------------------------------------------------------


def test_the_fake_usb_has_the_arguments_of_pyusb() -> None:
    core, util = pytest.importorskip("usb.core"), pytest.importorskip("usb.util")
    names = list(inspect.signature(core.Device.ctrl_transfer).parameters)
    assert names == list(inspect.signature(Usb.ctrl_transfer).parameters)
    assert list(inspect.signature(util.dispose_resources).parameters) == ["device"]
    assert issubclass(core.USBError, OSError)
    assert issubclass(core.NoBackendError, ValueError)
    assert (util.CTRL_OUT | util.CTRL_TYPE_VENDOR | util.CTRL_RECIPIENT_DEVICE) == ReSpeaker.OUT


def test_the_fake_spi_has_what_spidev_has() -> None:
    real = pytest.importorskip("spidev").SpiDev
    fake = spidev(Bus()).SpiDev()
    for name in [*vars(type(fake)), *vars(fake)]:
        assert name.startswith("_") or hasattr(real, name), name


def test_every_kind_is_a_pixels() -> None:
    kinds: list[Pixels] = [Pins(None, (1,), active_high=True), Apa102(1, 0, 0), Ws2812(1, 0, 0), ReSpeaker()]
    assert [kind.lamp.pixels for kind in kinds] == [1, 1, 1, 12]
