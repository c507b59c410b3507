"""Talking through the relay: the Realtime endpoint, WebRTC calls with their sideband, and what it all costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from edge.relay.doors import Who
from edge.relay.house import House
from edge.relay.voice.calls import Calls
from edge.relay.voice.desk import Desk, desk_of, forget
from edge.relay.voice.endpoint import Endpoint
from edge.relay.voice.ledger import entries

DAYS = 31


def routes(house: House) -> list[BaseRoute]:
    """See edge.relay.app."""
    desk = desk_of(house)
    calls = Calls(desk)

    async def about(who: Who) -> dict[str, object]:
        return {"voice": await offer(house, who)}

    house.about.append(about)
    return [
        WebSocketRoute("/v1/realtime", Endpoint(desk).__call__),
        Route("/v1/realtime/calls", calls.create, methods=["POST"]),
        Route("/v1/realtime/calls/{call}/hangup", calls.hang_up, methods=["POST"]),
        WebSocketRoute("/api/calls/{call}/page", calls.page),
        Route("/api/usage", _usage(desk), methods=["GET"]),
    ]


@asynccontextmanager
async def living(house: House) -> AsyncIterator[None]:
    """Minds the calls of relays that have died; at the end all conversations of this one are over."""
    desk = desk_of(house)
    desk.start(asyncio.ensure_future(desk.warm()))
    try:
        async with Calls(desk).minded():
            yield
    finally:
        await desk.close()
        forget(house)


async def offer(house: House, who: Who) -> dict[str, object]:
    """How somebody may talk, for GET /api/me: `way` is webrtc, relay (over /v1/realtime) or none, and then `why`."""
    desk = desk_of(house)
    money = (await desk.ledger.account(who)).money
    minutes = 0.0 if money.over else house.config.server.call_minutes
    if desk.vendor is None:
        why = desk.engines.problem
        return {"way": "none" if why else "relay", "why": why, "model": desk.engines.kind, "minutes_left": minutes}
    if money.over:
        return {"way": "none", "why": money.over.message, "model": desk.vendor.model, "minutes_left": 0}
    return {"way": "webrtc", "why": "", "model": desk.vendor.model, "minutes_left": minutes}


def _usage(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def usage(request: Request) -> Response:
        who = await desk.house.doors.need(request)
        rows = await desk.house.store.run(lambda db: entries(db, None if who.owner else who.id, DAYS))
        return JSONResponse({"currency": desk.house.config.budget.currency, "usage": rows})

    return usage
