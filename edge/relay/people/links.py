"""Links that make somebody: the owner's at set-up, and invitations. What is secret stands behind the #.

A browser does not send that part, so it is in no log of a server or a proxy.
"""

from __future__ import annotations

import sqlite3
import time

from edge.relay.store import codes
from edge.relay.store.database import Store

SETUP_S = 86400.0
INVITE_S = 7 * 86400.0


def setup_link(store: Store, own: str) -> str:
    """A new one; those before are good no more. Whoever follows it becomes an owner of the relay."""
    code = codes.long()

    def write(db: sqlite3.Connection) -> None:
        codes.drop(db, "setup")
        codes.make(db, "setup", code, now=time.time(), seconds=SETUP_S)

    store.do(write)
    return f"{own}/#setup={code}"


def invite_link(own: str, code: str) -> str:
    """For whoever is to come."""
    return f"{own}/#invite={code}"
