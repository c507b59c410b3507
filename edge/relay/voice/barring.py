"""Whoever is removed while they talk is cut off, at each process: nobody has to be told."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from edge.relay.voice.endings import REVOKED

if TYPE_CHECKING:
    from edge.relay.voice.desk import Desk

LOOK_S = 0.5
_KNOWN = {
    "person": "SELECT 1 FROM people WHERE id = ?",
    "device": "SELECT 1 FROM devices WHERE id = ? AND revoked IS NULL",
    "client": "SELECT 1 FROM tokens WHERE kind = 'client' AND holder = ?",
}


def allowed(db: sqlite3.Connection, kind: str, holder: str) -> bool:
    """Whether there is somebody of this kind whom the doors would know."""
    return kind in _KNOWN and db.execute(_KNOWN[kind], (holder,)).fetchone() is not None


async def bar(desk: Desk) -> None:
    """As long as it runs, the WebRTC calls of this process end with the right to have them."""
    while True:
        await asyncio.sleep(LOOK_S)
        if not desk.calls:
            continue
        whose: dict[str, tuple[str, str]] = {
            name: (call.terms.who.kind, call.terms.who.id) for name, call in desk.calls.items()
        }
        with suppress(sqlite3.Error):  # a store that is busy says nothing about them
            for name in await desk.house.store.run(partial(_barred, whose)):
                if (call := desk.calls.get(name)) is not None:
                    call.end(REVOKED)


def _barred(whose: dict[str, tuple[str, str]], db: sqlite3.Connection) -> list[str]:
    known = {who: allowed(db, *who) for who in set(whose.values())}
    return [name for name, who in whose.items() if not known[who]]
