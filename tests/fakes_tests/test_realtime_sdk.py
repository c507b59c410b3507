"""The vendor's own client against the fake: text, audio, a tool, a cancel and a truncate."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

from tests.fakes.realtime_server import Call, FakeRealtime, Pace, Reply, calling, tone

MODEL = "gpt-realtime-2.1"
LAMP: dict[str, Any] = {
    "type": "function",
    "name": "lamp",
    "description": "Switch it",
    "parameters": {"type": "object"},
}


async def until(connection: AsyncRealtimeConnection, kind: str) -> tuple[Any, list[RealtimeServerEvent]]:
    """The event of this type, and all before it."""
    before: list[RealtimeServerEvent] = []
    async for event in connection:
        if event.type == kind:
            return event, before
        assert event.type != "error", event
        before.append(event)
    raise AssertionError(f"no {kind}")


async def text_turn(connection: AsyncRealtimeConnection) -> None:
    content: Any = [{"type": "input_text", "text": "Hello"}]
    await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await connection.response.create(response={"output_modalities": ["text"]})
    done, _ = await until(connection, "response.done")
    assert done.response.output[0].content[0].text == "Good morning."


async def audio_turn(connection: AsyncRealtimeConnection) -> str:
    await connection.input_audio_buffer.append(audio=base64.b64encode(tone(200)).decode())
    await connection.input_audio_buffer.commit()
    committed, _ = await until(connection, "input_audio_buffer.committed")
    await connection.response.create()
    done, before = await until(connection, "response.done")
    deltas = [event.delta for event in before if event.type == "response.output_audio.delta"]
    assert b"".join(map(base64.b64decode, deltas)) == tone(300)
    assert done.response.usage.input_token_details.audio_tokens == 2
    item: str = committed.item_id
    return item


async def tool_round_trip(connection: AsyncRealtimeConnection) -> None:
    await connection.response.create()
    done, _ = await until(connection, "response.done")
    call = done.response.output[0]
    assert (call.name, call.arguments) == ("lamp", '{"on":true}')
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "on"}
    await connection.conversation.item.create(item=output)
    await connection.response.create()
    done, _ = await until(connection, "response.done")
    assert done.response.output[0].content[0].transcript == "It is on."


async def cancel_and_truncate(connection: AsyncRealtimeConnection) -> None:
    await connection.response.create()
    delta, _ = await until(connection, "response.output_audio.delta")
    await connection.response.cancel(response_id=delta.response_id)
    done, _ = await until(connection, "response.done")
    assert done.response.status == "cancelled"
    await connection.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=40)
    truncated, _ = await until(connection, "conversation.item.truncated")
    assert truncated.audio_end_ms == 40


def test_the_vendors_client_has_all_kinds_of_turns():
    script = [
        Reply("Good morning."),
        Reply("One two three."),
        calling(Call("lamp", '{"on":true}')),
        Reply("It is on."),
        Reply("A story without an end.", pcm=tone(5000), pace=Pace(speed=2)),
    ]

    async def main() -> None:
        async with FakeRealtime(script) as server:
            client = AsyncOpenAI(base_url=server.base_url, api_key="sk-test")
            async with client.realtime.connect(model=MODEL) as connection:
                await until(connection, "session.created")
                audio: Any = {"input": {"turn_detection": None}, "output": {"voice": "marin"}}
                await connection.session.update(session={"type": "realtime", "audio": audio, "tools": [LAMP]})  # type: ignore[list-item]
                await until(connection, "session.updated")
                await text_turn(connection)
                item = await audio_turn(connection)
                await tool_round_trip(connection)
                await cancel_and_truncate(connection)
            assert server.audio_received(item=item) == tone(200)
            assert server.violations == []
            await client.close()

    asyncio.run(main())
