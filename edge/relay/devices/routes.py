"""What people ask about devices, and how they get and give away one."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from edge.relay.asking import optional, text, told, wrong
from edge.relay.bus.port import Json
from edge.relay.devices import registry
from edge.relay.devices.hub import Hub
from edge.relay.doors import Role, Who
from edge.relay.limits import need
from edge.relay.people.repository import tidy
from edge.relay.refused import Refused

PAIRINGS, PAIRINGS_OF_ALL = (0.1, 10), (5.0, 100)  # attempts a second, and at once: of a person, and of everybody
ENROLMENTS = (1.0, 500)  # codes that a relay's owner may have made


class Devices:
    """The routes below /api."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._house = hub, hub.house

    def routes(self) -> list[BaseRoute]:
        """See edge.relay.app."""
        return [
            Route("/api/devices", self.listed, methods=["GET"]),
            Route("/api/devices/pair", self.pair, methods=["POST"]),
            Route("/api/enrolments", self.enrolment, methods=["POST"]),
            Route("/api/devices/{device}", self.one, methods=["GET"]),
            Route("/api/devices/{device}", self.change, methods=["PATCH"]),
            Route("/api/devices/{device}", self.revoke, methods=["DELETE"]),
        ]

    async def listed(self, request: Request) -> Response:
        """Those that one may see."""
        who = await self._house.doors.need(request)
        return JSONResponse({"devices": await self._shown(who)})

    async def one(self, request: Request) -> Response:
        """One of them; its owners also see who else may use it."""
        device = request.path_params["device"]
        who = await self._house.doors.need(request, device=device)
        found = await self._shown(who, device)
        if not found:
            raise Refused(404, "no_such_device", "There is no such device.")
        if found[0]["role"] == Role.OWNER:
            found[0]["people"] = await self._house.store.run(lambda db: registry.people(db, device))
        return JSONResponse(found[0])

    async def _shown(self, who: Who, device: str | None = None) -> list[Json]:
        rows = await self._house.store.run(lambda db: registry.listed(db, who, device))
        places = await self._house.bus.where([row["id"] for row in rows])
        for row in rows:
            place = places.get(row["id"])
            about: Any = place.about if place is not None else {}
            row |= {"online": place is not None, "state": about.get("state"), "version": about.get("version")}
        return rows

    async def pair(self, request: Request) -> Response:
        """By the code that the device shows and says; it is theirs then."""
        who = await self._house.doors.need(request)
        await need(self._house.limits, f"pair:{who.id}", *PAIRINGS)
        await need(self._house.limits, "pair", *PAIRINGS_OF_ALL)
        code, now = text(await told(request), "code", 40), self._house.now()
        found = await self._house.store.run(lambda db: registry.pair(db, code, who, now))
        self._house.audit.note(who, "device_paired", found.id)
        await self._house.bus.spread("paired", found.id)
        return JSONResponse({"id": found.id, "name": found.name}, 201)

    async def enrolment(self, request: Request) -> Response:
        """A code for one device, which comes with it by itself: edge-voice enrol."""
        who = await self._house.doors.need(request, owner=True)
        await need(self._house.limits, f"enrolment:{who.id}", *ENROLMENTS)
        now = self._house.now()
        code = await self._house.store.run(lambda db: registry.enrolment(db, who, now))
        self._house.audit.note(who, "enrolment_made")
        return JSONResponse({"code": code, "seconds": registry.ENROL_S}, 201)

    async def change(self, request: Request) -> Response:
        """Its name, and whether what is said may be read by those who see it."""
        device = request.path_params["device"]
        who = await self._house.doors.need(request, device=device, role=Role.OWNER)
        given = await told(request)
        name, transcripts = optional(given, "name", 100), given.get("transcripts")
        if transcripts is not None and not isinstance(transcripts, bool):
            raise wrong("transcripts must be true or false.")
        tidied = tidy(name) if name is not None else None
        await self._house.store.run(lambda db: registry.change(db, device, tidied, transcripts))
        self._house.audit.note(who, "device_changed", device, transcripts=transcripts, named=tidied is not None)
        await self._house.bus.spread("changed", device)
        return JSONResponse({"ok": True})

    async def revoke(self, request: Request) -> Response:
        """Its key is good no more, and its link is cut wherever it is."""
        device = request.path_params["device"]
        who = await self._house.doors.need(request, device=device, role=Role.OWNER)
        now = self._house.now()
        await self._house.store.run(lambda db: registry.revoke(db, device, now))
        self._house.audit.note(who, "device_revoked", device)
        await self._house.bus.spread("revoked", device)
        return JSONResponse({"ok": True})
