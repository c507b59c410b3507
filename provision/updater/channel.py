"""A channel: what a signed channel.json on a web server offers to this device. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .errors import Refused
from .manifest import PATH, SHA256, head, when, whole

CHANNEL = "channel.json"
MOST_BYTES = 256 << 10


@dataclass(frozen=True)
class Offer:
    """One bundle, and how many of a hundred devices are to have it."""

    version: str
    sequence: int
    file: str
    size: int
    sha256: str
    percentage: int


@dataclass(frozen=True)
class Channel:
    """The file. `number` grows with each change; `halt` stops all that has not begun."""

    number: int
    kind: str
    created: datetime
    expires: datetime
    halt: bool
    offers: tuple[Offer, ...]


def parse(data: bytes) -> Channel:
    """Read channel.json; raises Refused."""
    try:
        said = json.loads(data)
        head(said, "channel")
        return Channel(
            whole(said["number"]), str(said["class"]), when(said["created"]), when(said["expires"]),
            said["halt"] is True, tuple(_offer(offer) for offer in said["releases"]),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise Refused(f"The channel cannot be read: {error!r}.") from None


def _offer(said: dict[str, Any]) -> Offer:
    file, sha256 = str(said["file"]), str(said["sha256"])
    if not PATH.fullmatch(file) or "/" in file or not SHA256.fullmatch(sha256):
        raise ValueError(f"not the name of a bundle: {file!r}")
    return Offer(str(said["version"]), whole(said["sequence"], 1), file, whole(said["size"], 1), sha256,
                 whole(said["percentage"]))  # fmt: skip


@dataclass(frozen=True)
class Asker:
    """The device that looks into a channel. `seen` is the highest number that it has met, `now` the best known time."""

    kind: str
    ring: int
    sequence: int
    seen: int
    now: datetime
    refused: Collection[int] = ()


def trouble(channel: Channel, asker: Asker) -> str:
    """Why nothing is to be taken from this file at all, or ""."""
    if channel.kind != asker.kind:
        return f"The channel is of class {channel.kind}, and this device takes {asker.kind}."
    if channel.number < asker.seen:
        return f"The channel file is an old one (number {channel.number}; {asker.seen} was seen)."
    if asker.now > channel.expires:
        return f"The channel file has expired, on {channel.expires:%Y-%m-%d}."
    return ""


def offered(channel: Channel, asker: Asker) -> Offer | None:
    """The newest release whose wave has reached this device: one that was off catches up, whatever lies between."""
    if channel.halt:
        return None
    fitting = [
        offer for offer in channel.offers
        if offer.sequence > asker.sequence and asker.ring < offer.percentage and offer.sequence not in asker.refused
    ]  # fmt: skip
    return max(fitting, key=lambda offer: offer.sequence, default=None)
