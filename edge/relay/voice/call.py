"""One WebRTC call, of which the relay sees the sideband only: its session, tools, time and money, and its page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from edge.relay.doors import Who
from edge.relay.voice.endings import GOING_AWAY, GONE, HUNG_UP, LOST, Ending
from edge.relay.voice.frames import Json, kind_of, parsed, written
from edge.relay.voice.leash import Leash
from edge.relay.voice.ledger import Account
from edge.relay.voice.steward import WATCHED, Found, Steward
from edge.relay.voice.tools import Tools
from edge.relay.voice.upstream import NoUpstream, Upstream, dial

SIDEBAND_S = 8.0  # that a call may go on without anybody minding it
AGAIN_S = 0.3
PAGE_S = 15.0  # from the answer to the page's socket
PAGE_BACK_S = 5.0  # a page that changes networks
LOOK_S = 0.5
MOST_UNREAD = 50  # events for a page
NOT_FOUND = 404

_log = logging.getLogger("edge-voice")


@dataclass(slots=True, eq=False)
class Page:
    """A page's socket: what it is to be told waits here, and it is let go when it does not read."""

    events: asyncio.Queue[dict[str, Any] | None] = field(default_factory=lambda: asyncio.Queue(MOST_UNREAD))

    def tell(self, event: dict[str, Any] | None) -> None:
        """None is the end."""
        with suppress(asyncio.QueueFull):
            self.events.put_nowait(event)


@dataclass(slots=True)
class Terms:
    """What a call is held to."""

    who: Who
    account: Account
    leash: Leash
    steward: Steward
    tools: Tools
    currency: str


class Call:
    """`run` until it is over; then it has to be hung up, if `ending` is not the vendor's own."""

    def __init__(self, call: str, vendor: Upstream, terms: Terms, clock: Callable[[], float]) -> None:
        self.id, self.terms = call, terms
        self._vendor, self._clock = vendor, clock
        self._over: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._pages: set[Page] = set()
        self._alone_since: float | None = clock()
        self._page_s = PAGE_S
        self._socket: ClientConnection | None = None
        self.by_vendor = False
        self.given_away = False

    @property
    def ending(self) -> Ending | None:
        """Once it is over."""
        return self._over.result() if self._over.done() else None

    def end(self, ending: Ending) -> None:
        """End it; the first reason counts."""
        if not self._over.done():
            self._over.set_result(ending)

    def give_away(self) -> None:
        """Another process minds it."""
        self.given_away = True
        self.end(HUNG_UP)

    async def run(self) -> Ending:
        """Mind it."""
        tasks = [asyncio.ensure_future(work) for work in (self._listen(), self._mind())]
        for task in tasks:
            task.add_done_callback(self._broken)
        try:
            return await asyncio.shield(self._over)
        except asyncio.CancelledError:
            self.end(GOING_AWAY)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tell_end()

    def _broken(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("call_fault call=%s error=%r", self.id, error)
            self.end(LOST)

    # --- the page -----------------------------------------------------------------------------------------

    def attach(self) -> Page:
        """The page is here."""
        page = Page()
        self._pages.add(page)
        self._alone_since = None
        page.tell({"event": "call", "ends_in_s": round(self.terms.leash.ends_at - self._clock(), 1)})
        if self.ending is not None:
            self._tell_end()
        return page

    def detach(self, page: Page) -> None:
        """It has gone, perhaps to come back."""
        self._pages.discard(page)
        if not self._pages:
            self._alone_since, self._page_s = self._clock(), PAGE_BACK_S

    def _tell(self, kind: str, **fields: object) -> None:
        for page in self._pages:
            page.tell({"event": kind, **fields})

    def _tell_end(self) -> None:
        ending = self.ending or HUNG_UP
        self._tell("ended", code=ending.code, message=ending.message)
        for page in self._pages:
            page.tell(None)

    # --- the sideband -------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """As long as the call lasts; a socket that breaks is opened again, and nobody minds the call for long."""
        alone_until = self._clock() + SIDEBAND_S
        while True:
            try:
                socket = await dial(self._vendor.sideband(self.id), self._vendor.headers)
            except NoUpstream as refused:
                if refused.status == NOT_FOUND:
                    self._ended_by_vendor(HUNG_UP)
                    return
                if self._clock() >= alone_until:
                    self.end(refused.ending)
                    return
                await asyncio.sleep(AGAIN_S)
                continue
            self._socket = socket
            try:
                if await self._follow(socket):
                    self._ended_by_vendor(HUNG_UP)
                    return
            finally:
                self._socket = None
                socket.transport.abort()
            alone_until = self._clock() + SIDEBAND_S
            await asyncio.sleep(AGAIN_S)

    def _ended_by_vendor(self, ending: Ending) -> None:
        self.by_vendor = True
        self.end(ending)

    async def _follow(self, socket: ClientConnection) -> bool:
        """Until it closes; whether that was the end of the call."""
        try:
            if (begin := self.terms.steward.begin()) is not None:
                await socket.send(written(begin))
            while True:
                frame = await socket.recv()
                if isinstance(frame, str):
                    await self._take(socket, frame)
        except ConnectionClosed as closed:
            return closed.rcvd is not None and closed.rcvd.code in {1000, 1001}

    async def _take(self, socket: ClientConnection, frame: str) -> None:
        kind = kind_of(frame)
        if kind is not None and kind not in WATCHED:
            return
        event = parsed(frame)
        if event is not None:
            await self._do(socket, self.terms.steward.handle(event))

    async def _do(self, socket: ClientConnection, found: Found) -> None:
        if found.bill is not None:
            self.terms.account.add(found.bill)
            self._tell("usage", cost=found.bill.cost, tokens=found.bill.tokens, currency=self.terms.currency)
        if found.ending is not None:
            self.end(found.ending)
            return
        for event in found.send:
            await socket.send(written(event))
        for name, ok in found.ran:
            self._tell("tool", name=name, ok=ok)
        if found.bill is not None:
            await self._judge()

    # --- time, money, presence ----------------------------------------------------------------------------

    async def _mind(self) -> None:
        while True:
            await asyncio.sleep(max(0.01, self._wait()))
            await self._judge()
            for sentence in self.terms.tools.due():
                await self._say(sentence)
            alone = self._alone_since
            if alone is not None and self.terms.who.kind == "person" and self._clock() - alone >= self._page_s:
                self.end(GONE)

    def _wait(self) -> float:
        rings = self.terms.tools.next_in()
        until = self.terms.leash.next_at - self._clock()
        return min(LOOK_S, until, LOOK_S if rings is None else rings)

    async def _judge(self) -> None:
        found = self.terms.leash.look(self._clock(), self.terms.account.money)
        if isinstance(found, Ending):
            self.end(found)
        elif found is not None:
            self._tell("warning", code=found.code, message=found.message, in_s=round(found.in_s, 1))
            await self._say(found.message)

    async def _say(self, sentence: str) -> None:
        """Beside the conversation, if there is a way."""
        await self._send(self.terms.steward.say(sentence))

    async def _send(self, event: Json) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(written(event))
