"""People in the database: functions of a connection, for `Store.run`."""

from __future__ import annotations

import secrets
import sqlite3
import unicodedata
from dataclasses import dataclass

from edge.relay.doors import Role, Who
from edge.relay.refused import Refused

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Person:
    """`password` is what passwords.py makes of one; None for somebody who has only passkeys."""

    id: str
    name: str
    owner: bool
    password: str | None
    created: float

    @property
    def who(self) -> Who:
        """As the doors see them."""
        return Who("person", self.id, self.name, self.owner)


def new_id() -> str:
    """Of a person or a program: 80 bits."""
    return secrets.token_hex(10)


def tidy(name: object) -> str:
    """A name as it is kept: one form of each letter, no signs that cannot be seen. Refused (422) if none is left."""
    text = unicodedata.normalize("NFKC", name) if isinstance(name, str) else ""
    text = " ".join("".join(c for c in text if c.isprintable()).split())
    if not text or len(text) > LONGEST_NAME:
        raise Refused(422, "wrong_name", f"A name has 1 to {LONGEST_NAME} characters.")
    return text


def has_owner(db: sqlite3.Connection) -> bool:
    """Whether anybody can sign in who owns the relay."""
    return db.execute("SELECT 1 FROM people WHERE owner LIMIT 1").fetchone() is not None


def add(db: sqlite3.Connection, name: str, *, owner: bool, password: str | None, now: float) -> Person:
    """Refused (409) when somebody has this name."""
    person = Person(new_id(), name, owner, password, now)
    try:
        db.execute(
            "INSERT INTO people (id, name, owner, password, created) VALUES (?, ?, ?, ?, ?)",
            (person.id, name, owner, password, now),
        )
    except sqlite3.IntegrityError:
        raise Refused(409, "name_taken", "Somebody has this name already. Please choose another.") from None
    return person


def named(db: sqlite3.Connection, name: str) -> Person | None:
    """Small and capital letters are the same."""
    return _person(db.execute("SELECT * FROM people WHERE name = ?", (name,)).fetchone())


def by_id(db: sqlite3.Connection, person: str) -> Person | None:
    """None for somebody who is gone."""
    return _person(db.execute("SELECT * FROM people WHERE id = ?", (person,)).fetchone())


def everyone(db: sqlite3.Connection) -> list[dict[str, object]]:
    """For the owner's list: also which devices they may use, and when they were here last."""
    rows = db.execute(
        "SELECT id, name, owner, created, (SELECT max(seen) FROM sessions WHERE person = people.id) AS seen, "
        "(SELECT count(*) FROM passkeys WHERE person = people.id) AS passkeys, password IS NOT NULL AS password "
        "FROM people ORDER BY name"
    ).fetchall()
    return [
        {**dict(row), "owner": bool(row["owner"]), "password": bool(row["password"]),
         "devices": {one["device"]: one["role"] for one in roles(db, row["id"])}}
        for row in rows
    ]  # fmt: skip


def roles(db: sqlite3.Connection, person: str) -> list[sqlite3.Row]:
    """Device and role, of devices that are not revoked."""
    return db.execute(
        "SELECT device, role FROM access JOIN devices ON devices.id = device AND revoked IS NULL WHERE person = ?",
        (person,),
    ).fetchall()


def grant(db: sqlite3.Connection, person: str, device: str, role: Role) -> None:
    """Let a person use a device; what they had before is replaced unless it was more."""
    db.execute(
        "INSERT INTO access (person, device, role) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET role = excluded.role "
        "WHERE role = 'viewer'", (person, device, str(role)),
    )  # fmt: skip


def remove(db: sqlite3.Connection, person: str) -> bool:
    """With their sessions, passkeys and rights. Refused (409) for the last owner."""
    row = by_id(db, person)
    if row is None:
        return False
    others = db.execute("SELECT count(*) FROM people WHERE owner AND id <> ?", (person,)).fetchone()[0]
    if row.owner and not others:
        raise Refused(409, "last_owner", "The last owner cannot be removed.")
    db.execute("DELETE FROM codes WHERE subject = ?", (f"person:{person}",))
    db.execute("DELETE FROM people WHERE id = ?", (person,))
    return True


def _person(row: sqlite3.Row | None) -> Person | None:
    if row is None:
        return None
    return Person(row["id"], row["name"], bool(row["owner"]), row["password"], row["created"])
