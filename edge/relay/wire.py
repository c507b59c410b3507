"""uvicorn's protocols with time limits of our own: what a caller who dribbles, or opens and says nothing, may cost.

uvicorn limits how long a finished connection is kept, and the websockets library how large a message is. How long the
first head of a request may take, how long it may be, and how many connections an address may have, nobody limits.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from edge.relay.addresses import Network, is_proxy, key

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent
    from websockets.frames import Frame

HEAD_S = 10.0  # from the connection, or from the last answer's end, to the end of a head; TLS has its own limit
HEAD_BYTES = 32 * 1024  # nginx' largest is as much
MOST_HEADERS = 100
UNREAD_S = 30.0  # what has been sent and is not read for so long goes to nobody
FIRST_S = 5.0  # at the process' end: for the request of a connection that was let in and has none yet
MOST_PIECES = 1024  # of one WebSocket message: empty ones would cost memory and no bytes


@dataclass(slots=True)
class Doorway:
    """What all connections of a process share. `turned_away` counts by reason; `closing` is set at the process' end."""

    most: int
    proxies: Sequence[Network] = ()
    head_s: float = HEAD_S
    closing: bool = False
    open: Counter[str] = field(default_factory=Counter)
    turned_away: Counter[str] = field(default_factory=Counter)

    def enter(self, address: str) -> str | None:
        """The key to leave with; None when its address has too many already. A proxy's connections are everybody's."""
        name = key(address) if not is_proxy(address, self.proxies) else "proxy"
        if name != "proxy" and self.open[name] >= self.most:
            self.turned_away["connections"] += 1
            return None
        self.open[name] += 1
        return name

    def leave(self, name: str) -> None:
        """Once for each that entered."""
        self.open[name] -= 1
        if self.open[name] <= 0:
            del self.open[name]


def limit_writing(transport: asyncio.Transport) -> None:
    """Have the kernel give up a peer that acknowledges nothing, or has no room, for `UNREAD_S`."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_S * 1000))


class Http(HttpToolsProtocol):
    """One connection until it becomes a WebSocket."""

    def __init__(self, doorway: Doorway, **given: Any) -> None:
        super().__init__(**given)
        self._doorway = doorway
        self._name: str | None = None
        self._late: asyncio.TimerHandle | None = None
        self._full: asyncio.TimerHandle | None = None
        self._last: asyncio.TimerHandle | None = None  # there is to be one more request at most
        self._head = 0  # bytes of a head that is not complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """See uvicorn."""
        super().connection_made(transport)
        self._name = self._doorway.enter(self.client[0] if self.client else "")
        if self._name is None:
            transport.abort()
            return
        limit_writing(transport)
        self._wait_for_head()
        if self._doorway.closing:  # the loop had it in hand when the listening ended
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        self._have_head()
        for timer in (self._full, self._last):
            if timer is not None:
                timer.cancel()
        if self._name is not None:
            self._doorway.leave(self._name)
            self._name = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See uvicorn."""
        if getattr(self.cycle, "response_complete", True):  # there is no cycle before the first request
            self._wait_for_head()  # also for what is no head: line ends, or the rest of a body that nobody wants
        if self._late is not None:
            self._head += len(data)
        super().data_received(data)
        if self._late is not None and self._head > HEAD_BYTES:
            self._turn_away("head_too_large")

    def on_message_begin(self) -> None:
        """See uvicorn."""
        super().on_message_begin()
        self._wait_for_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """See uvicorn."""
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            self._turn_away("too_many_headers")

    def on_headers_complete(self) -> None:
        """See uvicorn."""
        self._have_head()
        if not self.transport.is_closing():
            super().on_headers_complete()
            if self._doorway.closing and not self._answered:
                self.cycle.keep_alive = False

    def handle_websocket_upgrade(self) -> None:
        """See uvicorn."""
        if not self.transport.is_closing():
            super().handle_websocket_upgrade()
            upgraded = self.transport.get_protocol()
            assert isinstance(upgraded, Socket)
            upgraded.left = partial(self._doorway.leave, self._name) if self._name is not None else None
            self._name = None

    @property
    def _answered(self) -> bool | None:
        """Whether the last request has its answer; None before the first, when uvicorn has no cycle."""
        return getattr(self.cycle, "response_complete", None)

    @property
    def owed(self) -> bool:
        """At the process' end: whether somebody who was let in may still ask, or waits for the answer."""
        if self.transport.is_closing():
            return False
        may_ask = self._last is not None and self.loop.time() < self._last.when()
        return may_ask or self._answered is False

    def shutdown(self) -> None:
        """See uvicorn, which would close one that was accepted and has not been read: its request would be lost."""
        comes = self._answered is None or (self._late is not None and self._head > 0)
        if comes and self._last is None:
            self._last = self.loop.call_later(FIRST_S, self._asked_nothing)
        else:
            super().shutdown()

    def _asked_nothing(self) -> None:
        if self._answered is not False:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """See uvicorn."""
        self._doorway.turned_away["no_http"] += 1
        super().send_400_response(msg)

    def pause_writing(self) -> None:
        """See uvicorn."""
        super().pause_writing()
        self._full = self._full or self.loop.call_later(UNREAD_S, self._turn_away, "not_reading")

    def resume_writing(self) -> None:
        """See uvicorn."""
        super().resume_writing()
        if self._full is not None:
            self._full.cancel()
            self._full = None

    def _wait_for_head(self) -> None:
        if self._late is None:
            self._head = 0
            self._late = self.loop.call_later(self._doorway.head_s, self._turn_away, "head_too_slow")

    def _have_head(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _turn_away(self, why: str) -> None:
        if not self.transport.is_closing():
            self._doorway.turned_away[why] += 1
            self.transport.abort()


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket."""

    left: partial[None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        left, self.left = self.left, None
        if left is not None:
            left()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """See uvicorn, which would say goodbye a second time to one that has not answered the first, and fail."""
        if self.handshake_complete and not self.close_sent and self.conn.state is not State.OPEN:
            self.transport.close()
            return
        super().shutdown()

    async def send(self, message: ASGISendEvent) -> None:
        """See uvicorn, which would log an answer other than a WebSocket as a fault of the application's."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True
        elif message["type"] == "websocket.accept":
            del self.request, self.response  # of no use any more, and 3 kB of each link

    def handle_cont(self, event: Frame) -> None:
        """See uvicorn."""
        if len(self.frames) >= MOST_PIECES:
            self.conn.fail(1009, "too many pieces")
            self.handle_parser_exception()
            return
        super().handle_cont(event)
