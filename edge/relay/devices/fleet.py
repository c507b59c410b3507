"""What the program of a fleet may do with its token (scope "enrol"): have codes made, look devices up, revoke them.

It sees no state, hears nothing and commands nothing; the relay's owners have the devices that come by its codes.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from edge.relay.devices import registry
from edge.relay.doors import Who
from edge.relay.house import House
from edge.relay.limits import need
from edge.relay.refused import Refused

ENROLMENTS = (1.0, 500)  # as many as an owner may have made: a second, and at once


class FleetDoor:
    """The routes below /api/fleet."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """See edge.relay.app."""
        return [
            Route("/api/fleet/enrolments", self.enrolment, methods=["POST"]),
            Route("/api/fleet/devices", self.listed, methods=["GET"]),
            Route("/api/fleet/devices/{device}", self.revoke, methods=["DELETE"]),
        ]

    async def _who(self, request: Request) -> Who:
        return await self._house.doors.need(request, kind="fleet")

    async def enrolment(self, request: Request) -> Response:
        """A code for one device, good once, for a day."""
        who = await self._who(request)
        await need(self._house.limits, f"enrolment:{who.id}", *ENROLMENTS)
        now = self._house.now()
        code = await self._house.store.run(lambda db: registry.enrolment(db, who, now))
        self._house.audit.note(who, "enrolment_made")
        return JSONResponse({"code": code, "seconds": registry.ENROL_S}, 201)

    async def listed(self, request: Request) -> Response:
        """Identities and names of all that are not revoked."""
        await self._who(request)
        rows = await self._house.store.run(registry.everyone)
        return JSONResponse({"devices": [{"id": one, "name": name} for one, name in rows]})

    async def revoke(self, request: Request) -> Response:
        """Its key is good no more, and its link is cut wherever it is. Refused (404) for one that is not there."""
        who, device = await self._who(request), request.path_params["device"]
        now = self._house.now()
        known = await self._house.store.run(lambda db: registry.known(db, device))
        if known is None or known.revoked:
            raise Refused(404, "no_such_device", "There is no such device.")
        await self._house.store.run(lambda db: registry.revoke(db, device, now))
        self._house.audit.note(who, "device_revoked", device)
        await self._house.bus.spread("revoked", device)
        return JSONResponse({"ok": True})
