"""The faults of `tests.bench faults`: each does something to a device and mends it, or gives what mends it later."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Self

from websockets.sync.client import unix_connect

from edge.errors import ControlError
from tests.bench.attended import Attended
from tests.bench.realtime import Served
from tests.fakes.realtime.faults import UNAVAILABLE
from tests.faults import Cards, What

BOTH: tuple[What, ...] = ("mic", "spk")


@dataclass
class Disk:
    """The state directory of a daemon: a small disk of its own, where that can be had."""

    path: Path | None = None

    @property
    def env(self) -> dict[str, str]:
        """For a daemon."""
        return {"STATE_DIRECTORY": str(self.path)} if self.path else {}

    def fill(self) -> None:
        """Not a byte is left."""
        assert self.path is not None
        with suppress(OSError), (self.path / "ballast").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass

    def empty(self) -> None:
        """There is room again."""
        assert self.path is not None
        (self.path / "ballast").unlink(missing_ok=True)

    def remount(self, how: str) -> None:
        """`ro` or `rw`."""
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.path)], check=True)


@contextmanager
def volatile() -> Iterator[Disk]:
    """A disk of 256 kB, if this user may mount one."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=False)
        if mounted.returncode:
            yield Disk()
            return
        try:
            yield Disk(Path(folder))
        finally:
            subprocess.run(["umount", "-l", folder], check=False)


@dataclass
class Patient:
    """A device and all that can happen to it."""

    person: Attended
    served: Served
    offline: bool = False
    state: Disk = field(default_factory=Disk)

    def __post_init__(self) -> None:
        self.cards = Cards(self.person.device.rig)

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.person.device.rig.run / "edge-voice" / "control.sock"


class Watchdog:
    """Listens to the daemon as systemd does; a context manager."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._path = f"{self._folder.name}/notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._path)
        self._fed: list[float] = [time.monotonic()]
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._folder.cleanup()

    @property
    def env(self) -> dict[str, str]:
        """For the daemon."""
        return {"NOTIFY_SOCKET": self._path, "WATCHDOG_USEC": "10000000"}

    def _listen(self) -> None:
        with suppress(OSError):
            while message := self._socket.recv(4096):
                if b"WATCHDOG=1" in message:
                    self._fed.append(time.monotonic())

    def begin(self) -> None:
        """From now on."""
        self._fed = [time.monotonic()]

    def longest(self) -> float:
        """The longest time without a sign of life (s)."""
        times = [*self._fed, time.monotonic()]
        return max(after - before for before, after in pairwise(times))


Heal = Callable[[], None]
Mishap = Callable[[Patient, random.Random], Heal | None]


# --- cards and sound server --------------------------------------------------------------------------


def _unplugged(what: What) -> Mishap:
    def happens(patient: Patient, chance: random.Random) -> None:
        patient.cards.unplug(what)
        time.sleep(chance.uniform(0.0, 2.0))
        patient.cards.plug(what, renamed=chance.random() < 0.5)

    return happens


def _both_unplugged(patient: Patient, chance: random.Random) -> None:
    for what in BOTH:
        patient.cards.unplug(what)
    time.sleep(chance.uniform(0.0, 1.0))
    for what in BOTH:
        patient.cards.plug(what, renamed=chance.random() < 0.5)


def _still(what: What) -> Mishap:
    def happens(patient: Patient, chance: random.Random) -> None:
        patient.cards.suspend(what, on=True)
        time.sleep(chance.uniform(0.2, 3.0))
        patient.cards.suspend(what, on=False)

    return happens


def _server_ends(patient: Patient, chance: random.Random) -> None:
    patient.cards.kill_server()
    time.sleep(chance.uniform(0.0, 1.5))
    patient.cards.restart_server()


def _server_hangs(patient: Patient, chance: random.Random) -> None:
    patient.cards.freeze_server(on=True)
    time.sleep(chance.uniform(0.3, 5.0))
    patient.cards.freeze_server(on=False)


def _server_hangs_and_ends(patient: Patient, chance: random.Random) -> None:
    patient.cards.freeze_server(on=True)
    time.sleep(chance.uniform(0.3, 4.0))
    patient.cards.kill_server()
    patient.cards.restart_server()


def _stuck(patient: Patient, chance: random.Random) -> None:
    with patient.cards.stuck():
        time.sleep(chance.uniform(2.0, 4.0))


# --- machine -----------------------------------------------------------------------------------------


def _asleep(patient: Patient, chance: random.Random) -> None:
    process = patient.person.device.process
    process.send_signal(signal.SIGSTOP)
    time.sleep(chance.uniform(0.2, 4.0))
    process.send_signal(signal.SIGCONT)


def _disk_full(patient: Patient, chance: random.Random) -> Heal:
    patient.state.fill()
    patient.person.command("volume", chance.randint(90, 100))
    return patient.state.empty


def _disk_read_only(patient: Patient, chance: random.Random) -> Heal:
    patient.state.remount("ro")
    patient.person.command("volume", chance.randint(90, 100))
    return lambda: patient.state.remount("rw")


def _reloaded(patient: Patient, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 5)):
        patient.person.device.process.send_signal(signal.SIGHUP)
        time.sleep(0.05)


# --- network -----------------------------------------------------------------------------------------


def _dropped(*, reset: bool) -> Mishap:
    def happens(patient: Patient, _chance: random.Random) -> None:
        async def drop() -> None:
            if patient.served.fake.links:
                patient.served.fake.faults.drop(reset=reset)

        patient.served.do(drop())

    return happens


def _network_gone(patient: Patient, chance: random.Random) -> None:
    patient.served.drop()
    time.sleep(chance.uniform(0.2, 2.5))
    patient.served.do(patient.served.fake.up())


def _refused(patient: Patient, chance: random.Random) -> None:
    async def refuse() -> None:
        patient.served.fake.faults.refuse(UNAVAILABLE, chance.randint(1, 3))
        patient.served.fake.faults.drop_all()

    patient.served.do(refuse())


def _vendor_hangs(patient: Patient, chance: random.Random) -> None:
    async def hang() -> None:
        faults = patient.served.fake.faults
        faults.freeze()
        await asyncio.sleep(chance.uniform(0.2, 3.0))
        faults.thaw()

    patient.served.do(hang())


# --- people and programs -----------------------------------------------------------------------------


def _presses(patient: Patient, chance: random.Random) -> None:
    for _ in range(chance.randint(2, 12)):
        patient.person.command(chance.choice(("press", "hold", "release", "forget", "press")))
        time.sleep(chance.uniform(0.0, 0.2))


def _mutes(patient: Patient, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 6)):
        patient.person.command("mute")
        time.sleep(chance.uniform(0.0, 0.3))
        patient.person.command("unmute")
        time.sleep(chance.uniform(0.0, 0.3))


def _nonsense(patient: Patient, chance: random.Random) -> None:
    """Bytes that are no request, and connections that are begun and left."""
    for _ in range(5):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(patient.socket))
            line.sendall(chance.randbytes(chance.randint(0, 3000)))
    with unix_connect(str(patient.socket), uri="ws://localhost/") as connection:
        for words in ("[" * 5000, "{}", '{"command": 5}', '{"command": "volume", "argument": "loud"}'):
            connection.send(words)
            connection.recv(5)
    with suppress(ControlError):
        patient.person.command("volume", 1000)


def _deaf_watcher(patient: Patient, chance: random.Random) -> None:
    """It watches, and never reads."""
    connection = unix_connect(str(patient.socket), uri="ws://localhost/", max_queue=1)
    connection.send('{"v": 1, "id": 1, "command": "watch"}')
    time.sleep(chance.uniform(0.0, 1.0))
    connection.socket.close()


# --- the offline engine ------------------------------------------------------------------------------


def _worker(number: signal.Signals) -> Mishap:
    def happens(patient: Patient, _chance: random.Random) -> None:
        worker = patient.person.command("status")["engine"].get("worker_pid")
        if worker:
            with suppress(ProcessLookupError):
                os.kill(worker, number)

    return happens


SOUND: dict[str, Mishap] = {
    "microphone unplugged": _unplugged("mic"),
    "speaker unplugged": _unplugged("spk"),
    "both unplugged": _both_unplugged,
    "microphone stands still": _still("mic"),
    "speaker stands still": _still("spk"),
    "sound server ends": _server_ends,
    "sound server hangs": _server_hangs,
    "sound server hangs, ends": _server_hangs_and_ends,
    "microphone stuck": _stuck,
}
OTHERS: dict[str, Mishap] = {
    "daemon stopped, continued": _asleep,
    "presses": _presses,
    "mutes": _mutes,
    "nonsense to the socket": _nonsense,
    "watcher that is deaf": _deaf_watcher,
    "reloads": _reloaded,
}
ONLINE: dict[str, Mishap] = {
    **SOUND,
    **OTHERS,
    "disk full": _disk_full,
    "disk read-only": _disk_read_only,
    "line dropped": _dropped(reset=False),
    "line reset": _dropped(reset=True),
    "network gone": _network_gone,
    "refused": _refused,
    "vendor hangs": _vendor_hangs,
}
OFFLINE: dict[str, Mishap] = {
    **SOUND,
    **OTHERS,
    "worker killed": _worker(signal.SIGKILL),
    "worker ended": _worker(signal.SIGTERM),
    "worker faults": _worker(signal.SIGSEGV),
}
