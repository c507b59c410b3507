"""pigpiod without a Raspberry Pi: enough of its socket interface for gpiozero's buttons and lamps.

Source: https://abyz.me.uk/rpi/pigpio/sif.html. A request is four 32-bit numbers (command, p1, p2, length of what
follows), the answer the same with the result last; on a connection that has asked for notifications, 12 bytes are sent
for each change of a pin that is watched (sequence, flags, tick, all levels). The numbers of the commands are checked
against the package pigpio in `fakes_tests`.

The pins are those of a board that has just been switched on: GPIO0 to 8 are pulled up, the others down. The client
reads all levels once, as it connects, and an edge to where a pin stood then is lost on it: so a button belongs at one
of the first nine, as it does on a real board with pigpio.
"""

from __future__ import annotations

import socketserver
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Self

MODES, MODEG, PUD, READ, WRITE, PWM, PRS, PFS = range(8)
BR1, TICK, HWVER, NB, NC, PRG, PFG, GDC, FG, NOIB = 10, 16, 17, 19, 21, 22, 23, 83, 97, 99
PI_3B = 0xA22082
PULLED_UP = range(9)
PINS = 28
UP = 2  # of PUD


@dataclass
class Pin:
    """One line: what the chip does with it, and what is connected."""

    pull_up: bool = False
    output: bool = False
    level: int = 0  # as an output
    duty: int | None = None  # of `full`, while it pulses
    full: int = 255
    hertz: int = 800
    contact: int | None = None  # what drives it from outside

    @property
    def now(self) -> int:
        """0 or 1."""
        if self.output:
            return self.level
        return int(self.pull_up) if self.contact is None else self.contact


@dataclass
class Chip:
    """All the pins, and who is told of them."""

    pins: list[Pin] = field(default_factory=lambda: [Pin(pull_up=n in PULLED_UP) for n in range(PINS)])
    lock: threading.RLock = field(default_factory=threading.RLock)
    told: dict[int, tuple[socketserver.BaseRequestHandler, int]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    changed: threading.Condition = field(default_factory=threading.Condition)
    filters: list[int] = field(default_factory=list)  # every glitch filter that was asked for, in us

    @property
    def levels(self) -> int:
        """A bit for each pin."""
        return sum(pin.now << n for n, pin in enumerate(self.pins))

    @property
    def tick(self) -> int:
        """Microseconds."""
        return int((time.monotonic() - self.began) * 1e6) & 0xFFFFFFFF

    def tell(self, before: int) -> None:
        """Whoever watches a pin that has changed since."""
        with self.changed:
            self.changed.notify_all()
        for handler, bits in list(self.told.values()):
            if (before ^ self.levels) & bits:
                handler.request.sendall(struct.pack("HHII", 0, 0, self.tick, self.levels))


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            while True:
                request = self._read(16)
                command, p1, p2, length = struct.unpack("IIII", request)
                self._read(length)
                with self.server.chip.lock:
                    result = self._do(command, p1, p2)
                    self.request.sendall(request[:12] + struct.pack("i", result))
        except (EOFError, OSError):
            pass  # the client has gone

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.request.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def _do(self, command: int, p1: int, p2: int) -> int:
        chip = self.server.chip
        about = {BR1: lambda: chip.levels, TICK: lambda: chip.tick, HWVER: lambda: PI_3B}
        if command in about:
            return about[command]()
        if command in {NOIB, NB, NC}:
            return self._notify(chip, command, p1, p2)
        before = chip.levels
        result = _at_pin(chip, chip.pins[p1], command, p2)
        chip.tell(before)
        return result

    def _notify(self, chip: Chip, command: int, handle: int, bits: int) -> int:
        if command == NOIB:
            handle = max(chip.told, default=-1) + 1
            chip.told[handle] = self, 0
        elif command == NB:
            chip.told[handle] = chip.told[handle][0], bits
        else:
            del chip.told[handle]
        return handle if command == NOIB else 0


def _at_pin(chip: Chip, pin: Pin, command: int, value: int) -> int:
    if command == MODES:
        pin.output = value != 0
    elif command == PUD:
        pin.pull_up = value == UP
    elif command == WRITE:
        pin.level, pin.output, pin.duty = value, True, None
    elif command == PWM:
        pin.duty, pin.output = value, True
    elif command == PRS:
        pin.full = value
    elif command == PFS:
        pin.hertz = value
    elif command == FG:
        chip.filters.append(value)
    found = {MODEG: int(pin.output), READ: pin.now, PRG: pin.full, PFG: pin.hertz, GDC: pin.duty or 0, PFS: pin.hertz}
    if command not in {MODES, PUD, WRITE, PWM, PRS, FG, *found}:
        raise NotImplementedError(f"pigpiod's command {command}")
    return found.get(command, 0)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    chip: Chip


class Pigpiod:
    """A context manager; `env` is how gpiozero finds it."""

    def __init__(self) -> None:
        self.chip = Chip()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.chip = self.chip

    @property
    def env(self) -> dict[str, str]:
        """For a program that is to have these pins."""
        port = str(self._server.server_address[1])
        return {"GPIOZERO_PIN_FACTORY": "pigpio", "PIGPIO_ADDR": "127.0.0.1", "PIGPIO_PORT": port}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def drive(self, pin: int, level: int | None) -> None:
        """Connect a pin to ground (0) or 3.3 V (1), or let it go (None)."""
        with self.chip.lock:
            before = self.chip.levels
            self.chip.pins[pin].contact = level
            self.chip.tell(before)

    def duty(self, pin: int) -> float:
        """How brightly a lamp at a pin shines, 0 to 1."""
        line = self.chip.pins[pin]
        return line.level if line.duty is None else line.duty / line.full

    def wait(self, pin: int, least: float, limit: float = 5.0) -> float:
        """Until a lamp shines so brightly; returns the time at which it did."""
        with self.chip.changed:
            if not self.chip.changed.wait_for(lambda: self.duty(pin) >= least, limit):
                raise TimeoutError(f"GPIO{pin} is at {self.duty(pin)}")
        return time.monotonic()
