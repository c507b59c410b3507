"""For whoever watches over the relay: a balancer, a service manager, Prometheus."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from edge import __version__
from edge.relay.guard import is_local
from edge.relay.house import House
from edge.relay.refused import Refused

LOOK_S = 2.0  # a database that takes longer is not ready
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def routes(house: House) -> list[BaseRoute]:
    """See edge.relay.app."""
    _measure(house)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(_: Request) -> Response:
        if house.leaving.is_set():
            return JSONResponse({"ok": False, "why": "it is about to end"}, 503)
        why = await problem(house)
        return JSONResponse({"ok": not why, **({"why": why} if why else {})}, 503 if why else 200)

    async def metrics(request: Request) -> Response:
        if not is_local(request.scope):
            who = await house.doors.need(request, kind=("client", "person"))
            if who.kind == "person" and not who.owner:
                raise Refused(403, "owners_only", "Only the relay's owner may see that.")
        return PlainTextResponse(house.metrics.text(), media_type=METRICS_TYPE)

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


async def problem(house: House) -> str:
    """Why it should get no new visitors; "" for well."""

    def look(db: sqlite3.Connection) -> None:
        db.execute("SELECT count(*) FROM people").fetchone()

    try:
        async with asyncio.timeout(LOOK_S):
            await house.store.run(look)
    except (TimeoutError, sqlite3.Error):
        return "the database does not answer"
    return ""


def _measure(house: House) -> None:
    began = house.clock()
    house.metrics.gauge("up_seconds", "how long this process runs", lambda: house.clock() - began)
    house.metrics.gauge("resident_bytes", "memory of this process", resident)
    house.metrics.gauge("info", "what runs here").set(1, version=__version__, node=house.node)


def resident() -> float:
    """Bytes; 0 where the kernel does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0.0
