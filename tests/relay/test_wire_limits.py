"""Callers who dribble, flood or do not read, on raw sockets; the others are served meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from edge.relay import health
from edge.relay.house import House
from edge.relay.wire import HEAD_BYTES, MOST_HEADERS, MOST_PIECES, Doorway
from tests.relay.rig import Relay, configured, running

HEAD_S = 0.6  # for these tests; 10 s otherwise


class Echo:
    """A part of the relay that says what it hears."""

    @staticmethod
    def routes(house: House) -> list[WebSocketRoute]:
        async def echo(websocket: WebSocket) -> None:
            await house.doors.need(websocket)
            await websocket.accept()
            try:
                while True:
                    await websocket.send_text(str(len(await websocket.receive_text())))
            except WebSocketDisconnect:
                pass

        return [WebSocketRoute("/echo", echo)]


@pytest.fixture
def doorway() -> Doorway:
    return Doorway(8, head_s=HEAD_S)


@pytest.fixture
def relay(tmp_path: Path, doorway: Doorway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    monkeypatch.setattr("edge.relay.app.parts", lambda: [health, Echo])
    with running(tmp_path, configured(requests_per_second=10_000), doorway=doorway) as started:
        yield started


def dial(relay: Relay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), timeout=10)


def ended(line: socket.socket) -> bool:
    """Whether the relay has ended the connection, which is waited for."""
    try:
        while line.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return True


def cut_while_sending(line: socket.socket, piece: bytes, pause: float = 0.05) -> bool:
    """Whether the relay ends the connection while pieces come without end."""
    until = time.monotonic() + 10
    with suppress(OSError):
        while time.monotonic() < until:
            line.sendall(piece)
            time.sleep(pause)
    return time.monotonic() < until


def test_who_says_nothing_is_cut(relay: Relay, doorway: Doorway) -> None:
    began = time.monotonic()
    with dial(relay) as line:
        assert ended(line)
    assert time.monotonic() - began >= HEAD_S * 0.9
    assert doorway.turned_away == {"head_too_slow": 1}


@pytest.mark.parametrize("piece", [b"x: y\r\n", b"\r\n"])
def test_who_dribbles_a_head_is_cut(relay: Relay, doorway: Doorway, piece: bytes) -> None:
    """Slow loris: a line now and then would keep a connection for ever; so would empty lines before a request."""
    with dial(relay) as line:
        if piece != b"\r\n":
            line.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert cut_while_sending(line, piece)
    assert doorway.turned_away == {"head_too_slow": 1}


def test_while_a_hundred_dribble_the_others_are_served(relay: Relay, doorway: Doorway) -> None:
    doorway.most = 1000
    stop = threading.Event()
    with ExitStack() as stack, httpx.Client(base_url=relay.url, timeout=10) as client:
        lines = [stack.enter_context(dial(relay)) for _ in range(100)]
        for line in lines:
            line.sendall(b"GET /healthz HTTP/1.1\r\n")

        def dribble() -> None:
            while not stop.wait(0.05):
                for line in lines:
                    with suppress(OSError):
                        line.send(b"a")

        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            assert all(client.get("/healthz").status_code == 200 for _ in range(50))
            deadline = time.monotonic() + 10
            while doorway.turned_away["head_too_slow"] < 100 and time.monotonic() < deadline:
                assert client.get("/healthz").status_code == 200
        finally:
            stop.set()
            thread.join()
    assert doorway.turned_away["head_too_slow"] >= 100


def test_a_kept_connection_may_wait_but_not_dribble(relay: Relay, doorway: Doorway) -> None:
    with dial(relay) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200 OK" in line.recv(65536)
        time.sleep(HEAD_S * 1.5)  # nothing is owed
        line.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200 OK" in line.recv(65536)
        line.sendall(b"GET /hea")
        assert ended(line)
    assert doorway.turned_away == {"head_too_slow": 1}


def test_the_rest_of_a_body_that_nobody_wants_may_not_dribble(relay: Relay, doorway: Doorway) -> None:
    with dial(relay) as line:
        line.sendall(b"POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n")
        assert b"403" in line.recv(65536)
        assert cut_while_sending(line, b"x")


def test_a_head_may_be_so_large(relay: Relay, doorway: Doorway) -> None:
    with dial(relay) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: ")
        assert cut_while_sending(line, b"y" * 10_000, pause=0)
    assert doorway.turned_away == {"head_too_large": 1}


def test_a_head_may_have_so_many_lines(relay: Relay, doorway: Doorway) -> None:
    with dial(relay) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\n" + b"a: b\r\n" * (MOST_HEADERS + 2))
        assert ended(line)
    assert doorway.turned_away == {"too_many_headers": 1}
    with dial(relay) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * (MOST_HEADERS - 2) + b"\r\n")
        assert b"200 OK" in line.recv(65536)


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01", b"SSH-2.0-x\r\n", b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_http_is_cut(relay: Relay, doorway: Doorway, junk: bytes) -> None:
    with dial(relay) as line:
        line.sendall(junk)
        assert ended(line)
    assert doorway.turned_away == {"no_http": 1}


def test_an_address_has_so_many_connections(relay: Relay, doorway: Doorway) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(dial(relay)) for _ in range(doorway.most)]
        relay.until(lambda: doorway.open.total() == doorway.most)
        with dial(relay) as one_more:
            assert ended(one_more)
        assert doorway.turned_away == {"connections": 1}
        lines[0].close()
        relay.until(lambda: doorway.open.total() < doorway.most)
        with dial(relay) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"200 OK" in line.recv(65536)


def test_a_socket_counts_as_long_as_it_is_open(relay: Relay, doorway: Doorway) -> None:
    headers = relay.socket_headers(relay.person("Ada"))
    with connect(f"{relay.ws}/echo", additional_headers=headers) as websocket:
        websocket.send("hello")
        assert websocket.recv() == "5"
        assert doorway.open.total() == 1
        time.sleep(HEAD_S * 1.5)  # it owes no head any more
        websocket.send("hello")
        assert websocket.recv() == "5"
    relay.until(lambda: doorway.open.total() == 0)


def test_a_socket_that_is_refused_is_counted_no_more(relay: Relay, doorway: Doorway) -> None:
    for _ in range(2 * doorway.most):
        with pytest.raises(Exception, match="401"):
            connect(f"{relay.ws}/echo", additional_headers={"Origin": relay.url})
    relay.until(lambda: doorway.open.total() == 0)


def test_a_message_may_be_so_large(relay: Relay) -> None:
    with connect(f"{relay.ws}/echo", additional_headers=relay.socket_headers(relay.person("Ada"))) as websocket:
        websocket.send("x" * (1024 * 1024))
        assert websocket.recv() == str(1024 * 1024)
        with suppress(ConnectionClosed):  # or the answer comes before all of it is gone
            websocket.send("x" * (16 * 1024 * 1024))
        with pytest.raises(ConnectionClosed):
            websocket.recv()


def test_a_message_may_have_so_many_pieces(relay: Relay) -> None:
    with connect(f"{relay.ws}/echo", additional_headers=relay.socket_headers(relay.person("Ada"))) as websocket:
        websocket.send("x" for _ in range(MOST_PIECES - 1))  # the library adds an empty one
        assert websocket.recv() == str(MOST_PIECES - 1)
        with suppress(ConnectionClosed):
            websocket.send("" for _ in range(100_000))
        with pytest.raises(ConnectionClosed):
            websocket.recv()


def test_a_flood_of_large_heads_costs_no_memory(relay: Relay) -> None:
    before = resident()
    with ExitStack() as stack:
        for _ in range(8):
            line = stack.enter_context(dial(relay))
            line.settimeout(2)
            with suppress(OSError):
                for _ in range(500):
                    line.sendall(b"GET / HTTP/1.1\r\nx: " + b"y" * HEAD_BYTES)
    assert resident() - before < 20_000_000


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
