"""The newest bundle of a channel, for a card that has none on it."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from provision.updater import fetching, minisign, settings
from provision.updater.channel import MOST_BYTES, Asker, offered, parse, trouble
from provision.updater.decisions import CLOCK_SLACK
from provision.updater.errors import UpdateError

from .plan import Card

MOST_SIGNATURE = 4096


def newest(card: Card, url: str) -> None:
    """Into card.bundle; what has come is kept when it is cut off. Raises UpdateError."""
    keys = minisign.load_keys(card.layout.keys)
    data = fetching.small(url, MOST_BYTES)
    minisign.verify(data, fetching.small(f"{url}.minisig", MOST_SIGNATURE), keys)
    channel = parse(data)
    device = card.layout.root / "etc/machine-id"
    mine = settings.load(card.layout.etc / "update.conf", device.read_text().strip() if device.exists() else "")
    now = max(datetime.now(UTC), channel.created - CLOCK_SLACK)
    # A blank device takes what the first ring has: there is nothing that it could be spared.
    asker = Asker(mine.kind, 0, 0, 0, now)
    if why := trouble(channel, asker):
        raise UpdateError(why)
    offer = offered(channel, asker)
    if offer is None:
        target = f"{os.uname().machine}-3.{sys.version_info.minor}"
        raise UpdateError(f"The channel {url} has nothing for a new device ({target}).")
    fetching.large(fetching.beside(url, offer.file), card.bundle, offer.size, offer.sha256)
