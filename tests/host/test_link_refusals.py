"""Why there is no link: what stands between a device and its relay, told in words, each over a real socket."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ProxyError
from websockets.http11 import Request
from websockets.server import ServerProtocol

from edge.config import Relay
from edge.core.retry_after import MOST_S
from edge.host import identity
from edge.host.link_refusal import Refused, refusal
from edge.host.link_session import HELLO, Outside, Session, Who
from edge.host.link_wire import Terms, address
from tests.fakes.realtime.faults import (
    FORBIDDEN,
    GARBAGE,
    HANG_UP,
    NETWORK_LOGIN,
    PORTAL,
    REDIRECT,
    SERVER_FAULT,
    UNAUTHORIZED,
    UNAVAILABLE,
    Refusal,
    too_many,
)
from tests.fakes.realtime.server import FakeRealtime


def dialling(folder: Path, origin: str) -> Callable[[], Awaitable[Session]]:
    who = Who(identity.create(folder / "identity"), "Kitchen", Outside(lambda *_: {}, lambda: 0.0, print, print))
    return lambda: Session.open(address(origin), who, HELLO, Terms(Relay()))


async def refused(folder: Path, origin: str) -> Refused:
    with pytest.raises(Refused) as caught:
        await dialling(folder, origin)()
    return caught.value


@pytest.mark.parametrize(
    ("answer", "words", "least_s"),
    [
        (PORTAL, "login page", 0),
        (REDIRECT, "login page", 0),
        (NETWORK_LOGIN, "login page", 0),
        (UNAUTHORIZED, "something else than a device", 0),
        (FORBIDDEN, "not reached by this name", 0),
        (Refusal(404, ""), "no relay of this kind", 0),
        (too_many("7"), "too many connections", 7),
        (SERVER_FAULT, "HTTP 500", 0),
        (UNAVAILABLE, "busy", None),
        (GARBAGE, "not who answers", 0),
        (HANG_UP, "not who answers", 0),
    ],
)
def test_what_a_server_or_a_network_answers(answer: Refusal, words: str, least_s: float | None, tmp_path: Path) -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            server.faults.refuse(answer)
            origin = server.url.replace("ws", "http", 1).partition("/v1")[0]
            found = await refused(tmp_path, origin)
            assert words in str(found)
            assert least_s is None or found.least_s == least_s
            assert len(server.attempts) == 1  # no redirect was followed

    asyncio.run(main())


@pytest.mark.parametrize("said", ["", "hello", "[]", '{"type": "challenge"}', '{"type": "code"}'])
def test_a_stranger_that_speaks_websocket(said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.host.link_session.OPEN_S", 0.3)
    monkeypatch.setattr("edge.host.link_session.CODE_S", 0.3)

    async def stranger(socket: ServerConnection) -> None:
        await socket.send(said)
        await socket.send(said)
        await socket.wait_closed()

    async def main() -> None:
        async with serve(stranger, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            found = await refused(tmp_path, f"http://127.0.0.1:{port}")
            assert "no relay of this kind" in str(found) or "does not answer" in str(found)

    asyncio.run(main())


def test_a_relay_whose_line_is_dead_is_found_when_somebody_presses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers nothing any more, not even pings, and its end of the line is never closed."""
    monkeypatch.setattr("edge.host.link_session.PROBE_S", 0.2)

    async def main() -> None:
        held: list[asyncio.StreamWriter] = []

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            """Good until the welcome; then silent."""
            held.append(writer)
            protocol = ServerProtocol()
            protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
            [request] = protocol.events_received()
            assert isinstance(request, Request)
            protocol.send_response(protocol.accept(request))
            for message in ({"type": "challenge", "nonce": "n"}, {"type": "welcome", "token": "evd_x"}):
                protocol.send_text(json.dumps(message).encode())
            writer.write(b"".join(protocol.data_to_send()))

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        session = await dialling(tmp_path, f"http://127.0.0.1:{port}")()
        running = asyncio.ensure_future(session.run({"state": "idle"}))
        session.probe()
        code = await asyncio.wait_for(running, 3)
        assert code in {None, 1006}
        server.close()
        held[0].transport.abort()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "words", "local"),
    [
        (socket.gaierror(-3, "x"), "name is not found", True),
        (OSError(errno.ENETUNREACH, "x"), "no network", True),
        (OSError("[Errno 101] a, [Errno 113] b"), "no network", True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "Connection refused", False),
        (TimeoutError(), "does not answer", False),
        (ProxyError("x"), "proxy", False),
        (ssl.SSLError("x"), "login page", False),
        (ValueError("x"), "look at relay.url", False),
    ],
)
def test_what_goes_wrong_on_the_way(error: Exception, words: str, local: bool) -> None:
    found = refusal(error)
    assert words in str(found)
    assert found.local is local


@pytest.mark.parametrize(
    ("code", "words", "local"),
    [(9, "not valid yet", True), (10, "no longer valid", False), (18, "not trusted", False)],
)
def test_a_wrong_clock_is_told(code: int, words: str, local: bool) -> None:
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = code, "self-signed certificate"
    found = refusal(error)
    assert words in str(found)
    assert ("clock" in str(found)) == (code != 18)
    assert found.local is local


def test_a_server_that_wants_to_be_left_alone_for_days_is_asked_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            server.faults.refuse(Refusal(503, "", {"Retry-After": "999999"}))
            found = await refused(tmp_path, server.url.replace("ws", "http", 1).partition("/v1")[0])
            assert found.least_s == MOST_S

    asyncio.run(main())
