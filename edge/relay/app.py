"""The parts of the relay put together: one house, one list of routes, one guard around them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.config import Config
from edge.relay import health
from edge.relay.addresses import networks
from edge.relay.audit import Audit
from edge.relay.bus import open_bus
from edge.relay.doors import Doors
from edge.relay.guard import Guard, Rules
from edge.relay.house import House
from edge.relay.limits import Limits, Memory
from edge.relay.metrics import Metrics
from edge.relay.origins import Origins
from edge.relay.store.database import Store

PARTS = ("edge.relay.people.routes", "edge.relay.devices", "edge.relay.voice", "edge.relay.pages")


def parts() -> list[Any]:
    """Modules, each with `routes(house)` and perhaps `living(house)`."""
    return [health, *map(import_module, PARTS)]


def furnished(config: Config, database: Path, origins: Origins, node: str | None = None) -> House:
    """A house whose database is open; whoever has it closes `house.store`."""
    node = node or secrets.token_hex(6)
    store = Store(database)
    metrics = Metrics()
    return House(
        config=config, store=store, doors=Doors(store, origins), limits=_limits(config, node, metrics),
        bus=open_bus(config, node), audit=Audit(store, metrics), metrics=metrics, origins=origins, node=node,
    )  # fmt: skip


def _limits(config: Config, node: str, metrics: Metrics) -> Limits:
    if not config.server.redis:
        return Memory()
    from edge.relay.shared import SharedLimits

    return SharedLimits(config, node, metrics)


def application(house: House) -> ASGIApp:
    """What is served. The parts live from the server's start to its end; the house is closed last."""
    found = parts()
    routes: list[BaseRoute] = [route for part in found for route in part.routes(house)]

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(house.store.close)
            for one in (house.limits, house.bus, *found):
                if living := getattr(one, "living", None):
                    await stack.enter_async_context(living(house) if one in found else living())
            yield

    router = Router(routes, redirect_slashes=False, lifespan=lifespan)
    server = house.config.server
    rules = Rules(house.origins, networks(server.proxies), server.requests_per_second, server.links_per_address)
    return Guard(_Named(router), rules, house.metrics, house.clock)


class _Named:
    """So that Starlette raises what is not found, rather than answering in its own words."""

    def __init__(self, router: Router) -> None:
        self.router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.router(scope, receive, send)
