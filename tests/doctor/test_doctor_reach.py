"""Reaching a place: on the loopback only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from edge.doctor import reach
from edge.doctor.reach import Attempt, Step, attempts


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def one(host: str, port: int) -> Attempt:
    (found,) = attempts([(host, port)])
    return found


def test_somebody_answers_and_is_sent_nothing(server: socket.socket) -> None:
    found = one("127.0.0.1", server.getsockname()[1])
    assert found.step is Step.THERE
    assert found.took_ms > 0
    line, _ = server.accept()
    assert line.recv(10) == b""


def test_an_address_that_is_closed_is_passed_over_for_one_that_answers(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a name that has an address of IPv6 too, where the router has none."""
    there = (socket.AF_INET, socket.SOCK_STREAM, 0, "", server.getsockname())
    shut = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", closed_port()))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [shut, there])
    assert one("localhost", 1).step is Step.THERE


def test_nobody_answers() -> None:
    found = one("127.0.0.1", closed_port())
    assert (found.step, found.said) == (Step.CONNECTION, "Connection refused")


def test_a_full_queue_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that drops what it is sent looks like this."""
    monkeypatch.setattr(reach, "CONNECT_S", 0.2)
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for line in (first, second):
            line.setblocking(False)
            line.connect_ex(full.getsockname())
        found = one(*full.getsockname())
    assert (found.step, found.said) == (Step.CONNECTION, "no answer")


@pytest.mark.parametrize("name", ["nobody.invalid", "a" * 80, "..", "\ud800"])
def test_a_name_that_nobody_has(name: str) -> None:
    found = one(name, 443)
    assert found.step is Step.NAME
    assert found.said


def test_a_resolver_that_hangs_is_not_waited_for(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    real = socket.getaddrinfo

    def hang(host: str, port: int, **more: Any) -> Any:
        if host == "slow":
            released.wait(30)
        return real(host, port, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        slow, quick = attempts([("slow", 1), ("127.0.0.1", server.getsockname()[1])], limit_s=0.5)
    finally:
        released.set()
    assert (slow.step, slow.said) == (Step.NAME, "no answer")
    assert quick.step is Step.THERE


def closed_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])
