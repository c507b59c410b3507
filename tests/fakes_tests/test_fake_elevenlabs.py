"""The fake ElevenLabs is as strict as the service: what would be refused there is refused here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from elevenlabs import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.fakes.elevenlabs import KEY, FakeElevenLabs

VOICE = "JBFqnCBsd6RMkjVDRZzb"
SPEECH = f"/v1/text-to-speech/{VOICE}/multi-stream-input?model_id=eleven_flash_v2_5&output_format=pcm_24000"
DIALOGUE = "/v1/text-to-dialogue/multi-stream-input?model_id=eleven_v3&output_format=pcm_24000&sync_alignment=true"
BEGIN = {"text": " ", "context_id": "a", "voice_settings": {"stability": 0.5}}
SAY = {"text": "Hello. ", "context_id": "a", "flush": True}


def talk(
    test: Callable[[ClientConnection], Awaitable[None]], path: str = SPEECH, key: str = KEY, inactivity_s: float = 20
) -> None:
    async def main() -> None:
        async with FakeElevenLabs() as server:
            server.inactivity_s = inactivity_s
            async with connect(server.url.replace("http", "ws") + path, additional_headers={"xi-api-key": key}) as ws:
                await asyncio.wait_for(test(ws), 5)

    asyncio.run(main())


async def send(ws: ClientConnection, *messages: dict[str, Any]) -> None:
    for message in messages:
        await ws.send(json.dumps(message))


async def error(ws: ClientConnection) -> str:
    """The error's name, after which the connection is closed with 1008."""
    while True:
        message = json.loads(await ws.recv())
        if "error" in message:
            break
    with pytest.raises(ConnectionClosed) as closed:
        await ws.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    return str(message["error"])


@pytest.mark.parametrize(
    "message",
    [
        {"text": "Hello", "context_id": "a"},
        {"text": "Hello. ", "context": "a"},
        {"text": 5, "context_id": "a"},
        {"text": " ", "context_id": "a", "voice_settings": {"warmth": 1}},
        {"close_context": True},
    ],
)
def test_what_is_not_of_the_protocol(message: dict[str, Any]) -> None:
    async def test(ws: ClientConnection) -> None:
        await send(ws, message)
        assert await error(ws) == "invalid_input_message"

    talk(test)


def test_settings_after_a_context_has_begun() -> None:
    """As by a keep-alive that comes first."""

    async def test(ws: ClientConnection) -> None:
        await send(ws, {"text": "", "context_id": "a"}, BEGIN)
        assert await error(ws) == "voice_settings_changed"

    talk(test)


def test_a_sixth_context() -> None:
    async def test(ws: ClientConnection) -> None:
        await send(ws, *({**BEGIN, "context_id": name} for name in "abcdef"))
        assert await error(ws) == "max_active_conversations"

    talk(test)


def test_a_flush_is_not_answered_with_the_end_and_a_close_is() -> None:
    async def test(ws: ClientConnection) -> None:
        await send(ws, BEGIN, SAY)
        for _ in range(2):  # "Hello. " in pieces of five
            assert "isFinal" not in json.loads(await ws.recv())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.1)
        await send(ws, {"context_id": "a", "close_context": True})
        assert json.loads(await ws.recv()) == {"isFinal": True, "contextId": "a"}

    talk(test)


def test_the_connection_is_not_closed_while_a_context_is_open() -> None:
    async def test(ws: ClientConnection) -> None:
        await send(ws, BEGIN, {"close_socket": True})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.1)
        await send(ws, {"context_id": "a", "close_context": True})
        await ws.recv()
        await send(ws, {"close_socket": True})
        with pytest.raises(ConnectionClosed):
            await ws.recv()

    talk(test)


def test_silence_is_ended() -> None:
    async def test(ws: ClientConnection) -> None:
        assert await error(ws) == "input_timeout_exceeded"

    talk(test, inactivity_s=0.05)


def test_a_wrong_key() -> None:
    async def test(ws: ClientConnection) -> None:
        assert await error(ws) == "invalid_api_key"

    talk(test, key="wrong")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (SPEECH.replace("eleven_flash_v2_5", "eleven_v3"), 403),
        (DIALOGUE.replace("eleven_v3", "eleven_flash_v2_5"), 403),
        (SPEECH + "&speed=1", 400),
        (SPEECH.replace("pcm_24000", "pcm_23000"), 400),
        ("/v1/speech", 404),
    ],
)
def test_handshakes_that_are_refused(path: str, status: int) -> None:
    async def test(_: ClientConnection) -> None:
        raise AssertionError

    with pytest.raises(InvalidStatus) as refused:
        talk(test, path)
    assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    "messages",
    [
        [{"context_id": "a", "keep_alive": True}],
        [{"context_id": "a", "voices": [VOICE]}, {"context_id": "a", "voices": [VOICE]}],
        [{"context_id": "a", "voices": [VOICE]}, {"context_id": "a", "inputs": [{"text": "Yes. ", "voice_id": "x"}]}],
        [{"context_id": "a", "voices": ["nobody"]}],
    ],
)
def test_dialogues_that_are_refused(messages: list[dict[str, Any]]) -> None:
    async def test(ws: ClientConnection) -> None:
        await send(ws, *messages)
        await error(ws)

    talk(test, DIALOGUE)


def test_a_dialogue() -> None:
    async def test(ws: ClientConnection) -> None:
        say = {"context_id": "a", "inputs": [{"text": "[sighs] Yes. ", "voice_id": VOICE}], "flush": True}
        await send(ws, {"context_id": "a", "voices": [VOICE]}, say, {"context_id": "a", "close_context": True})
        messages = [json.loads(await ws.recv()) for _ in range(5)]
        assert "".join("".join(message["alignment"]["chars"]) for message in messages[:3]) == "Yes. "
        assert messages[3:] == [
            {"is_final_audio_for_turn": True, "context_id": "a"},
            {"is_final": True, "context_id": "a"},
        ]

    talk(test, DIALOGUE)


def test_the_vendors_own_client() -> None:
    async def main() -> None:
        async with FakeElevenLabs() as server:
            client = AsyncElevenLabs(api_key=KEY, base_url=server.url)
            voices = await client.voices.search(search="rach")
            assert [voice.name for voice in voices.voices] == ["Rachel"]
            with pytest.raises(ApiError) as refused:
                await client.voices.search(search="rach", request_options={"additional_headers": {"xi-api-key": "no"}})
            assert refused.value.status_code == 401

    asyncio.run(main())
