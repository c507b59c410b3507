"""What is done, and why not. Pure: facts in, a decision out; nothing here reads a clock, a file or the network."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum

from .manifest import Manifest

RINGS = 100
KEPT = 3
BOOTS = 2  # this many boots of an uncommitted trial, and it goes back
SPARE_BYTES = 64 << 20  # beside what is unpacked
CLOCK_SLACK = timedelta(days=1)  # a build machine's clock may be ahead


@dataclass(frozen=True)
class Facts:
    """A device, as far as an update is concerned. `now` is its clock, `known` a time that has surely passed."""

    kind: str
    target: str
    sequence: int
    now: datetime
    known: datetime
    free_bytes: int
    refused: Collection[int] = field(default=())


def latest(facts: Facts, manifest: Manifest) -> datetime:
    """The best that is known of the time: a clock without a battery may say 1970, but what has been signed exists."""
    return max(facts.now, facts.known, manifest.created - CLOCK_SLACK)


def refusal(facts: Facts, manifest: Manifest) -> str:
    """Why a bundle that is rightly signed is not for this device now, or ""."""
    if manifest.kind != facts.kind:
        return f"The bundle is of class {manifest.kind}, and this device takes {facts.kind}."
    if facts.target not in manifest.targets:
        return f"The bundle is for {', '.join(sorted(manifest.targets))}; this device is {facts.target}."
    if manifest.sequence <= facts.sequence:
        return f"The bundle (sequence {manifest.sequence}) is not newer than what is installed ({facts.sequence})."
    if manifest.sequence in facts.refused:
        return f"Sequence {manifest.sequence} has failed on this device before, and is not tried again."
    if latest(facts, manifest) > manifest.expires:
        return f"The bundle has expired, on {manifest.expires:%Y-%m-%d}."
    return ""


def no_room(need_bytes: int, free_bytes: int) -> str:
    """Why what is unpacked does not fit, or ""."""
    need = need_bytes + SPARE_BYTES
    if need <= free_bytes:
        return ""
    return f"The disk has {free_bytes >> 20} MB free, and {need >> 20} MB are needed."


def in_window(window: tuple[time, time] | None, now: time) -> bool:
    """Whether an update may interrupt; a window such as 23:00-04:00 goes over midnight."""
    if window is None:
        return True
    begin, end = window
    return begin <= now < end if begin <= end else now >= begin or now < end


def ring_of(device: str) -> int:
    """0 to 99, the same for ever, and spread evenly over devices."""
    return int.from_bytes(hashlib.sha256(device.encode()).digest()[:8], "big") % RINGS


# ---- a trial -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """What trial.json says. `earlier`: where `previous` led before.

    `worked`: what worked with the release before, see health.Before.
    """

    origin: str
    target: str
    sequence: int
    earlier: str = ""
    boots: int = 0
    started: float = 0.0
    worked: tuple[str, ...] = ()


class Next(StrEnum):
    """What is to be done about a trial that nobody is minding."""

    NOTHING = "nothing"  # there is none
    FORGET = "forget"  # it had not begun
    WATCH = "watch"  # go on with its health
    BACK = "back"


def resume(trial: Trial | None, current: str, refused: Collection[int], *, booting: bool = False) -> Next:
    """After the updater or the device has died at any point."""
    if trial is None:
        return Next.NOTHING
    if trial.sequence in refused:
        return Next.BACK  # it was going back
    if current != trial.target:
        return Next.FORGET
    return Next.BACK if booting and trial.boots + 1 >= BOOTS else Next.WATCH


def surplus(names: Sequence[tuple[int, str]], current: str, previous: str) -> list[str]:
    """The releases to remove: the newest are kept beside the two that are in use. `names` is (sequence, name)."""
    kept = {current, previous} - {""}
    for _, name in sorted(names, reverse=True):
        if len(kept) < KEPT:
            kept.add(name)
    return [name for _, name in names if name not in kept]
