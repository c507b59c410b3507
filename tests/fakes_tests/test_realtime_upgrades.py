"""How the fake Realtime server answers a handshake, or does not."""

from __future__ import annotations

import asyncio
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from tests.fakes.realtime_server import (
    FORBIDDEN,
    GARBAGE,
    HANG_UP,
    NETWORK_LOGIN,
    PORTAL,
    REDIRECT,
    SERVER_FAULT,
    UNAUTHORIZED,
    UNAVAILABLE,
    FakeRealtime,
    Settings,
    too_many,
)
from tests.fakes_tests.dialling import KEY, MODEL, Client, dial, talking

REFUSALS = [PORTAL, UNAUTHORIZED, FORBIDDEN, too_many(), SERVER_FAULT, UNAVAILABLE, NETWORK_LOGIN]


async def refusal_of(server: FakeRealtime) -> InvalidStatus:
    """One handshake that is answered otherwise."""
    with pytest.raises(InvalidStatus) as caught:
        await dial(server)
    return caught.value


def test_http_answers_instead_of_an_upgrade():
    async def main() -> None:
        async with FakeRealtime() as server:
            for refusal in REFUSALS:
                server.faults.refuse(refusal, times=1)
                response = (await refusal_of(server)).response
                assert response.status_code == refusal.status
                assert response.body == refusal.body.encode()
                for name, value in refusal.headers.items():
                    assert response.headers[name] == value
            async with talking(server) as client:
                assert (await client.reply())["status"] == "completed"
            assert [attempt.status for attempt in server.attempts] == [200, 401, 403, 429, 500, 503, 511, 101]

    asyncio.run(main())


def test_a_redirect_names_where_to():
    async def main() -> None:
        async with FakeRealtime() as server:
            server.faults.refuse(REDIRECT)
            reader, writer = await asyncio.open_connection(*server.url.removeprefix("ws://").split("/")[0].split(":"))
            writer.write(UPGRADE)
            assert (await reader.readline()).startswith(b"HTTP/1.1 302")
            assert b"Location: http://portal.invalid/login" in await reader.read()
            writer.close()

    asyncio.run(main())


UPGRADE = (
    b"GET /v1/realtime?model=gpt-realtime-2.1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer k\r\n\r\n"
)


@pytest.mark.parametrize("refusal", [GARBAGE, HANG_UP])
def test_no_http_at_all(refusal):
    async def main() -> None:
        async with FakeRealtime() as server:
            server.faults.refuse(refusal)
            with pytest.raises(InvalidMessage):
                await dial(server)
            server.faults.accept()
            async with talking(server):
                pass

    asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("", {}, 401),
        ("", {"Authorization": "Bearer sk-wrong"}, 401),
        ("", {"Authorization": "Basic sk-test"}, 401),
        ("/calls", KEY, 404),
    ],
)
def test_keys_and_paths(path, headers, status):
    async def main() -> None:
        async with FakeRealtime(settings=Settings(api_keys={"sk-test"})) as server:
            with pytest.raises(InvalidStatus) as caught:
                await connect(server.url + path + MODEL, additional_headers=headers)
            assert caught.value.response.status_code == status
            azure = server.url.replace("/v1/", "/openai/v1/") + MODEL
            async with connect(azure, additional_headers={"api-key": "sk-test"}) as socket:
                assert (await Client(socket).next())["type"] == "session.created"

    asyncio.run(main())


def test_nobody_listens_and_then_again():
    async def main() -> None:
        async with FakeRealtime() as server, talking(server) as client:
            await server.down()
            with pytest.raises(ConnectionRefusedError):
                await dial(server)
            assert (await client.reply())["status"] == "completed"
            await server.up()
            async with talking(server):
                assert len(server.links) == 2

    asyncio.run(main())


def test_a_slow_connect_and_a_session_that_never_comes():
    async def main() -> None:
        async with FakeRealtime() as server:
            server.faults.connect_delay, server.faults.stall = 0.05, True
            began = time.monotonic()
            async with dial(server) as socket:
                assert time.monotonic() - began >= 0.05
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(socket.recv(), 0.05)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("?model=gpt-realtime-2.1", {"OpenAI-Beta": "realtime=v1"}, "beta_api_shape_disabled"),
        ("", {}, "missing_model"),
        ("?model=gpt-5", {}, "model_not_found"),
    ],
)
def test_turned_away_after_the_upgrade(query, headers, code):
    async def main() -> None:
        async with (
            FakeRealtime(settings=Settings(models={"gpt-realtime-2.1"})) as server,
            connect(server.url + query, additional_headers=KEY | headers) as socket,
        ):
            assert (await Client(socket).error())["code"] == code
            await socket.wait_closed()
            assert (socket.close_code, socket.close_reason) == (4000, f"invalid_request_error.{code}")

    asyncio.run(main())
