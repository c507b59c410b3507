"""What all conversations of this process share."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING

from edge.agents.realtime.session import ServerVad, build
from edge.agents.realtime.setup import settings
from edge.relay.doors import Who
from edge.relay.house import House
from edge.relay.refused import Refused
from edge.relay.voice.endings import BUSY, GOING_AWAY, TOO_MANY_OF_YOURS, Ending
from edge.relay.voice.leash import Leash
from edge.relay.voice.ledger import Account, Ledger, Prices
from edge.relay.voice.own.engines import Engines
from edge.relay.voice.pin import Pin
from edge.relay.voice.tools import Tools
from edge.relay.voice.upstream import Upstream, client, upstream

if TYPE_CHECKING:
    from httpx2 import AsyncClient

    from edge.relay.voice.call import Call

RATE, BURST = 0.5, 10.0  # conversations that one may begin, a second in the long run and at once


class Denied(Exception):
    """Not now; `ending` says why."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        super().__init__(ending.code)


@dataclass(slots=True)
class Desk:
    """`vendor` is None where the relay's own engines answer. `calls` are this process' own, by id."""

    house: House
    vendor: Upstream | None
    ledger: Ledger
    engines: Engines
    calls: dict[str, Call] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _http: AsyncClient | None = None

    @property
    def http(self) -> AsyncClient:
        """To the vendor; made when it is first needed, since importing it takes 0.1 s."""
        if self._http is None:
            self._http = client()
        return self._http

    @property
    def prices(self) -> Prices:
        """Of the vendor's model."""
        config = self.house.config
        return Prices(config, self.vendor.model if self.vendor else config.realtime.model)

    def tools(self) -> Tools:
        """For one conversation."""
        return Tools(self.house.config, self.house.clock)

    def pin(self, tools: Tools, model: str = "") -> Pin:
        """The session as the relay sets it for a person: unlike a device's, its turns are ended by the server."""
        found = settings(self.house.config, tools.specs)
        turns = ServerVad() if found.turns is None else replace(found.turns, interrupt_response=True)
        return Pin(build(replace(found, turns=turns), model))

    def leash(self) -> Leash:
        """From now on."""
        return Leash(self.house.clock(), self.house.config.server.call_minutes)

    @asynccontextmanager
    async def admitted(self, who: Who) -> AsyncIterator[Account]:
        """While somebody talks: one of so many, of them and of this process. Raises Denied."""
        house, server = self.house, self.house.config.server
        if house.leaving.is_set():
            raise Denied(GOING_AWAY)
        wait = await house.limits.take(f"voice-begin:{who.id}", RATE, BURST)
        if wait > 0:
            words = "You have begun many conversations within a short time. Please wait a moment."
            raise Denied(Ending("rate_limit_exceeded", words, 4429, 429, wait))
        account = await self.ledger.account(who)
        if (over := account.money.over) is not None:
            raise Denied(over)
        async with AsyncExitStack() as stack:
            for key, most, ending in (
                (f"voice:{who.kind}:{who.id}", server.sessions_each, TOO_MANY_OF_YOURS),
                (f"voice-node:{house.node}", server.sessions, BUSY),
            ):
                try:
                    await stack.enter_async_context(house.limits.hold(key, most))
                except Refused:
                    raise Denied(ending) from None
            yield account

    async def warm(self) -> None:
        """So that the first offer does not wait for an import, nor any frame for a look at what never changes."""
        if self.vendor is not None:
            await asyncio.to_thread(import_module, "httpx2")
            _ = self.http
        gc.collect()
        gc.freeze()  # a full collection of all that is loaded takes 40 ms, in which nobody is heard

    def start(self, task: asyncio.Task[None]) -> None:
        """Keep a task until it is done."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        """Everything has ended."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.engines.close()
        await self.ledger.close()
        if self._http is not None:
            with suppress(Exception):  # the vendor's end of a connection may have gone
                await self._http.aclose()


_desks: dict[int, Desk] = {}  # by the id of the house, which each desk keeps alive


def desk_of(house: House) -> Desk:
    """The one of this house, made when it is first asked for; `forget` it at its end."""
    found = _desks.get(id(house))
    if found is None:
        wanted = house.config.server.engine
        vendor = upstream(house.config) if wanted in {"auto", "realtime"} else None
        found = _desks[id(house)] = Desk(house, vendor, Ledger(house), Engines(house.config))
    return found


def forget(house: House) -> None:
    """It has been closed."""
    _desks.pop(id(house), None)
