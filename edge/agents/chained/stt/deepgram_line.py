"""Deepgram's client on this engine's WebSockets.

The SDK (7.17) makes the URL, the headers and the messages, and reads those that come. The connection is ours, through
its `transport_factory`: by itself it opens one with the `legacy` client of `websockets`, deprecated since 2024, which
knows no proxy, compresses the audio, follows redirects, takes half a minute to leave a line that is frozen, and tells
of a refusal its status only (no Retry-After, no `dg-error`). It never reconnects, whatever its `reconnect` is set to.
Messages are taken with `recv`: its iterator skips what is no JSON, and cannot tell how the connection ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self, TypeAlias, Union
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection

from edge.agents.chained import faults
from edge.agents.chained.sockets import CLOSE_S, Line

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient
    from deepgram.listen.v1.socket_client import AsyncV1SocketClient
    from deepgram.listen.v2.socket_client import AsyncV2SocketClient

VENDOR = "wss://api.deepgram.com"

Api: TypeAlias = Union["AsyncV1SocketClient", "AsyncV2SocketClient"]


class Wire:
    """The SDK's AsyncTransport: what it sends and reads goes over `socket`, once that is there."""

    socket: ClientConnection

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url, self.headers = url, headers
        _made.set(self)

    async def send(self, data: str | bytes) -> None:
        """One frame."""
        await self.socket.send(data)

    async def recv(self) -> str | bytes:
        """The next frame."""
        return await self.socket.recv()

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        async for frame in self.socket:
            yield frame

    async def close(self) -> None:
        """Nothing: the line is closed by whoever has it."""


_made: ContextVar[Wire] = ContextVar("the connection that the SDK has just asked for")


def client(key: str, url: str) -> AsyncDeepgramClient:
    """The SDK's client, for the vendor or another server. The first one takes its time: it imports the SDK."""
    from deepgram import AsyncDeepgramClient
    from deepgram.environment import DeepgramClientEnvironment

    parts = urlsplit(url or VENDOR)
    base = urlunsplit((parts.scheme.replace("http", "ws"), parts.netloc, parts.path.rstrip("/"), "", ""))
    place = DeepgramClientEnvironment(base=base, production=base, agent=base, agent_rest=base)
    return AsyncDeepgramClient(api_key=key, environment=place, transport_factory=Wire)


class DeepgramLine(Line):
    """A connection with the SDK's methods on it, as `api`."""

    api: Api
    entered: AsyncExitStack  # the SDK's context, left with the line
    closing = False

    @classmethod
    async def through(cls, service: faults.Service, connecting: AbstractAsyncContextManager[Api]) -> Self:
        """What the SDK's `connect` would have opened; raises StageFailed."""
        async with AsyncExitStack() as stack:
            api = await stack.enter_async_context(connecting)
            wire = _made.get()
            line = await cls.open(service, wire.url, wire.headers)
            wire.socket, line.api = line.socket, api
            line.entered = stack.pop_all()
        return line

    async def close_stream(self) -> None:
        """Tell the service that no more will come, once."""
        if not self.closing:
            self.closing = True
            await self.api.send_close_stream()

    async def leave(self) -> None:
        """Say good-bye, for CLOSE_S at most."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.close_stream()
        except TimeoutError:
            pass  # it takes nothing: the line is cut
        finally:
            await self.entered.aclose()
