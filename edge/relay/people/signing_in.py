"""How somebody becomes known: set-up, invitation, password, passkey; and how they leave again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from edge.relay.addresses import key
from edge.relay.asking import optional, text, told, wrong
from edge.relay.doors import SESSION_S, Role, Who
from edge.relay.guard import address
from edge.relay.house import House
from edge.relay.limits import need
from edge.relay.people import passkeys, repository
from edge.relay.people.passwords import Passwords, check
from edge.relay.people.repository import Person, tidy
from edge.relay.refused import Refused
from edge.relay.store import codes

# Attempts: from an address, and at one name from wherever (an owner must not be locked out by others for long).
FROM_ADDRESS, AT_NAME = (0.2, 10), (0.2, 30)
WRONG = "The name or the password is wrong."


class SigningIn:
    """The requests of somebody who is not known yet."""

    def __init__(self, house: House, passwords: Passwords) -> None:
        self._house, self._passwords = house, passwords

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/api/setup", self.setup, methods=["POST"]),
            Route("/api/login", self.login, methods=["POST"]),
            Route("/api/logout", self.logout, methods=["POST"]),
            Route("/api/invites/accept", self.accept, methods=["POST"]),
            Route("/api/passkeys/login/begin", self.passkey_begin, methods=["POST"]),
            Route("/api/passkeys/login/finish", self.passkey_finish, methods=["POST"]),
        ]

    async def setup(self, request: Request) -> Response:
        """Whoever has the link that the relay has printed becomes its owner."""
        await self._may_try(request)
        given = await told(request)
        code, name, password = text(given, "code"), tidy(given.get("name")), optional(given, "password")
        now, kept = self._house.now(), await self._kept(password, lambda db: self._peeked(db, "setup", code))

        def write(db: sqlite3.Connection) -> Person:
            self._taken(db, "setup", code)
            return repository.add(db, name, owner=True, password=kept, now=now)

        return await self._welcome(await self._house.store.run(write), "owner_set_up", 201)

    async def accept(self, request: Request) -> Response:
        """An invitation makes a person, or gives somebody who is signed in more."""
        await self._may_try(request)
        given = await told(request)
        code = text(given, "code")
        if (here := await self._house.doors.who(request)) is not None and here.kind == "person":
            await self._house.store.run(lambda db: self._granted(db, code, here.id))
            self._house.audit.note(here, "invite_accepted")
            return JSONResponse({"person": person_of(here)})
        name, password = tidy(given.get("name")), optional(given, "password")
        now, kept = self._house.now(), await self._kept(password, lambda db: self._peeked(db, "invite", code))

        def write(db: sqlite3.Connection) -> Person:
            added = repository.add(db, name, owner=False, password=kept, now=now)
            return self._granted(db, code, added.id)

        return await self._welcome(await self._house.store.run(write), "invite_accepted", 201)

    async def login(self, request: Request) -> Response:
        """By name and password. One answer for all that can be wrong."""
        await self._may_try(request)
        given = await told(request)
        name, password = text(given, "name", 200), text(given, "password", 200)
        await need(self._house.limits, f"login-at:{name.casefold()[:60]}", *AT_NAME)
        person = await self._house.store.run(lambda db: repository.named(db, name))
        if not await self._passwords.fits(password, person.password if person else None) or person is None:
            self._house.audit.note(None, "login_failed", address=address(request.scope))
            raise Refused(401, "wrong_password", WRONG)
        return await self._welcome(person, "login")

    async def logout(self, request: Request) -> Response:
        """The session ends here and now."""
        who = await self._house.doors.who(request)
        await self._house.doors.end_session(request)
        if who is not None:
            self._house.audit.note(who, "logout")
        answer = JSONResponse({"ok": True})
        self._set_cookie(answer, "", 0)
        return answer

    async def passkey_begin(self, request: Request) -> Response:
        """What the browser asks its passkeys."""
        await self._may_try(request)
        at, now = passkeys.place(request.headers.get("origin", "")), self._house.now()
        return JSONResponse(await self._house.store.run(lambda db: passkeys.begin_login(db, at, now)))

    async def passkey_finish(self, request: Request) -> Response:
        """What they have answered."""
        await self._may_try(request)
        given, at = await told(request), passkeys.place(request.headers.get("origin", ""))
        now = self._house.now()
        person = await self._house.store.run(lambda db: passkeys.finish_login(db, at, given.get("credential"), now))
        return await self._welcome(person, "login_passkey")

    # --- shared -------------------------------------------------------------------------------------------

    async def _may_try(self, request: Request) -> None:
        await need(self._house.limits, f"login:{key(address(request.scope))}", *FROM_ADDRESS)

    async def _kept(self, password: str | None, first: Callable[[sqlite3.Connection], None]) -> str | None:
        """What is kept of the password; the code is looked at first, since a password costs."""
        if password is not None:
            check(password)
        await self._house.store.run(first)
        return await self._passwords.make(password) if password is not None else None

    def _peeked(self, db: sqlite3.Connection, kind: str, code: str) -> None:
        if codes.peek(db, kind, code, now=self._house.now()) is None:
            raise _no_code()

    def _taken(self, db: sqlite3.Connection, kind: str, code: str) -> codes.Code:
        found = codes.take(db, kind, code, now=self._house.now())
        if found is None:
            raise _no_code()
        return found

    def _granted(self, db: sqlite3.Connection, code: str, person: str) -> Person:
        invite = self._taken(db, "invite", code)
        device, role = invite.data.get("device"), invite.data.get("role")
        if device is not None:
            if db.execute("SELECT 1 FROM devices WHERE id = ? AND revoked IS NULL", (device,)).fetchone() is None:
                raise _no_code()
            repository.grant(db, person, device, Role(str(role)))
        elif role == "owner":
            db.execute("UPDATE people SET owner = 1 WHERE id = ?", (person,))
        found = repository.by_id(db, person)
        if found is None:
            raise wrong("There is no such person.")
        return found

    async def _welcome(self, person: Person, what: str, status: int = 200) -> Response:
        """Signed in, with a new session."""
        session = await self._house.doors.session(person.id)
        self._house.audit.note(person.who, what)
        answer = JSONResponse({"person": person_of(person.who)}, status)
        self._set_cookie(answer, session, int(SESSION_S))
        return answer

    def _set_cookie(self, answer: Response, session: str, seconds: int) -> None:
        doors = self._house.doors
        answer.set_cookie(
            doors.cookie, session, max_age=seconds, path="/", secure=doors.secure, httponly=True, samesite="strict"
        )


def person_of(who: Who) -> dict[str, Any]:
    """As the page shows somebody."""
    return {"id": who.id, "name": who.name, "owner": who.owner}


def _no_code() -> Refused:
    return Refused(403, "wrong_code", "This link is not good any more. Please ask for a new one.")
