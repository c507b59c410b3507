"""The fake Realtime server's faults, as a client sees them on the socket."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from tests.fakes.realtime_server import (
    RATE_LIMIT,
    SIXTY_MINUTES,
    FakeRealtime,
    Reply,
    dump,
    tone,
)
from tests.fakes_tests.dialling import Client, dial, run, talking


@pytest.mark.parametrize("reset", [False, True])
def test_a_drop_without_a_close(reset):
    server = FakeRealtime()

    async def turn(client: Client) -> None:
        server.faults.drop(reset=reset)
        with pytest.raises(ConnectionClosedError):
            await client.next()
        assert client.socket.close_code == 1006

    run(server, turn)


def test_a_drop_after_so_many_events():
    server = FakeRealtime()

    async def turn(client: Client) -> None:
        server.faults.cut_after(3)
        with pytest.raises(ConnectionClosedError):
            await client.reply()
        assert client.kinds() == ["response.created", "rate_limits.updated", "response.output_item.added"]

    run(server, turn)


def test_a_drop_at_the_clients_own_event():
    server = FakeRealtime()

    async def turn(client: Client) -> None:
        server.faults.cut_after(1, "response.create", "in")
        with pytest.raises(ConnectionClosedError):
            await client.reply()
        assert server.events("response.create", "in")
        assert not server.events("response.created", "out")

    run(server, turn)


def test_a_drop_in_the_middle_of_what_the_user_says():
    server = FakeRealtime()

    async def turn(client: Client) -> None:
        server.faults.cut_mid_utterance(200)
        await client.append(tone(100))
        await server.wait_for(lambda: len(server.audio_received()) == 4800)
        await client.append(tone(100))
        with pytest.raises(ConnectionClosedError):
            await client.next()
        assert server.audio_received() == tone(100) * 2

    run(server, turn)


def test_a_drop_in_the_middle_of_a_delta():
    server = FakeRealtime([Reply("one two three four")])

    async def turn(client: Client) -> None:
        server.faults.cut_mid_delta(3)
        with pytest.raises(ConnectionClosedError):
            await client.reply()
        assert len(client.audio()) == 2 * 4800
        assert len(server.events("response.output_audio.delta", "out")) == 2

    run(server, turn)


def test_the_sixty_minute_limit_in_both_forms():
    async def main() -> None:
        async with FakeRealtime() as server:
            async with talking(server) as client:
                await server.faults.close()
                with pytest.raises(ConnectionClosed):
                    await client.next()
                assert (client.socket.close_code, client.socket.close_reason) == (1001, SIXTY_MINUTES)
            async with talking(server) as client:
                expiry = asyncio.create_task(server.faults.expire())
                assert (await client.error())["code"] == "session_expired"
                with pytest.raises(ConnectionClosed):
                    await client.next()
                assert client.socket.close_code == 1001
                await expiry

    asyncio.run(main())


def test_half_open_nothing_moves_until_it_thaws():
    async def main() -> None:
        async with FakeRealtime() as server, talking(server) as client:
            server.faults.freeze()
            await client.send("response.create")
            pong = await client.socket.ping()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pong, 0.1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(dial(server), 0.1)
            assert not server.events("response.create", "in")
            server.faults.thaw()
            assert (await client.until("response.done"))["response"]["status"] == "completed"

    asyncio.run(main())


def test_half_open_in_the_middle_of_a_reply():
    server = FakeRealtime([Reply("one two three four")])

    async def turn(client: Client) -> None:
        server.faults.cut_after(2, "response.output_audio.delta", cut="freeze")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reply(), 0.1)
        assert len(client.audio()) == 2 * 4800
        assert server.faults.frozen
        server.faults.drop()

    run(server, turn)


def test_frames_that_are_no_events_and_events_of_other_protocols():
    server = FakeRealtime()

    async def turn(client: Client) -> None:
        server.faults.garbage()
        frames = [await client.socket.recv() for _ in range(3)]
        assert [type(frame) for frame in frames] == [str, str, bytes]
        server.faults.unknown_event()
        server.faults.beta_events()
        kinds = [(await client.next())["type"] for _ in range(6)]
        assert kinds[0] == "response.hologram.delta"
        assert "response.audio.delta" in kinds
        server.faults.big_frame()
        assert len(await client.socket.recv()) > 2 << 20
        server.faults.error("server_error", "Sorry about that!", "server_error")
        assert (await client.error())["type"] == "server_error"
        server.faults.fail_next(RATE_LIMIT)
        assert (await client.reply())["status_details"]["error"]["code"] == "rate_limit_exceeded"

    run(server, turn)


def test_what_was_on_the_wire_can_be_asked_for():
    server = FakeRealtime()

    async def turn(client: Client) -> None:
        began = time.monotonic()
        await client.append(tone(100), block=960)
        chunks = await server.wait_for(lambda: server.chunks if len(server.chunks) == 5 else None)
        assert [len(chunk.pcm) for chunk in chunks or ()] == [960] * 5
        assert all(began <= chunk.at <= time.monotonic() for chunk in chunks or ())
        assert server.audio_received(session=2) == b""
        assert [seen.kind for seen in server.events(direction="out")] == ["session.created", "session.updated"]
        assert json.dumps("session.created") in dump(server.events(session=1))
        with pytest.raises(TimeoutError):
            await server.wait_for(lambda: server.events("never"), 0.03)

    run(server, turn)
    assert server.attempts[0].headers["authorization"] == "Bearer sk-test"
