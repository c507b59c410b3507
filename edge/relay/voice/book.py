"""The calls under way, in the store: what a relay that dies leaves behind is ended by the next one.

`until` is a lease, not the end of the call: the process that minds it puts it off every few seconds. Functions of a
connection, for `Store.run`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

LEASE_S = 15.0
RENEW_S = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """`who` is "person:ID"; `started` by the wall's clock."""

    call: str
    who: str
    started: float
    node: str


def enter(db: sqlite3.Connection, entry: Entry, now: float) -> None:
    """A call has begun."""
    db.execute(
        "INSERT OR REPLACE INTO calls (call_id, who, started, until, node) VALUES (?, ?, ?, ?, ?)",
        (entry.call, entry.who, entry.started, now + LEASE_S, entry.node),
    )


def leave(db: sqlite3.Connection, call: str, node: str) -> None:
    """It is over, unless another process minds it now."""
    db.execute("DELETE FROM calls WHERE call_id = ? AND node = ?", (call, node))


def find(db: sqlite3.Connection, call: str) -> Entry | None:
    """One that is under way."""
    row = db.execute("SELECT call_id, who, started, node FROM calls WHERE call_id = ?", (call,)).fetchone()
    return Entry(*row) if row is not None else None


def renew(db: sqlite3.Connection, node: str, now: float) -> frozenset[str]:
    """Put off the end of a process' own; which those are."""
    db.execute("UPDATE calls SET until = ? WHERE node = ?", (now + LEASE_S, node))
    return frozenset(row[0] for row in db.execute("SELECT call_id FROM calls WHERE node = ?", (node,)))


def adopt(db: sqlite3.Connection, call: str, node: str, now: float) -> None:
    """It is another process' from now on: the one that its page has come to."""
    db.execute("UPDATE calls SET node = ?, until = ? WHERE call_id = ?", (node, now + LEASE_S, call))


def orphans(db: sqlite3.Connection, now: float, *, everyone: bool) -> list[str]:
    """Calls that nobody minds, which are taken out: the caller ends them. `everyone`: there is no other process."""
    rows = db.execute("DELETE FROM calls WHERE until < ? OR ? RETURNING call_id", (now, everyone)).fetchall()
    return [row[0] for row in rows]
