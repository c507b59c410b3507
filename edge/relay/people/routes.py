"""What people ask about themselves and each other."""

from __future__ import annotations

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from edge.relay.asking import number, optional, text, told, wrong
from edge.relay.audit import entries
from edge.relay.doors import TICKET_S, Role, Scope, Who, give_token
from edge.relay.house import House
from edge.relay.limits import need
from edge.relay.people import links, passkeys, repository
from edge.relay.people.passwords import Passwords
from edge.relay.people.signing_in import SigningIn, person_of
from edge.relay.refused import Refused
from edge.relay.store import codes

MOST_AT_ONCE = 200  # lines of a list
ENDLESS = 2**62
TICKETS, INVITES = (1.0, 20), (0.1, 20)  # of a person: a second, and at once


def routes(house: House) -> list[BaseRoute]:
    """See edge.relay.app."""
    passwords = Passwords()
    return [*SigningIn(house, passwords).routes(), *_People(house, passwords).routes(), *_Books(house).routes()]


class _People:
    def __init__(self, house: House, passwords: Passwords) -> None:
        self._house, self._passwords = house, passwords

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/me", self.me, methods=["GET"]),
            Route("/api/password", self.password, methods=["POST"]),
            Route("/api/tickets", self.ticket, methods=["POST"]),
            Route("/api/people", self.people, methods=["GET"]),
            Route("/api/people/{person}", self.remove, methods=["DELETE"]),
            Route("/api/invites", self.invite, methods=["POST"]),
            Route("/api/passkeys", self.passkeys, methods=["GET"]),
            Route("/api/passkeys/register/begin", self.passkey_begin, methods=["POST"]),
            Route("/api/passkeys/register/finish", self.passkey_finish, methods=["POST"]),
            Route("/api/passkeys/{passkey}", self.passkey_remove, methods=["DELETE"]),
        ]

    async def me(self, request: Request) -> Response:
        """Who is signed in, what they may use, and how they would talk."""
        who = await self._house.doors.need(request)
        devices = await self._house.store.run(lambda db: _devices(db, who))
        said: dict[str, Any] = {"person": person_of(who), "devices": devices, "voice": {"way": "none", "why": "off"}}
        for about in self._house.about:
            said |= await about(who)
        return JSONResponse(said)

    async def password(self, request: Request) -> Response:
        """A new one; all other sessions of the person end."""
        who = await self._house.doors.need(request)
        await need(self._house.limits, f"login-at:{who.name.casefold()[:60]}", 0.2, 30)
        given = await told(request)
        person = await self._house.store.run(lambda db: repository.by_id(db, who.id))
        if person is None:
            raise Refused(401, "not_signed_in", "Please sign in.")
        old = optional(given, "old", 200)
        if person.password is not None and not await self._passwords.fits(old or "", person.password):
            raise Refused(403, "wrong_password", "The old password is wrong.")
        kept = await self._passwords.make(text(given, "new", 200))
        session = codes.digest(request.cookies.get(self._house.doors.cookie, ""))

        def write(db: sqlite3.Connection) -> None:
            db.execute("UPDATE people SET password = ? WHERE id = ?", (kept, who.id))
            db.execute("DELETE FROM sessions WHERE person = ? AND hash <> ?", (who.id, session))

        await self._house.store.run(write)
        self._house.audit.note(who, "password_changed")
        return JSONResponse({"ok": True})

    async def ticket(self, request: Request) -> Response:
        """For one WebSocket, whose address it goes into."""
        who = await self._house.doors.need(request)
        await need(self._house.limits, f"ticket:{who.id}", *TICKETS)
        path = text(await told(request), "path", 200)
        if not path.startswith("/"):
            raise wrong("path must begin with /.")
        return JSONResponse({"ticket": await self._house.doors.ticket(who, path), "seconds": TICKET_S}, 201)

    async def people(self, request: Request) -> Response:
        """All of them, for the relay's owner."""
        await self._house.doors.need(request, owner=True)
        return JSONResponse({"people": await self._house.store.run(repository.everyone)})

    async def remove(self, request: Request) -> Response:
        """Somebody else by the owner, or oneself."""
        who = await self._house.doors.need(request)
        person = request.path_params["person"]
        if not who.owner and person != who.id:
            raise Refused(404, "no_such_person", "There is no such person.")
        if not await self._house.store.run(lambda db: repository.remove(db, person)):
            raise Refused(404, "no_such_person", "There is no such person.")
        self._house.audit.note(who, "person_removed", person=person)
        return JSONResponse({"ok": True})

    async def invite(self, request: Request) -> Response:
        """To a device by one of its owners; to the relay by its owner."""
        given = await told(request)
        role, device = given.get("role", "viewer"), optional(given, "device", 100)
        if role not in set(Role):
            raise wrong("role must be viewer or owner.")
        who = await self._house.doors.need(request, device=device, role=Role.OWNER, owner=device is None)
        await need(self._house.limits, f"invite:{who.id}", *INVITES)
        code, now = codes.long(), self._house.now()
        data = {"role": role, **({"device": device} if device else {})}
        await self._house.store.run(
            lambda db: codes.make(
                db, "invite", code, now=now, seconds=links.INVITE_S, subject=f"person:{who.id}", data=data
            )
        )
        self._house.audit.note(who, "invited", device, role=role)
        return JSONResponse({"link": links.invite_link(self._house.origins.own, code), "seconds": links.INVITE_S}, 201)

    # --- passkeys -----------------------------------------------------------------------------------------

    async def passkeys(self, request: Request) -> Response:
        """One's own."""
        who = await self._house.doors.need(request)
        return JSONResponse({"passkeys": await self._house.store.run(lambda db: passkeys.of(db, who.id))})

    async def passkey_begin(self, request: Request) -> Response:
        """What the browser is to make."""
        who = await self._house.doors.need(request)
        at, now = passkeys.place(request.headers.get("origin", "")), self._house.now()

        def begin(db: sqlite3.Connection) -> dict[str, Any]:
            person = repository.by_id(db, who.id)
            if person is None:
                raise Refused(401, "not_signed_in", "Please sign in.")
            return passkeys.begin_register(db, at, person, now)

        return JSONResponse(await self._house.store.run(begin))

    async def passkey_finish(self, request: Request) -> Response:
        """What it has made."""
        who = await self._house.doors.need(request)
        given, at = await told(request), passkeys.place(request.headers.get("origin", ""))
        label, now = optional(given, "label", 60) or "passkey", self._house.now()
        await self._house.store.run(
            lambda db: passkeys.finish_register(db, at, who.id, given.get("credential"), label=label, now=now)
        )
        self._house.audit.note(who, "passkey_added")
        return JSONResponse({"ok": True}, 201)

    async def passkey_remove(self, request: Request) -> Response:
        """One of one's own."""
        who = await self._house.doors.need(request)
        passkey = request.path_params["passkey"]
        if not await self._house.store.run(lambda db: passkeys.remove(db, who.id, passkey)):
            raise Refused(404, "no_such_passkey", "There is no such passkey.")
        self._house.audit.note(who, "passkey_removed")
        return JSONResponse({"ok": True})


class _Books:
    """What is written down: who did what, and which programs have a token."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/audit", self.audit, methods=["GET"]),
            Route("/api/tokens", self.tokens, methods=["GET"]),
            Route("/api/tokens", self.make, methods=["POST"]),
            Route("/api/tokens/{holder}", self.revoke, methods=["DELETE"]),
        ]

    async def audit(self, request: Request) -> Response:
        """All for the relay's owner; for others, of the devices that they own."""
        who = await self._house.doors.need(request)
        before = number(request, "before", ENDLESS, ENDLESS)
        most = number(request, "most", 100, MOST_AT_ONCE)

        def look(db: sqlite3.Connection) -> list[dict[str, object]]:
            own = [row["device"] for row in repository.roles(db, who.id) if row["role"] == Role.OWNER]
            return entries(db, None if who.owner else own[:500], before, most)

        return JSONResponse({"entries": await self._house.store.run(look)})

    async def tokens(self, request: Request) -> Response:
        """Of programs; nobody can read the tokens themselves."""
        await self._house.doors.need(request, owner=True)

        def look(db: sqlite3.Connection) -> list[dict[str, object]]:
            rows = db.execute(
                "SELECT holder AS id, name, created, scope FROM tokens WHERE kind = 'client' ORDER BY created"
            )
            return [dict(row) for row in rows]

        return JSONResponse({"tokens": await self._house.store.run(look)})

    async def make(self, request: Request) -> Response:
        """A new one, shown this once."""
        who = await self._house.doors.need(request, owner=True)
        given = await told(request)
        name, holder, now = repository.tidy(given.get("name")), repository.new_id(), self._house.now()
        scope = scope_of(given.get("scope", ""))
        token = await self._house.store.run(
            lambda db: give_token(db, "client", holder, name, now=now, seconds=None, scope=scope)
        )
        self._house.audit.note(who, "token_made", name=name, scope=scope)
        return JSONResponse({"token": token, "id": holder}, 201)

    async def revoke(self, request: Request) -> Response:
        """Good no more from the next request on."""
        who = await self._house.doors.need(request, owner=True)
        holder = request.path_params["holder"]
        gone = await self._house.store.run(
            lambda db: db.execute("DELETE FROM tokens WHERE kind = 'client' AND holder = ?", (holder,)).rowcount
        )
        if not gone:
            raise Refused(404, "no_such_token", "There is no such token.")
        self._house.audit.note(who, "token_revoked", token=holder)
        return JSONResponse({"ok": True})


def scope_of(given: object) -> Scope:
    """What a token is for: "" for talking, "enrol" for a fleet's program. Refused (400) for anything else."""
    if given == "enrol":
        return "enrol"
    if given != "":
        raise wrong('scope must be "" or "enrol".')
    return ""


def _devices(db: sqlite3.Connection, who: Who) -> list[dict[str, object]]:
    """Those that somebody may use, by name."""
    rows = db.execute(
        "SELECT devices.id, devices.name, coalesce(role, 'owner') AS role FROM devices "
        "LEFT JOIN access ON access.device = devices.id AND person = ? "
        "WHERE revoked IS NULL AND (role IS NOT NULL OR ?) ORDER BY devices.name LIMIT 1000", (who.id, who.owner),
    )  # fmt: skip
    return [{**dict(row), "role": "owner" if who.owner else row["role"]} for row in rows]
