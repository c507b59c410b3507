"""Who is asking, and what they may: sessions of people, tokens of devices and of programs, tickets for a socket."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from starlette.requests import HTTPConnection

from edge.relay.origins import Origins
from edge.relay.refused import Refused
from edge.relay.store import codes
from edge.relay.store.database import Store

Kind = Literal["person", "device", "client", "fleet"]
Scope = Literal["", "enrol"]

SESSION_S = 30 * 86400.0
SEEN_S = 300.0  # how exactly it is kept when somebody was here last
TICKET_S = 30.0
PREFIXES: dict[str, Kind] = {"evc_": "client", "evd_": "device"}
LONGEST = 200  # characters of a secret that is looked up
_KNOWN = {
    "person": "SELECT 1 FROM people WHERE id = ?",
    "device": "SELECT 1 FROM devices WHERE id = ? AND revoked IS NULL",
    "client": "SELECT 1 FROM tokens WHERE kind = 'client' AND holder = ?",
}
_HOLDS = {
    "person": "SELECT 1 FROM sessions WHERE hash = ?",
    "client": "SELECT 1 FROM tokens WHERE hash = ?",
}


class Role(StrEnum):
    """What a person may do with a device: watch it, or all."""

    VIEWER = "viewer"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Who:
    """`owner`: of the relay, and so of all its devices. A client is a program with an API token.

    A fleet is one whose token has the scope "enrol": it adds and revokes devices, and does nothing else. `key` is the
    hash of the session or the token that they came with: what was begun with it ends with it.
    """

    kind: Kind
    id: str
    name: str
    owner: bool = False
    key: str = field(default="", compare=False, repr=False)


class Doors:
    """Answers are not kept beyond a request: what is revoked is over with the next one."""

    def __init__(self, store: Store, origins: Origins, now: Callable[[], float] = time.time) -> None:
        self._store, self._now = store, now
        # A browser lets a name with __Host- be set only over TLS, without a Domain: no neighbour can plant one.
        self.cookie = "__Host-edge-voice" if origins.secure else "edge-voice"
        self.secure = origins.secure

    async def who(self, connection: HTTPConnection) -> Who | None:
        """By `Authorization: Bearer`, by `?ticket=` on a WebSocket, or by the session's cookie; None for nobody.

        A credential that is given and no good is not made up for by another.
        """
        given = connection.headers.get("authorization")
        if given is not None:
            scheme, _, token = given.partition(" ")
            return await self._by_token(token.strip()) if scheme.lower() == "bearer" else None
        is_socket = connection.scope["type"] == "websocket"
        ticket = connection.query_params.get("ticket")
        if is_socket and ticket is not None:
            return await self._by_ticket(ticket, connection.scope["path"])
        if is_socket and "origin" not in connection.headers:  # then nobody has looked which page it came from
            return None
        cookie = connection.cookies.get(self.cookie)
        return await self._by_session(cookie) if cookie else None

    async def need(
        self, connection: HTTPConnection, *, kind: Kind | tuple[Kind, ...] = "person", device: str | None = None,
        role: Role | None = None, owner: bool = False,
    ) -> Who:  # fmt: skip
        """Somebody of this kind, with this role (at least a viewer's) for the device; `owner`: of the relay.

        Refused otherwise, for a WebSocket before it is accepted: 401 for nobody, 404 for a device that is not theirs.
        """
        who = await self.who(connection)
        if who is None:
            raise Refused(401, "not_signed_in", "Please sign in.")
        if who.kind not in ((kind,) if isinstance(kind, str) else kind):
            raise Refused(403, "not_for_you", f"This is not for a {who.kind}.")
        if owner and not who.owner:
            raise Refused(403, "owners_only", "Only the relay's owner may do that.")
        if device is not None:
            await self.need_device(who, device, role or Role.VIEWER)
        return who

    async def need_device(self, who: Who, device: str, role: Role) -> None:
        """Refused unless the person has this role for it, or it is the device itself."""
        has = await self.role(who, device)
        if has is None:
            raise Refused(404, "no_such_device", "There is no such device.")
        if role is Role.OWNER and has is not Role.OWNER:
            raise Refused(403, "owners_only", "Only an owner of this device may do that.")

    async def role(self, who: Who, device: str) -> Role | None:
        """What they may do with a device that exists and is not revoked; None for nothing."""

        def look(db: sqlite3.Connection) -> Role | None:
            if db.execute("SELECT 1 FROM devices WHERE id = ? AND revoked IS NULL", (device,)).fetchone() is None:
                return None
            if who.owner or (who.kind, who.id) == ("device", device):
                return Role.OWNER
            if who.kind != "person":
                return None
            row = db.execute("SELECT role FROM access WHERE person = ? AND device = ?", (who.id, device)).fetchone()
            return Role(row["role"]) if row is not None else None

        return await self._store.run(look)

    # --- what is given out ------------------------------------------------------------------------------

    async def ticket(self, who: Who, path: str) -> str:
        """For one WebSocket at `path`, within `TICKET_S`."""
        ticket = codes.long()
        subject, data = f"{who.kind}:{who.id}", {"path": path, "key": who.key}
        await self._store.run(
            lambda db: codes.make(db, "ticket", ticket, now=self._now(), seconds=TICKET_S, subject=subject, data=data)
        )
        return ticket

    async def token(self, kind: Kind, holder: str, name: str, seconds: float | None = None) -> str:
        """A device's (evd_), or a program's (evc_); `seconds` None for until it is revoked."""
        return await self._store.run(lambda db: give_token(db, kind, holder, name, now=self._now(), seconds=seconds))

    async def session(self, person: str) -> str:
        """What the cookie holds."""
        secret = codes.long()
        now = self._now()

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM sessions WHERE expires < ?", (now,))
            db.execute(
                "INSERT INTO sessions (hash, person, created, seen, expires) VALUES (?, ?, ?, ?, ?)",
                (codes.digest(secret), person, now, now, now + SESSION_S),
            )

        await self._store.run(write)
        return secret

    async def end_session(self, connection: HTTPConnection) -> None:
        """The one that the request's cookie is of."""
        cookie = connection.cookies.get(self.cookie, "")[:LONGEST]
        await self._store.run(lambda db: db.execute("DELETE FROM sessions WHERE hash = ?", (codes.digest(cookie),)))

    # --- looking up ---------------------------------------------------------------------------------------

    async def _by_session(self, cookie: str) -> Who | None:
        now, key = self._now(), codes.digest(cookie[:LONGEST])

        def look(db: sqlite3.Connection) -> Who | None:
            row = db.execute(
                "SELECT people.id, name, owner, seen FROM sessions JOIN people ON people.id = sessions.person "
                "WHERE hash = ? AND expires > ?", (key, now),
            ).fetchone()  # fmt: skip
            if row is None:
                return None
            if now - row["seen"] > SEEN_S:
                db.execute("UPDATE sessions SET seen = ? WHERE hash = ?", (now, key))
            return Who("person", row["id"], row["name"], bool(row["owner"]), key)

        return await self._store.run(look)

    async def _by_token(self, token: str) -> Who | None:
        kind = PREFIXES.get(token[:4])
        if kind is None or len(token) > LONGEST:
            return None
        return await self._store.run(lambda db: _token_holder(db, kind, token, self._now()))

    async def _by_ticket(self, ticket: str, path: str) -> Who | None:
        def use(db: sqlite3.Connection) -> Who | None:
            code = codes.take(db, "ticket", ticket[:LONGEST], now=self._now())
            if code is None or code.data["path"] != path:
                return None
            kind, _, name = code.subject.partition(":")
            row = db.execute("SELECT id, name, owner FROM people WHERE id = ?", (name,)).fetchone()
            if row is None or kind != "person":
                return None
            return Who("person", row["id"], row["name"], bool(row["owner"]), str(code.data.get("key", "")))

        return await self._store.run(use)


def give_token(  # noqa: PLR0913  a row
    db: sqlite3.Connection, kind: Kind, holder: str, name: str, *, now: float, seconds: float | None, scope: Scope = ""
) -> str:
    """Write down a new token; returns it, once and for all."""
    prefix = next(prefix for prefix, one in PREFIXES.items() if one == kind)
    token = prefix + secrets.token_urlsafe(32)
    db.execute("DELETE FROM tokens WHERE expires < ?", (now,))
    db.execute(
        "INSERT INTO tokens (hash, kind, holder, name, created, expires, scope) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (codes.digest(token), kind, holder, name, now, None if seconds is None else now + seconds, scope),
    )
    return token


def _token_holder(db: sqlite3.Connection, kind: Kind, token: str, now: float) -> Who | None:
    key = codes.digest(token)
    row = db.execute(
        "SELECT holder, name, scope FROM tokens WHERE hash = ? AND kind = ? AND (expires IS NULL OR expires > ?)",
        (key, kind, now),
    ).fetchone()
    if row is None:
        return None
    if kind == "client":
        return Who("fleet" if row["scope"] == "enrol" else "client", row["holder"], row["name"], key=key)
    device = db.execute("SELECT name FROM devices WHERE id = ? AND revoked IS NULL", (row["holder"],)).fetchone()
    return Who("device", row["holder"], device["name"]) if device is not None else None


def allowed(db: sqlite3.Connection, kind: str, holder: str, key: str = "") -> bool:
    """Whether the doors would still know somebody of this kind, who came with this key (see Who).

    A device's token is renewed while it talks, so its key says nothing.
    """
    if kind not in _KNOWN or db.execute(_KNOWN[kind], (holder,)).fetchone() is None:
        return False
    return not key or kind not in _HOLDS or db.execute(_HOLDS[kind], (key,)).fetchone() is not None
