"""A page that makes a call: its offer, and its socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2 as httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from edge.config import Price
from edge.relay.doors import Who
from tests.fakes.realtime_calls import FakeCall, FakeVendor
from tests.relay.rig import Relay
from tests.relay.voice.talking import OFFER, page

CALLS = "/v1/realtime/calls"
PRICES = {"gpt-realtime-2.1": Price(audio_out=1e4)}  # 0.01 for a token of speech
USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What time is it?"}]}


async def offer(relay: Relay, headers: dict[str, str], body: str = OFFER, kind: str = "application/sdp") -> Any:
    """What the relay answers."""
    mark = {"X-Edge-Voice": "1"} if "Cookie" in headers else {}
    async with httpx.AsyncClient(timeout=10) as client:
        return await client.post(relay.url + CALLS, content=body, headers={**headers, **mark, "Content-Type": kind})


class Watching:
    """The page's socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self._task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        try:
            async for raw in self.socket:
                self.events.append(json.loads(raw))
        except ConnectionClosed:
            pass

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    async def close(self) -> None:
        await self.socket.close()
        await self._task


async def watching(relay: Relay, who: Who, location: str) -> Watching:
    name = location.rpartition("/")[2]
    return Watching(await connect(f"{relay.ws}/api/calls/{name}/page", additional_headers=page(relay, who)))


async def begun(relay: Relay, vendor: FakeVendor, who: Who) -> tuple[FakeCall, Watching]:
    """A call with its page and its sideband."""
    answer = await offer(relay, page(relay, who))
    assert answer.status_code == 201, answer.text
    watcher = await watching(relay, who, answer.headers["Location"])
    call = vendor.last
    await vendor.until(lambda: call.from_sideband and watcher.of("call"))
    return call, watcher


async def over(vendor: FakeVendor, call: FakeCall, watcher: Watching, code: str, limit: float = 5) -> None:
    """It has been hung up, and the page was told why."""
    await vendor.until(lambda: call.hung_up is not None, limit)
    await vendor.until(lambda: watcher.of("ended"), limit)
    assert watcher.of("ended")[0]["code"] == code
    await watcher.close()
