"""What spidev and pyusb would talk to: every byte is kept. The names and arguments are the libraries' own."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest


@dataclass
class Bus:
    """All SPI devices of a machine, and what was written to them."""

    present: bool = True
    broken: bool = False
    settings: list[tuple[int, int]] = field(default_factory=list)
    opened: list[tuple[int, int]] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)
    closed: int = 0


def spidev(bus: Bus) -> ModuleType:
    """A module like spidev, on this bus."""

    class SpiDev:
        def __init__(self) -> None:
            self.max_speed_hz, self.mode = 0, 3

        def open(self, number: int, device: int) -> None:
            if not bus.present:
                raise FileNotFoundError(2, "No such file or directory")
            bus.opened.append((number, device))

        def writebytes2(self, values: bytes) -> None:
            if bus.broken:
                raise OSError(5, "Input/output error")
            bus.settings.append((self.max_speed_hz, self.mode))
            bus.written.append(bytes(values))

        def close(self) -> None:
            bus.closed += 1

    module = ModuleType("spidev")
    module.SpiDev = SpiDev  # type: ignore[attr-defined]
    return module


@dataclass
class Usb:
    """A machine's USB with one device, that may be unplugged."""

    product: tuple[int, int] = (0x2886, 0x0018)
    plugged: bool = True
    library: bool = True
    transfers: list[tuple[Any, ...]] = field(default_factory=list)
    disposed: int = 0

    def ctrl_transfer(  # noqa: PLR0917  pyusb's arguments
        self, bmRequestType: int, bRequest: int, wValue: int = 0, wIndex: int = 0,  # noqa: N803  pyusb's names
        data_or_wLength: Any = None, timeout: int | None = None,  # noqa: N803
    ) -> int:  # fmt: skip
        """As usb.core.Device does it."""
        if not self.plugged:
            raise OSError(19, "No such device (it may have been disconnected)")
        self.transfers.append((bmRequestType, bRequest, wValue, wIndex, bytes(data_or_wLength), timeout))
        return len(data_or_wLength)

    def find(self, *, idVendor: int, idProduct: int) -> Usb | None:  # noqa: N803
        """As usb.core.find does it."""
        if not self.library:
            raise ValueError("No backend available")  # usb.core.NoBackendError
        return self if self.plugged and (idVendor, idProduct) == self.product else None

    def dispose_resources(self, device: Usb) -> None:
        """As usb.util.dispose_resources does it."""
        assert device is self
        self.disposed += 1


def usb(machine: Usb) -> dict[str, ModuleType]:
    """Modules like pyusb's."""
    package, core, util = ModuleType("usb"), ModuleType("usb.core"), ModuleType("usb.util")
    core.find = machine.find  # type: ignore[attr-defined]
    util.dispose_resources = machine.dispose_resources  # type: ignore[attr-defined]
    return {"usb": package, "usb.core": core, "usb.util": util}


def put_in(patch: pytest.MonkeyPatch, **modules: ModuleType | None) -> None:
    """Have these be imported; None cannot be."""
    for name, module in modules.items():
        patch.setitem(sys.modules, name, module)
