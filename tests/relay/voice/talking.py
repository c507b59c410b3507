"""A relay before a fake vendor or an engine of its own, and the clients of its voice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from edge.config import Config
from edge.relay.doors import Who
from edge.relay.voice.desk import Desk, desk_of
from tests.relay.rig import Relay, configured, running

KEY = "sk-planted-key"
OFFER = (
    "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\n"
    "a=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=mid:0\r\na=sendrecv\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sctp-port:5000\r\n"
)
T = TypeVar("T")


def before(vendor_url: str, base: Config | None = None, **server: Any) -> Config:
    """The configuration of a relay whose vendor is there."""
    base = base or Config()
    return configured(replace(base, realtime=replace(base.realtime, url=vendor_url)), **server)


@asynccontextmanager
async def relaying(
    folder: Path, config: Config, monkeypatch: pytest.MonkeyPatch, key: str = KEY
) -> AsyncIterator[Relay]:
    """With a vendor's key. It begins and ends in a thread: the vendor, in this loop, has to answer meanwhile."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    around = running(folder, config)
    relay = await asyncio.to_thread(around.__enter__)
    try:
        yield relay
    finally:
        await asyncio.to_thread(around.__exit__, None, None, None)


def desk(relay: Relay) -> Desk:
    return desk_of(relay.house)


def program(relay: Relay, name: str = "robot") -> dict[str, str]:
    """Headers of a program's socket."""
    return {"Authorization": f"Bearer {relay.token('client', name)}"}


class Talker:
    """A client of /v1/realtime that keeps what it hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self._changed = asyncio.Event()
        self._task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        try:
            async for raw in self.socket:
                self.events.append(json.loads(raw))
                self._changed.set()
        except ConnectionClosed:
            pass
        self.closed = (self.socket.close_code or 1006, self.socket.close_reason or "")
        self._changed.set()

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    async def until(self, done: Callable[[], T], limit: float = 8.0) -> T:
        async with asyncio.timeout(limit):
            while not (found := done()):
                self._changed.clear()
                await self._changed.wait()
        return found

    async def next(self, kind: str, count: int = 1, limit: float = 8.0) -> dict[str, Any]:
        await self.until(lambda: len(self.of(kind)) >= count, limit)
        return self.of(kind)[count - 1]

    async def end(self, limit: float = 8.0) -> tuple[int, str]:
        """The close code, and the code of the error before it."""
        await self.until(lambda: self.closed is not None, limit)
        assert self.closed is not None
        errors = self.of("error")
        return self.closed[0], errors[-1]["error"]["code"] if errors else ""

    async def close(self) -> None:
        await self.socket.close()
        await self._task


async def talker(relay: Relay, headers: dict[str, str], query: str = "?model=any") -> Talker:
    return Talker(await connect(f"{relay.ws}/v1/realtime{query}", additional_headers=headers, max_size=None))


def page(relay: Relay, who: Who) -> dict[str, str]:
    """Headers of a person's socket."""
    return relay.socket_headers(who)


def in_loop(work: Callable[[], Awaitable[None]], limit: float = 40.0) -> None:
    """Run a test that is a coroutine."""

    async def main() -> None:
        async with asyncio.timeout(limit):
            await work()

    asyncio.run(main())
