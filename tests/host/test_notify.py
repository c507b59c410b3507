"""What systemd is told: read from the other end of its socket."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.host.notify import Systemd, watchdog_s


class Manager:
    """A service manager's socket."""

    def __init__(self, path: Path) -> None:
        self.status = "Idle, engine none"
        self.env = {"NOTIFY_SOCKET": str(path)}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def host(self, **more: str) -> Systemd:
        return Systemd(lambda: self.status, {**self.env, **more})

    def told(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    there = Manager(tmp_path / "notify")
    yield there
    there.close()


WATCHDOG = {"WATCHDOG_USEC": "10000000"}


def test_ready_tells_the_status_and_stopping_is_the_last_word(manager: Manager) -> None:
    host = manager.host()
    host.ready()
    host.stopping()
    host.published("state", {"state": "idle"})
    assert manager.told() == ["READY=1\nSTATUS=Idle, engine none", "STOPPING=1\nSTATUS=Stopping"]


def test_the_status_follows_every_event_and_is_told_once(manager: Manager) -> None:
    host = manager.host()
    for status in ("Idle", "Idle", "Listening", "Listening"):
        manager.status = status
        host.published("user_transcript", {"text": "secret", "final": True})
    assert manager.told() == ["STATUS=Idle", "STATUS=Listening"]


def test_a_status_cannot_forge_a_message(manager: Manager) -> None:
    manager.status = "Error: it says\nREADY=1\r" + "x" * 1000
    manager.host().look(alive=False)
    (told,) = manager.told()
    assert told.startswith("STATUS=Error: it says READY=1 xx")
    assert len(told) < 600


def test_the_watchdog_is_fed_only_by_a_living_device(manager: Manager) -> None:
    host = manager.host(**WATCHDOG)
    host.ready()
    manager.told()
    for alive in (True, False, True):
        host.look(alive=alive)
    assert manager.told() == ["WATCHDOG=1", "WATCHDOG=1"]


def test_without_a_watchdog_none_is_fed(manager: Manager) -> None:
    host = manager.host()
    host.ready()
    manager.told()
    host.look(alive=True)
    assert manager.told() == []


def test_a_start_that_takes_long_asks_for_time_as_long_as_it_lives(manager: Manager) -> None:
    host = manager.host(**WATCHDOG)
    for alive in (True, False, True):
        host.look(alive=alive)
    assert manager.told() == [
        "EXTEND_TIMEOUT_USEC=20000000\nSTATUS=Idle, engine none",
        "EXTEND_TIMEOUT_USEC=20000000",
    ]
    host.stopping()
    manager.told()
    host.look(alive=True)
    assert manager.told() == []


def test_a_reload_ends_in_ready_with_a_time_before_it(manager: Manager) -> None:
    host = manager.host()
    host.ready()
    manager.told()
    before = time.monotonic()
    host.reloading()
    host.reloaded()
    first, second = manager.told()
    found = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", first)
    assert found is not None
    assert before <= int(found[1]) / 1e6 <= time.monotonic()
    assert second == "READY=1"


def test_a_reload_does_not_make_a_device_ready(manager: Manager) -> None:
    host = manager.host()
    host.reloading()
    host.reloaded()
    assert [line for told in manager.told() for line in told.splitlines() if line.startswith("READY")] == []


def test_the_beat_is_part_of_the_loop(manager: Manager) -> None:
    async def main() -> list[str]:
        host = manager.host(WATCHDOG_USEC="4000")
        host.ready()
        beats = iter([True, True])
        task = asyncio.ensure_future(host.beat(lambda: next(beats, False)))
        async with asyncio.timeout(5):
            while (found := [*seen, *manager.told()]).count("WATCHDOG=1") < 2:
                seen[:] = found
                await asyncio.sleep(0.001)
        task.cancel()
        return found

    seen: list[str] = []
    assert asyncio.run(main()).count("WATCHDOG=1") == 2


def test_without_a_service_manager_nobody_is_told_and_nothing_beats() -> None:
    async def main() -> None:
        host = Systemd(lambda: "Idle", {})
        async with asyncio.timeout(5):
            await host.beat(lambda: True)
        host.ready()
        host.stopping()
        assert not host.listens

    asyncio.run(main())


def test_an_abstract_socket_and_one_that_is_gone(tmp_path: Path) -> None:
    name = f"edge-voice-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        Systemd(lambda: "Idle", {"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert listener.recv(100) == b"READY=1\nSTATUS=Idle"
    Systemd(lambda: "Idle", {"NOTIFY_SOCKET": str(tmp_path / "nowhere")}).ready()


def test_a_manager_that_comes_back_is_told_the_status(manager: Manager, tmp_path: Path) -> None:
    host = manager.host()
    (tmp_path / "notify").rename(tmp_path / "away")
    host.look(alive=True)
    (tmp_path / "away").rename(tmp_path / "notify")
    host.published("state", {})
    assert manager.told() == ["STATUS=Idle, engine none"]


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({}, None),
        (WATCHDOG, 10.0),
        ({**WATCHDOG, "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({**WATCHDOG, "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_whose_watchdog_it_is(env: dict[str, str], seconds: float | None) -> None:
    assert watchdog_s(env) == seconds
