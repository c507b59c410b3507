"""The command line's end of the control socket: whatever is wrong with the daemon is one line."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.errors import ControlError, UsageError
from edge.host import client
from edge.host.control import ControlServer
from edge.ports import Fields


def do(name: str, argument: object) -> Fields:
    if name == "explode":
        raise UsageError("There is no command 'explode'.")
    return {"name": name, "argument": argument, "state": "idle"}


@contextmanager
def daemon(path: Path) -> Iterator[tuple[ControlServer, asyncio.AbstractEventLoop]]:
    """A control server in a thread of its own, for a blocking client cannot share a loop with it."""
    loop = asyncio.new_event_loop()
    server = ControlServer(path, do, lambda: -30.0)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.open(), loop).result()
    try:
        yield server, loop
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def silent(path: Path, *, hang_up: bool = False) -> Iterator[None]:
    """Something that accepts and then says nothing."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    taken: list[socket.socket] = []

    def serve() -> None:
        taken.append(listener.accept()[0])
        if hang_up:
            taken[0].close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        listener.close()
        for connection in taken:
            connection.close()


def failure(path: Path, command: str = "status") -> str:
    with pytest.raises(ControlError) as caught:
        client.call(path, command)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_command_and_its_result(tmp_path: Path) -> None:
    with daemon(tmp_path / "c.sock"):
        assert client.call(tmp_path / "c.sock", "volume", 5) == {"name": "volume", "argument": 5, "state": "idle"}


def test_the_daemons_refusal_is_the_error(tmp_path: Path) -> None:
    with daemon(tmp_path / "c.sock"):
        assert failure(tmp_path / "c.sock", "explode") == "There is no command 'explode'."


def test_no_daemon(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    expected = f"No edge-voice daemon is running here (no answer at {path}). Start one: edge-voice run, or systemctl start edge-voice."  # noqa: E501
    assert failure(path) == expected
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    assert failure(path) == expected


def test_a_socket_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(client, "unix_connect", refuse)
    assert failure(tmp_path / "c.sock").endswith("belongs to another user; use sudo, or join the group edge-voice.")


def test_a_path_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "The daemon does not answer at" in failure(tmp_path / "file/c.sock")
    assert "The daemon does not answer at" in failure(tmp_path / ("x" * 120))


def test_a_daemon_that_hangs_before_or_after_the_greeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_S", 0.05)
    with silent(tmp_path / "a.sock"):
        assert "The daemon does not answer at" in failure(tmp_path / "a.sock")
    with daemon(tmp_path / "b.sock") as (_, loop):
        stop = threading.Event()
        monkeypatch.setattr(client, "_ask", stuck(client._ask, loop, stop))
        assert failure(tmp_path / "b.sock") == "The daemon did not answer `status` within 0 s."
        stop.set()


def stuck(ask, loop, stop):
    """The daemon's loop stops right after the handshake."""

    def wrapped(*arguments: object) -> object:
        loop.call_soon_threadsafe(stop.wait, 30)
        return ask(*arguments)

    return wrapped


def test_something_that_hangs_up_at_once(tmp_path: Path) -> None:
    with silent(tmp_path / "a.sock", hang_up=True):
        assert "The daemon does not answer at" in failure(tmp_path / "a.sock")


def test_watching_gives_the_state_first_and_ends_with_the_daemon(tmp_path: Path) -> None:
    path, got = tmp_path / "c.sock", []
    with daemon(path) as (server, loop):
        watching = client.watch(path)
        assert next(watching) == {"event": "state", "state": "idle"}
        loop.call_soon_threadsafe(lambda: server.published("state", {"state": "listening"}))
        got.append(next(e for e in watching if e["event"] == "state"))
    got += [event for event in watching if event["event"] != "level"]
    assert got == [{"v": 1, "event": "state", "state": "listening"}]
