"""A bare client for the fake's own tests."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.fakes.realtime_server import FakeRealtime

MODEL = "?model=gpt-realtime-2.1"
KEY = {"Authorization": "Bearer sk-test"}
MANUAL = {"input": {"turn_detection": None}}


class Client:
    """Sends events and reads them."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.got: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def next(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), 3))
        self.got.append(event)
        return event

    async def until(self, kind: str) -> dict[str, Any]:
        while (event := await self.next())["type"] != kind:
            pass
        return event

    async def error(self) -> dict[str, Any]:
        """The next event, which must be an error."""
        event = await self.next()
        assert event["type"] == "error", event
        details: dict[str, Any] = event["error"]
        return details

    async def update(self, **session: Any) -> dict[str, Any]:
        await self.send("session.update", session={"type": "realtime", **session})
        return await self.next()

    async def append(self, pcm: bytes, block: int = 4800) -> None:
        for at in range(0, len(pcm), block):
            await self.send("input_audio_buffer.append", audio=base64.b64encode(pcm[at : at + block]).decode())

    async def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await self.until("conversation.item.done")

    async def reply(self, **params: Any) -> dict[str, Any]:
        """Ask for a response; the one of response.done."""
        await self.send("response.create", **({"response": params} if params else {}))
        done: dict[str, Any] = (await self.until("response.done"))["response"]
        return done

    def kinds(self) -> list[str]:
        """What came, repeats of a delta once."""
        kinds = [event["type"] for event in self.got]
        return [kind for at, kind in enumerate(kinds) if not kind.endswith(".delta") or kind not in kinds[:at]]

    def audio(self) -> bytes:
        deltas = [event["delta"] for event in self.got if event["type"] == "response.output_audio.delta"]
        return b"".join(map(base64.b64decode, deltas))


def dial(server: FakeRealtime, query: str = MODEL, **options: Any) -> connect:
    return connect(server.url + query, additional_headers=KEY, max_size=None, **options)


@asynccontextmanager
async def talking(server: FakeRealtime, **session: Any) -> AsyncIterator[Client]:
    """A client whose session is open, with manual turns by default."""
    async with dial(server) as socket:
        client = Client(socket)
        assert (await client.next())["type"] == "session.created"
        assert (await client.update(**({"audio": MANUAL} | session)))["type"] == "session.updated"
        client.got.clear()
        yield client


def run(server: FakeRealtime, test: Callable[[Client], Awaitable[None]], **session: Any) -> None:
    """One test with one client."""

    async def main() -> None:
        async with server, talking(server, **session) as client:
            await test(client)

    asyncio.run(main())
