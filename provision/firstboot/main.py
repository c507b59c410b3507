"""`edge-voice-first-boot`: carries the plan out, or goes on where it was cut off; `host-key` and `status` besides."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from provision.updater.errors import UpdateError
from provision.updater.layout import Layout
from provision.updater.service import command

from . import hostkey
from .plan import Card
from .steps import FirstBoot, Later

JITTER_S = 60.0  # a hundred devices that are switched on together do not ask at the same moment


def main(argv: Sequence[str], card: Card | None = None) -> int:
    """Returns the exit code: 1 when something failed, and is to be tried again."""
    card = card or Card(Layout())
    words = " ".join(argv)
    try:
        if words == "host-key":
            hostkey.make(card.layout.root)
        elif words == "status":
            print(card.status())
        elif words:
            print("edge-voice-first-boot [host-key | status]", file=sys.stderr)
            return 2
        else:
            FirstBoot(card, command, print).go()
    except (UpdateError, OSError) as error:
        print(f"edge-voice-first-boot: {error}", file=sys.stderr)
        if isinstance(error, Later) and card.layout.root == Path("/"):
            time.sleep(random.uniform(0, JITTER_S))  # noqa: S311  no secret
        return 1
    return 0
