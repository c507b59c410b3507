"""Devices in the database: functions of a connection, for `Store.run`."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from edge.relay.devices.proof import id_of
from edge.relay.doors import Role, Who, give_token
from edge.relay.people.repository import grant
from edge.relay.refused import Refused
from edge.relay.store import codes

TOKEN_S = 3600.0
PAIR_S = 600.0
ENROL_S = 86400.0
MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """A device that has been paired, perhaps revoked since. `transcripts`: its owner lets people read them."""

    id: str
    name: str
    public_key: bytes
    transcripts: bool
    revoked: bool


def known(db: sqlite3.Connection, device: str) -> Known | None:
    """None for one that was never here, or has been forgotten."""
    row = db.execute(
        "SELECT id, name, public_key, transcripts, revoked FROM devices WHERE id = ?", (device,)
    ).fetchone()
    if row is None:
        return None
    return Known(row["id"], row["name"], row["public_key"], bool(row["transcripts"]), row["revoked"] is not None)


def welcome(db: sqlite3.Connection, device: Known, now: float) -> str:
    """Note that it is here; a new token for it, in place of all before. Refused (403) if it was revoked meanwhile."""
    found = db.execute("UPDATE devices SET seen = ? WHERE id = ? AND revoked IS NULL", (now, device.id)).rowcount
    if not found:
        raise Refused(403, "revoked", "The device has been revoked.")
    db.execute("DELETE FROM tokens WHERE kind = 'device' AND holder = ?", (device.id,))
    return give_token(db, "device", device.id, device.name, now=now, seconds=TOKEN_S)


def renewed(db: sqlite3.Connection, device: str, name: str, now: float) -> str | None:
    """Another token, while the last one is still good; None if it has been revoked."""
    found = db.execute("UPDATE devices SET seen = ? WHERE id = ? AND revoked IS NULL", (now, device)).rowcount
    return give_token(db, "device", device, name, now=now, seconds=TOKEN_S) if found else None


def seen(db: sqlite3.Connection, device: str, now: float) -> None:
    """Note when it was here last."""
    db.execute("UPDATE devices SET seen = ? WHERE id = ?", (now, device))


# --- coming ---------------------------------------------------------------------------------------------


def offer(db: sqlite3.Connection, public_key: bytes, name: str, now: float) -> str:
    """A code for a person to type, with which they take this device; the one before is good no more."""
    device = id_of(public_key)
    codes.drop(db, "pair", device)
    code = codes.short()
    data = {"key": public_key.hex(), "name": name}
    codes.make(db, "pair", code, now=now, seconds=PAIR_S, subject=device, data=data)
    return code


def pair(db: sqlite3.Connection, code: str, who: Who, now: float) -> Known:
    """Give the device that has shown this code to somebody. Refused (404) for a code that is none."""
    found = codes.take(db, "pair", codes.typed(code), now=now)
    if found is None:
        raise Refused(404, "no_such_code", "This code is wrong, or too old. Ask the device for a new one.")
    return _added(db, bytes.fromhex(found.data["key"]), str(found.data["name"]), who.id, now)


def paired_since(db: sqlite3.Connection, device: str, since: float) -> Known | None:
    """The device, once somebody has used a code that it has shown."""
    used = db.execute(
        "SELECT 1 FROM codes WHERE kind = 'pair' AND subject = ? AND used >= ?", (device, since)
    ).fetchone()
    return known(db, device) if used is not None else None


def enrolment(db: sqlite3.Connection, who: Who, now: float) -> str:
    """A code with which one device may come by itself; it is given to `who`."""
    code = codes.long()
    codes.make(db, "enrol", code, now=now, seconds=ENROL_S, subject=f"person:{who.id}")
    return code


def enrol(db: sqlite3.Connection, code: str, public_key: bytes, name: str, now: float) -> Known:
    """Take in a device by its code. Refused (403) for a code that is none."""
    found = codes.take(db, "enrol", code, now=now)
    if found is None:
        raise Refused(403, "wrong_code", "This code is wrong, has been used, or is too old.")
    return _added(db, public_key, name, found.subject.partition(":")[2], now)


def _added(db: sqlite3.Connection, public_key: bytes, name: str, person: str, now: float) -> Known:
    """Refused (403) for a key that was revoked: such a device makes itself a new one."""
    device = id_of(public_key)
    before = known(db, device)
    if before is not None and before.revoked:
        raise Refused(403, "revoked", "This device's key has been revoked.")
    db.execute(
        "INSERT INTO devices (id, name, public_key, created) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO NOTHING", (device, name, public_key, now),
    )  # fmt: skip
    if db.execute("SELECT 1 FROM people WHERE id = ?", (person,)).fetchone() is not None:
        grant(db, person, device, Role.OWNER)
    found = known(db, device)
    assert found is not None
    return found


# --- what people see and change -------------------------------------------------------------------------


def listed(db: sqlite3.Connection, who: Who, device: str | None = None) -> list[dict[str, Any]]:
    """Those that somebody may use, by name; or one of them."""
    rows = db.execute(
        "SELECT devices.id, devices.name, coalesce(role, 'owner') AS role, created, seen, transcripts FROM devices "
        "LEFT JOIN access ON access.device = devices.id AND person = ? "
        "WHERE revoked IS NULL AND (role IS NOT NULL OR ?) AND (? IS NULL OR devices.id = ?) "
        "ORDER BY devices.name LIMIT ?", (who.id, who.owner, device, device, MOST_LISTED),
    )  # fmt: skip
    return [
        {**dict(row), "role": "owner" if who.owner else row["role"], "transcripts": bool(row["transcripts"])}
        for row in rows
    ]


def everyone(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Identity and name of every device that is not revoked."""
    rows = db.execute("SELECT id, name FROM devices WHERE revoked IS NULL ORDER BY name, id")
    return [(row["id"], row["name"]) for row in rows]


def role(db: sqlite3.Connection, person: str, device: str) -> Role | None:
    """What somebody may do with a device now: they, or it, may have been removed since they came."""
    row = db.execute(
        "SELECT owner, role FROM devices JOIN people ON people.id = ? "
        "LEFT JOIN access ON access.person = people.id AND access.device = devices.id "
        "WHERE devices.id = ? AND revoked IS NULL", (person, device),
    ).fetchone()  # fmt: skip
    if row is None:
        return None
    if row["owner"]:
        return Role.OWNER
    return Role(row["role"]) if row["role"] is not None else None


def people(db: sqlite3.Connection, device: str) -> list[dict[str, Any]]:
    """Who may use it, for its owners."""
    rows = db.execute(
        "SELECT people.id, people.name, role FROM access JOIN people ON people.id = person WHERE device = ? "
        "ORDER BY people.name", (device,),
    )  # fmt: skip
    return [dict(row) for row in rows]


def change(db: sqlite3.Connection, device: str, name: str | None, transcripts: bool | None) -> None:
    """Only what is given."""
    if name is not None:
        db.execute("UPDATE devices SET name = ? WHERE id = ?", (name, device))
    if transcripts is not None:
        db.execute("UPDATE devices SET transcripts = ? WHERE id = ?", (transcripts, device))


def revoke(db: sqlite3.Connection, device: str, now: float) -> None:
    """Its key and tokens are good no more. What is kept is the key, so that it stays so."""
    db.execute("UPDATE devices SET revoked = ?, name = '', transcripts = 0 WHERE id = ?", (now, device))
    _clear(db, device)


def forget(db: sqlite3.Connection, device: str) -> None:
    """It goes by its own wish (a reset): nothing of it is kept but the audit's notes."""
    _clear(db, device)
    db.execute("DELETE FROM usage WHERE device = ? OR who = ?", (device, device))
    db.execute("DELETE FROM devices WHERE id = ?", (device,))


def _clear(db: sqlite3.Connection, device: str) -> None:
    db.execute("DELETE FROM tokens WHERE kind = 'device' AND holder = ?", (device,))
    db.execute("DELETE FROM access WHERE device = ?", (device,))
    db.execute("DELETE FROM codes WHERE subject = ?", (device,))


def revoked_since(db: sqlite3.Connection, since: float) -> list[str]:
    """For whoever has links to cut."""
    return [row["id"] for row in db.execute("SELECT id FROM devices WHERE revoked >= ?", (since,))]
