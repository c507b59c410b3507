"""GET /v1/realtime: passed through to the vendor, or answered by an engine of our own."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection

from edge.relay.doors import Kind, Who, allowed
from edge.relay.house import House
from edge.relay.logs import event
from edge.relay.refused import Refused
from edge.relay.voice.desk import Denied, Desk
from edge.relay.voice.endings import REVOKED, Ending
from edge.relay.voice.leash import Leash
from edge.relay.voice.ledger import Account
from edge.relay.voice.passing import Passing, finish
from edge.relay.voice.steward import Steward
from edge.relay.voice.upstream import NoUpstream, Upstream, dial

ALLOWED_S = 0.6  # how often it is looked whether somebody is still allowed to talk
KINDS: tuple[Kind, ...] = ("person", "device", "client")
SUBPROTOCOL = "realtime"  # that the vendor's own clients in a browser ask for

_log = logging.getLogger("edge-voice")


class Endpoint:
    """The route. Refusals come after the handshake, as an event with words: a browser shows no others."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._house = desk, desk.house
        metrics = self._house.metrics
        self._talking = metrics.gauge("voice_sessions", "conversations over a WebSocket, now")
        self._ends = metrics.counter("voice_ends_total", "conversations and attempts by how they ended")
        self._frames = metrics.counter("voice_frames_total", "frames passed through, by direction")

    async def __call__(self, socket: WebSocket) -> None:
        """One connection."""
        who = await self._house.doors.need(socket, kind=KINDS)
        asked = socket.scope.get("subprotocols") or []
        await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in asked else None)
        began = self._house.clock()
        self._talking.add(1)
        try:
            ending = await self._while_allowed(socket, who, self._talk(socket, who))
        except Denied as denied:
            ending = denied.ending
        except NoUpstream as refused:
            ending = refused.ending
        finally:
            self._talking.add(-1)
        await finish(socket, ending)
        code = ending.code if ending is not None else "gone"
        self._ends.add(code=code)
        event(_log, logging.INFO, "conversation_over", who=who.id, kind=who.kind, why=code,
              seconds=round(self._house.clock() - began))  # fmt: skip

    async def _while_allowed(
        self, socket: WebSocket, who: Who, work: Coroutine[Any, Any, Ending | None]
    ) -> Ending | None:
        """A token or session that is revoked ends what it has begun."""
        talking = asyncio.ensure_future(work)
        watching = asyncio.ensure_future(self._revoked(socket, who))
        try:
            await asyncio.wait({talking, watching}, return_when=asyncio.FIRST_COMPLETED)
            return talking.result() if talking.done() else REVOKED
        finally:
            for task in (talking, watching):
                task.cancel()
            await asyncio.gather(talking, watching, return_exceptions=True)

    async def _revoked(self, socket: WebSocket, who: Who) -> None:
        """Until it is. A ticket is good once, so what counts is the session that it was given to."""
        by_ticket = "ticket" in socket.query_params
        while True:
            await asyncio.sleep(ALLOWED_S * (0.5 + secrets.randbelow(1000) / 1000))  # not all at once
            with suppress(Refused, sqlite3.Error):  # a store that is busy says nothing about them
                if by_ticket:
                    there = await self._house.store.run(lambda db: allowed(db, who.kind, who.id, who.key))
                else:
                    there = await self._house.doors.who(socket) is not None
                if not there:
                    return

    async def _talk(self, socket: WebSocket, who: Who) -> Ending | None:
        desk = self._desk
        async with desk.admitted(who) as account:
            leash = desk.leash()
            if desk.vendor is not None:
                return await self._pass(socket, who, account, desk.vendor)
            if problem := desk.engines.problem:
                return Ending("no_engine", problem, 1011)
            return await self._serve(socket, who, account, leash)

    async def _pass(self, socket: WebSocket, who: Who, account: Account, vendor: Upstream) -> Ending | None:
        connection = await dial(vendor.socket, vendor.headers)
        leash = self._desk.leash()
        try:
            return await self._passing(socket, who, account, connection, leash)
        finally:
            account.talked(self._house.clock() - leash.began, vendor.model)
            connection.transport.abort() if connection.close_code else await connection.close()

    async def _passing(
        self, socket: WebSocket, who: Who, account: Account, connection: ClientConnection, leash: Leash
    ) -> Ending | None:
        desk, house = self._desk, self._house
        tools = desk.tools() if who.kind == "person" else None
        pin = desk.pin(tools) if tools is not None else None
        steward = Steward(desk.prices, pin, tools)
        passing = Passing(
            socket, connection, steward, account, leash, clock=house.clock, expires_at=expiry(house, leash), pin=pin,
            tools=tools,
        )  # fmt: skip
        try:
            return await passing.run()
        finally:
            for direction, count in zip(("up", "down"), passing.frames, strict=True):
                self._frames.add(count, direction=direction)

    async def _serve(self, socket: WebSocket, who: Who, account: Account, leash: Leash) -> Ending | None:
        from edge.relay.voice.own.serving import Serving

        desk, house = self._desk, self._house
        tools = desk.tools()
        pin = desk.pin(tools) if who.kind == "person" else None
        serving = Serving(
            socket, desk.engines, account, leash, clock=house.clock, expires_at=expiry(house, leash), tools=tools,
            pin=pin,
        )  # fmt: skip
        try:
            return await serving.run()
        finally:
            account.talked(house.clock() - leash.began, desk.engines.kind)


def expiry(house: House, leash: Leash) -> float:
    """When the session ends, by the wall's clock: the protocol's own way to say so beforehand."""
    return house.now() + leash.ends_at - house.clock()
