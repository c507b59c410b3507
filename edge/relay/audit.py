"""Who did what, for the owners to read: no secret, no word that was said. Kept for `KEEP_DAYS`."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from edge.relay.logs import event
from edge.relay.metrics import Metrics
from edge.relay.store.database import Store

if TYPE_CHECKING:
    from edge.relay.doors import Who

KEEP_DAYS = 180
CLEAR_EVERY = 500  # notes
MOST_WAITING = 1000  # notes
LONGEST = 200  # characters of a field

_log = logging.getLogger("edge-voice")


class Audit:
    """Notes are written in their order, behind whatever the store is doing."""

    def __init__(self, store: Store, metrics: Metrics, now: Callable[[], float] = time.time) -> None:
        self._store, self._now = store, now
        self._lost = metrics.counter("audit_lost_total", "notes that could not be written")
        self._count, self._room = 0, threading.Semaphore(MOST_WAITING)

    def note(self, who: Who | None, what: str, /, device: str | None = None, **fields: object) -> None:
        """`what` is a name such as `device_revoked`; it is also logged. Returns at once."""
        row = (
            self._now(), who.kind if who else "nobody", who.id if who else "", who.name if who else "", what, device,
            json.dumps({key: _short(value) for key, value in fields.items()}),
        )  # fmt: skip
        event(_log, logging.INFO, what, **{**fields, "who": who.id if who else None, "device": device})
        if not self._room.acquire(blocking=False):  # a flood of them; each is in the log
            self._lost.add()
            return
        clear = self._count % CLEAR_EVERY == 0
        self._count += 1

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO audit (at, kind, who, name, what, device, fields) VALUES (?,?,?,?,?,?,?)", row)
            if clear:
                db.execute("DELETE FROM audit WHERE at < ?", (row[0] - KEEP_DAYS * 86400,))

        self._store.later(write).add_done_callback(self._written)

    def _written(self, done: Future[None]) -> None:
        self._room.release()
        if not done.cancelled() and (error := done.exception()) is not None:
            self._lost.add()
            _log.error("audit_lost error=%r", error)


def entries(db: sqlite3.Connection, devices: list[str] | None, before: int, most: int) -> list[dict[str, object]]:
    """The newest first, with ids less than `before`; of these devices only, or of everything (None)."""
    which = "" if devices is None else f"AND device IN ({', '.join('?' * len(devices))})"
    rows = db.execute(
        f"SELECT id, at, kind, who, name, what, device, fields FROM audit WHERE id < ? {which} "  # noqa: S608  ? marks
        "ORDER BY id DESC LIMIT ?",
        (before, *(devices or ()), most),
    )
    return [{**dict(row), "fields": json.loads(row["fields"])} for row in rows]


def _short(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else str(value)[:LONGEST]
