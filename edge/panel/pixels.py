"""Lamps of every kind behind one port: at pins (through gpiozero), at the SPI, at the USB.

Each writer turns a picture (red, green, blue of each pixel, 0 to 255) into what its hardware takes, and no more.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module  # for what comes without types, and is not on most machines
from typing import Any, Protocol

from edge.core.indicator import Lamp
from edge.errors import PanelError

LEAST_DUTY = 0.01  # lgpio takes whole percents


class Pixels(Protocol):
    """Something that shines. `open` again after a failure; `close` leaves it dark and is idempotent."""

    @property
    def lamp(self) -> Lamp:
        """What can be shown on it."""

    def open(self) -> None:
        """Take the hardware; raises PanelError."""

    def show(self, rgb: bytes) -> None:
        """One picture; raises whatever the hardware's library does."""

    def close(self) -> None:
        """Dark, and given back."""


class Pins:
    """One lamp at pins, by software PWM: without colours at one pin, or with red, green and blue at three."""

    def __init__(self, factory: Any, pins: tuple[int, ...], *, active_high: bool) -> None:
        self._factory, self._pins, self._active_high = factory, pins, active_high
        self._leds: list[Any] = []
        self._shown: list[int] = []

    @property
    def lamp(self) -> Lamp:
        """See Pixels."""
        return Lamp(colours=len(self._pins) > 1)

    def open(self) -> None:
        """See Pixels."""
        from gpiozero import PWMLED

        try:
            for pin in self._pins:
                self._leds.append(PWMLED(pin, active_high=self._active_high, pin_factory=self._factory))
        except Exception as error:  # as many kinds of it as there are libraries for pins
            self.close()
            names = ", ".join(f"GPIO{pin}" for pin in self._pins)
            raise PanelError(f"The lamp at {names} cannot be used: {error}.") from error
        self._shown = [0] * len(self._leds)

    def show(self, rgb: bytes) -> None:
        """See Pixels."""
        values = list(rgb[:3]) if len(self._leds) > 1 else [max(rgb[:3])]
        for n, (led, value) in enumerate(zip(self._leds, values, strict=True)):
            if value != self._shown[n]:
                led.value = max(LEAST_DUTY, value / 255) if value else 0.0
                self._shown[n] = value

    def close(self) -> None:
        """See Pixels."""
        leds, self._leds = self._leds, []
        for led in leds:
            with suppress(Exception):
                led.close()


class _Spi:
    """A strip at the SPI."""

    HERTZ = 0
    NAME = ""

    def __init__(self, count: int, bus: int, device: int) -> None:
        self._count, self._bus, self._device = count, bus, device
        self._spi: Any = None

    @property
    def lamp(self) -> Lamp:
        """See Pixels."""
        return Lamp(self._count)

    def open(self) -> None:
        """See Pixels."""
        path = f"/dev/spidev{self._bus}.{self._device}"
        try:
            spi = import_module("spidev").SpiDev()
            spi.open(self._bus, self._device)
        except ModuleNotFoundError:
            raise PanelError(f"The {self.NAME} strip needs spidev: pip install spidev.") from None
        except OSError as error:
            why = f"{error.strerror or error}. Is the SPI on (dtparam=spi=on)?"
            raise PanelError(f"The {self.NAME} strip at {path} cannot be used: {why}") from None
        spi.max_speed_hz, spi.mode = self.HERTZ, 0
        self._spi = spi

    def show(self, rgb: bytes) -> None:
        """See Pixels."""
        self._spi.writebytes2(self.encode(rgb))

    def close(self) -> None:
        """See Pixels."""
        spi, self._spi = self._spi, None
        if spi is not None:
            with suppress(OSError):
                spi.writebytes2(self.encode(bytes(3 * self._count)))
            spi.close()

    def encode(self, rgb: bytes) -> bytes:
        """What is to be sent for a picture."""
        raise NotImplementedError


class Apa102(_Spi):
    """Source: the APA102 data sheet by way of cpldcpu (2014-08-27), whose measurements of 2014-11-30 correct its end.

    32 bits of 0; for each lamp 111, five bits of global brightness, then blue, green, red; then half a clock for each
    lamp, since every one passes the data on half a clock late. Zeros do for that, and the 32 more of them at the
    beginning of the end are what the SK9822 shows the picture at. The global brightness stays at its most: below that
    the APA102 chops the light at some 600 Hz, where the colours' own PWM has 20 kHz.
    """

    HERTZ = 4_000_000
    NAME = "APA102"

    def encode(self, rgb: bytes) -> bytes:
        """See _Spi."""
        lamps = bytearray(b"\xff" * (4 * self._count))
        lamps[1::4], lamps[2::4], lamps[3::4] = rgb[2::3], rgb[1::3], rgb[0::3]
        return bytes(4) + bytes(lamps) + bytes(4 + (self._count + 15) // 16)


_ZERO, _ONE = 0b11000000, 0b11111000
_BITS = tuple(bytes(_ONE if value >> bit & 1 else _ZERO for bit in range(7, -1, -1)) for value in range(256))


class Ws2812(_Spi):
    """Source: Worldsemi's WS2812B data sheet: green, red, blue, most significant bit first, 1.25 us a bit.

    0 is high for 0.4 us and low for 0.85, 1 is high for 0.8 and low for 0.45, all within 0.15 us; low for more than
    50 us (280 in later versions) shows the picture. So each bit is a byte of the SPI at 6.4 MHz: two of its eight
    156 ns are high for a 0 (0.31 and 0.94 us), five for a 1 (0.78 and 0.47 us). 300 us of low stand at both ends: a Pi
    may leave the line high before it begins. All of it must fit spidev's buffer of 4096 bytes, or there are gaps.
    """

    HERTZ = 6_400_000
    NAME = "WS2812"
    LATCH = bytes(240)  # 300 us

    def encode(self, rgb: bytes) -> bytes:
        """See _Spi."""
        ordered = bytearray(rgb)
        ordered[0::3], ordered[1::3] = rgb[1::3], rgb[0::3]
        return self.LATCH + b"".join([_BITS[value] for value in ordered]) + self.LATCH


class ReSpeaker:
    """The ring of Seeed's ReSpeaker USB 4 Mic Array (Mic Array v2.0).

    Source: Seeed's wiki, "ReSpeaker USB 4 Mic Array LED Control Protocol", and its usb_pixel_ring_v2.py: a vendor's
    control transfer to the device, request 0, value 6 (each lamp its own colour), index 0x1C, and (red, green, blue, 0)
    for each of 12 lamps.
    """

    VENDOR, PRODUCT = 0x2886, 0x0018
    OUT = 0x40  # to the device, vendor's request, recipient the device
    CUSTOM, INDEX, COUNT = 6, 0x1C, 12
    MOST_MS = 200  # Seeed's code waits for 8 s; a picture is old after 40 ms

    def __init__(self) -> None:
        self._device: Any = None

    @property
    def lamp(self) -> Lamp:
        """See Pixels."""
        return Lamp(self.COUNT)

    def open(self) -> None:
        """See Pixels."""
        try:
            device = import_module("usb.core").find(idVendor=self.VENDOR, idProduct=self.PRODUCT)
        except ModuleNotFoundError:
            raise PanelError("The ReSpeaker's ring needs pyusb: pip install pyusb.") from None
        except Exception as error:  # usb.core.NoBackendError is a ValueError
            raise PanelError(f"The ReSpeaker's ring cannot be used: {error}. Is libusb-1.0-0 installed?") from error
        if device is None:
            raise PanelError("The ReSpeaker's ring is not there: no USB device 2886:0018.")
        self._device = device

    def show(self, rgb: bytes) -> None:
        """See Pixels."""
        lamps = bytearray(4 * self.COUNT)
        lamps[0::4], lamps[1::4], lamps[2::4] = rgb[0::3], rgb[1::3], rgb[2::3]
        self._device.ctrl_transfer(self.OUT, 0, self.CUSTOM, self.INDEX, bytes(lamps), self.MOST_MS)

    def close(self) -> None:
        """See Pixels."""
        device, self._device = self._device, None
        if device is not None:
            with suppress(OSError):
                self._device = device
                self.show(bytes(3 * self.COUNT))
            self._device = None
            import_module("usb.util").dispose_resources(device)
