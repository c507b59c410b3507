"""A vendor's client and its HTTP connections: made when they are needed, warmed for a turn, let go after a rest."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Request

Sdk = TypeVar("Sdk")
Connect = Callable[["AsyncClient"], Sdk]

CONNECT_S = 3.0  # TCP and TLS over a bad mobile line take 1 s
READ_S = 30.0  # a line that has died; whether silence is a stall is judged by whoever waits
WRITE_S = 10.0
REST_S = 15.0  # an idle connection is kept for the pause between two turns, and tools' work, not longer
CLOSE_S = 0.5
MOST_CONNECTIONS = 8  # two attempts, and what is left of those that were given up

# They log whole requests, with what was said, and at INFO each address.
_TALKATIVE = ("httpx2", "httpcore2", "openai", "anthropic", "google_genai", "google.genai")


class Line(Generic[Sdk]):
    """`connect` imports the vendor's client and makes it on an HTTP client; that takes up to a second, in a thread."""

    def __init__(self, address: str, connect: Connect[Sdk], rest_s: float = REST_S) -> None:
        self._address, self._connect, self._rest_s = address, connect, rest_s
        self._made: asyncio.Task[tuple[AsyncClient, Sdk]] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._letting_go: asyncio.Task[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._users = 0

    def prepare(self) -> None:
        """Have a connection open, TLS included, by the time that somebody asks something."""
        if self._warming is None or self._warming.done():
            self._warming = asyncio.ensure_future(self._warm())

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Sdk]:
        """The vendor's client, for one request."""
        self._users += 1
        self._cancel_rest()
        try:
            yield (await self._client())[1]
        finally:
            self._users -= 1
            self._begin_rest()

    async def close(self) -> None:
        """Close all connections. Idempotent; the next request opens new ones."""
        self._cancel_rest()
        warming, letting_go = self._warming, self._letting_go
        self._warming = self._letting_go = None
        if warming is not None:
            warming.cancel()
        await asyncio.gather(*(task for task in (warming, letting_go) if task is not None), return_exceptions=True)
        made, self._made = self._made, None
        if made is not None:
            await _shut(made)

    async def _client(self) -> tuple[AsyncClient, Sdk]:
        """Shared by all that wait for it, and not undone when one of them waits no longer."""
        made = self._made
        if made is None or made.cancelled() or (made.done() and made.exception() is not None):
            made = self._made = asyncio.ensure_future(asyncio.to_thread(self._make))
        return await asyncio.shield(made)

    def _make(self) -> tuple[AsyncClient, Sdk]:
        http = http_client()
        return http, self._connect(http)

    async def _warm(self) -> None:
        """Any answer will do, and none: what is wrong, the request itself tells. No key is sent."""
        with suppress(Exception):
            async with self.client():
                http = (await self._client())[0]
                async with asyncio.timeout(2 * CONNECT_S):
                    await http.head(self._address)

    def _begin_rest(self) -> None:
        if self._users == 0 and self._made is not None:
            self._rest = asyncio.get_running_loop().call_later(self._rest_s, self._rested)

    def _cancel_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _rested(self) -> None:
        made, self._made = self._made, None
        if made is not None:
            self._letting_go = asyncio.ensure_future(_shut(made))


async def _shut(made: asyncio.Task[tuple[AsyncClient, Any]]) -> None:
    """Close the HTTP client, if it could be made at all; a thread that still imports has none with a connection."""
    await asyncio.wait({made}, timeout=CLOSE_S)
    if not made.done():
        made.cancel()
    elif made.exception() is None:
        await made.result()[0].aclose()


def http_client() -> AsyncClient:
    """An HTTP client with limits that no vendor's client can lift, and no redirects: they would lead the key astray."""
    import httpx2

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    timeout = httpx2.Timeout(READ_S, connect=CONNECT_S, write=WRITE_S, pool=CONNECT_S)

    async def limited(request: Request) -> None:
        request.extensions["timeout"] = timeout.as_dict()

    return httpx2.AsyncClient(
        verify=_certificates(),
        timeout=timeout,
        limits=httpx2.Limits(max_connections=MOST_CONNECTIONS, keepalive_expiry=REST_S),
        follow_redirects=False,
        event_hooks={"request": [limited]},
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust. One for all: reading them takes 30 ms and 1 MB."""
    import httpx2

    return httpx2.create_ssl_context()
