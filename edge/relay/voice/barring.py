"""Whoever is removed or signs out while they talk is cut off, at each process: nobody has to be told."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from edge.relay.doors import allowed
from edge.relay.voice.endings import REVOKED

if TYPE_CHECKING:
    from edge.relay.voice.desk import Desk

LOOK_S = 0.5


async def bar(desk: Desk) -> None:
    """As long as it runs, the WebRTC calls of this process end with the right to have them."""
    while True:
        await asyncio.sleep(LOOK_S)
        if not desk.calls:
            continue
        whose: dict[str, tuple[str, str, str]] = {
            name: (who.kind, who.id, who.key) for name, call in desk.calls.items() for who in (call.terms.who,)
        }
        with suppress(sqlite3.Error):  # a store that is busy says nothing about them
            for name in await desk.house.store.run(partial(_barred, whose)):
                if (call := desk.calls.get(name)) is not None:
                    call.end(REVOKED)


def _barred(whose: dict[str, tuple[str, str, str]], db: sqlite3.Connection) -> list[str]:
    known = {who: allowed(db, *who) for who in set(whose.values())}
    return [name for name, who in whose.items() if not known[who]]
