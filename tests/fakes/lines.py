"""Sound devices that can be unplugged, and an hour that passes at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from edge.audio.arrays import Roles
from edge.audio.convert import Format
from edge.audio.ring import Ring
from edge.errors import DeviceGone


@dataclass
class Clock:
    """Both a Clock and, as `monotonic`, what a module knows as `time`."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@dataclass
class FakeLine:
    """An output. `fault` is raised by open; `dead` is a card that has stopped."""

    name: str = "Fake"
    fault: str = ""
    dead: bool = False
    is_open: bool = False
    opened: int = 0
    tried: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    hang: threading.Event | None = None

    def open(self) -> None:
        self.tried.append(self.clock.now)
        if self.fault:
            raise DeviceGone(self.fault)
        self.is_open, self.opened = True, self.opened + 1

    def close(self) -> None:
        if self.hang is not None:
            self.hang.wait(10)
        self.is_open = False

    def stalled(self) -> bool:
        return self.is_open and self.dead


@dataclass
class FakeSource(FakeLine):
    """An input; `during_open` is called in the middle of opening."""

    form: Format = field(default_factory=lambda: Format(16_000, 1))
    roles: Roles | None = None
    overruns: int = 0
    gate: bool = True
    ring: Ring = field(default_factory=lambda: Ring(16_000, 2, 10.0))
    during_open: list[object] = field(default_factory=list)

    def open(self) -> None:
        super().open()
        self.ring = Ring(16_000, 2, 10.0)
        for call in self.during_open:
            call()  # type: ignore[operator]

    def deliver(self, sound: bytes = bytes(640)) -> None:
        """The card's callback."""
        if self.is_open and self.gate:
            self.ring.write(sound, self.clock.now)
