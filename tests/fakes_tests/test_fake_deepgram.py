"""The fake Deepgram refuses what the vendor does, and hears what its script says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.fakes.deepgram import KEY, FakeDeepgram
from tests.fakes.deepgram_session import Faults

V1 = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&interim_results=true"
V2 = "/v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000"
SECOND = bytes(32_000)


def on(test: Callable[[FakeDeepgram], Awaitable[None]]) -> None:
    async def main() -> None:
        async with FakeDeepgram() as server:
            server.script = ((0.4, "Turn on"), (0.8, "the light."))
            await test(server)

    asyncio.run(main())


def dial(server: FakeDeepgram, path: str, key: str = f"Token {KEY}") -> connect:
    return connect(server.url + path, additional_headers={"Authorization": key}, proxy=None)


async def rest(line: ClientConnection) -> list[dict[str, Any]]:
    """All that still comes, up to the end."""
    found = []
    try:
        async with asyncio.timeout(5):
            while True:
                found.append(json.loads(await line.recv()))
    except ConnectionClosed:
        return found


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (V1 + "&smart_formatting=true", 400),
        (V1 + "&smart_format=True", 400),
        (V1.replace("nova-3", "flux-general-en"), 400),
        (V1.replace("&sample_rate=16000", ""), 400),
        (V2 + "&smart_format=true", 400),
        (V2 + "&diarize=true", 400),
        (V2 + "&eot_threshold=0.4", 400),
        (V2 + "&eot_threshold=0.5&eager_eot_threshold=0.6", 400),
        (V2 + "&eot_timeout_ms=499", 400),
        (V2 + "&language_hint=de", 400),
        ("/v3/listen", 404),
    ],
)
def test_a_query_that_it_does_not_know(path, status):
    async def test(server: FakeDeepgram) -> None:
        with pytest.raises(InvalidStatus) as caught:
            await dial(server, path)
        assert caught.value.response.status_code == status
        assert caught.value.response.headers["dg-error"]

    on(test)


@pytest.mark.parametrize("key", ["Token wrong", KEY, f"Bearer {KEY}", f"token {KEY}"])
def test_a_key_that_it_does_not_know(key):
    async def test(server: FakeDeepgram) -> None:
        with pytest.raises(InvalidStatus) as caught:
            await dial(server, V1, key)
        assert caught.value.response.status_code == 401
        assert json.loads(caught.value.response.body or b"")["err_code"] == "INVALID_AUTH"

    on(test)


def test_finalize_is_answered_if_there_is_something_left():
    async def test(server: FakeDeepgram) -> None:
        async with dial(server, V1 + "&endpointing=300") as line:
            await line.send(SECOND)
            for control in ("Finalize", "Finalize", "CloseStream"):
                await line.send(json.dumps({"type": control}))
            messages = await rest(line)
        assert [message["type"] for message in messages] == ["Results", "Results", "Metadata"]
        interim, final, _ = messages
        assert not interim["is_final"]
        assert final["from_finalize"]
        assert final["channel"]["alternatives"][0]["transcript"] == "Turn on the light."
        assert line.close_code == 1000

    on(test)


def test_a_pause_makes_a_piece_final():
    async def test(server: FakeDeepgram) -> None:
        async with dial(server, V1 + "&endpointing=300") as line:
            for _ in range(100):
                await line.send(bytes(640))
            await line.send(json.dumps({"type": "CloseStream"}))
            messages = await rest(line)
        finals = [message for message in messages if message.get("is_final")]
        assert [final["speech_final"] for final in finals] == [True, True, False]
        assert [final["channel"]["alternatives"][0]["transcript"] for final in finals] == ["Turn on", "the light.", ""]

    on(test)


def test_silence_and_empty_frames_end_the_connection():
    async def test(server: FakeDeepgram) -> None:
        server.faults = Faults(quiet_s=0.1)
        async with dial(server, V1) as line:
            assert await rest(line) == []
            assert line.close_reason is not None
            assert line.close_reason.startswith("NET-0001")
        async with dial(server, V1) as line:
            await line.send(b"")
            assert await rest(line) == []
            assert line.close_code == 1000

    on(test)


@pytest.mark.parametrize("control", ['{"type": "Finalise"}', '{"type": "Finalize", "x": 1}', "{", "[]"])
def test_controls_that_v1_does_not_know(control):
    async def test(server: FakeDeepgram) -> None:
        async with dial(server, V1) as line:
            await line.send(control)
            error = json.loads(await line.recv())
        assert (error["type"], error["variant"]) == ("Error", "SchemaError")

    on(test)


@pytest.mark.parametrize("control", ["KeepAlive", "Finalize"])
def test_controls_that_v2_does_not_know(control):
    async def test(server: FakeDeepgram) -> None:
        async with dial(server, V2) as line:
            await line.send(json.dumps({"type": control}))
            messages = await rest(line)
        assert [message["type"] for message in messages] == ["Connected", "Error"]
        assert [message["sequence_id"] for message in messages] == [0, 1]

    on(test)


def test_a_turn_is_forced_and_then_there_is_none():
    async def test(server: FakeDeepgram) -> None:
        async with dial(server, V2 + "&eot_threshold=1.0") as line:
            await line.send(SECOND)
            for control in ("ForceEndTurn", "ForceEndTurn", "CloseStream"):
                await line.send(json.dumps({"type": control}))
            messages = await rest(line)
        told = [message.get("event") or message["type"] for message in messages]
        assert told[:2] == ["Connected", "Update"]
        assert told[-3:] == ["EndOfTurn", "Warning", "Update"]
        end = messages[-3]
        assert (end["trigger"], end["turn_index"], end["transcript"]) == ("manual", 0, "Turn on the light.")
        assert line.close_code == 1005

    on(test)


def test_a_turn_ends_by_itself():
    async def test(server: FakeDeepgram) -> None:
        server.script = ((0.2, "Turn on"), (0.8, "the light."))
        async with dial(server, V2 + "&eager_eot_threshold=0.4") as line:
            await line.send(SECOND * 3)
            await line.send(json.dumps({"type": "CloseStream"}))
            told = [message.get("event") for message in await rest(line)]
        events = [event for event in told if event not in {None, "Update"}]
        assert events == ["StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EagerEndOfTurn", "EndOfTurn"]

    on(test)
