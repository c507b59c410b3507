"""Devices: their links, the people who watch and command them, and how they come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.routing import BaseRoute, WebSocketRoute

from edge.relay.devices.endpoint import Endpoint
from edge.relay.devices.fleet import FleetDoor
from edge.relay.devices.hub import forget, hub_of
from edge.relay.devices.routes import Devices
from edge.relay.devices.viewers import Live
from edge.relay.house import House


def routes(house: House) -> list[BaseRoute]:
    """See edge.relay.app."""
    hub = hub_of(house)
    return [
        WebSocketRoute("/device", Endpoint(hub).__call__),
        WebSocketRoute("/api/devices/{device}/live", Live(hub).__call__),
        *Devices(hub).routes(),
        *FleetDoor(house).routes(),
    ]


@asynccontextmanager
async def living(house: House) -> AsyncIterator[None]:
    """Revocations are seen and tokens renewed; at the end all links are closed."""
    try:
        async with hub_of(house).living():
            yield
    finally:
        forget(house)
