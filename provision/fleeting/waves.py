"""Who gets an update when, and when no more get it. Pure: facts in, decisions out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

LEAST = 10  # so many must have tried it before a rate halts a wave half-way; Azure and AWS IoT count likewise


class Outcome(StrEnum):
    """What has become of a device in this update."""

    DUE = "due"
    GOOD = "good"  # it says itself that it runs the release, and has kept it
    FAILED = "failed"  # it went back, or could not be reached any more after it had begun
    PENDING = "pending"  # offline, or it is not the time: it is taken at the next run
    NEWER = "newer"  # it has a later release


@dataclass(frozen=True)
class Policy:
    """As in [update]."""

    waves: tuple[int, ...] = (10, 50, 100)
    failure_percent: float = 5.0
    canaries_needed: int = 1
    batch: int = 25  # devices that are begun together


@dataclass(frozen=True)
class Candidate:
    """A device, as far as waves are concerned."""

    name: str
    ring: int
    canary: bool = False


@dataclass(frozen=True)
class Wave:
    """Devices that may get it together."""

    title: str
    names: tuple[str, ...]
    canary: bool = False


def plan(candidates: Sequence[Candidate], policy: Policy) -> list[Wave]:
    """The canaries, then all others by ring. Without a canary, the first by ring is one."""
    order = sorted(candidates, key=lambda one: (one.ring, one.name))
    canaries = [one for one in order if one.canary] or order[:1]
    rest = [one for one in order if one not in canaries]
    found = [Wave("canary", tuple(one.name for one in canaries), canary=True)]
    low = 0
    for percent in policy.waves:
        found.append(Wave(f"{percent} %", tuple(one.name for one in rest if low <= one.ring < percent)))
        low = percent
    return [wave for wave in found if wave.names]


def batches(wave: Wave, outcomes: Mapping[str, Outcome], policy: Policy) -> list[tuple[str, ...]]:
    """Those of a wave that are due, in the order in which they are begun."""
    due = [name for name in wave.names if outcomes[name] is Outcome.DUE]
    return [tuple(due[at : at + policy.batch]) for at in range(0, len(due), policy.batch)]


def halted(wave: Wave, outcomes: Mapping[str, Outcome], policy: Policy) -> str:
    """Why nobody else may get it now, or "". Asked after each batch: the end of a wave is when none of it is due."""
    count = _count(wave.names, outcomes)
    failed, tried = count[Outcome.FAILED], count[Outcome.FAILED] + count[Outcome.GOOD]
    if wave.canary:
        return _canaries(wave, outcomes, policy)
    over = bool(count[Outcome.DUE])
    most = len(wave.names) if over and tried < LEAST else tried
    if failed * 100 > policy.failure_percent * most:
        return f"{failed} of {tried} failed in the wave {wave.title}, and {policy.failure_percent:g} % is the most."
    return ""


def _canaries(wave: Wave, outcomes: Mapping[str, Outcome], policy: Policy) -> str:
    """None of them may fail, and enough of them must have it."""
    failed = [name for name in wave.names if outcomes[name] is Outcome.FAILED]
    if failed:
        return f"{', '.join(failed)} failed, and of the canaries none may."
    if any(outcomes[name] is Outcome.DUE for name in wave.names):
        return ""
    good = [name for name in wave.names if outcomes[name] in {Outcome.GOOD, Outcome.NEWER}]
    needed = min(policy.canaries_needed, len(wave.names))
    if len(good) < needed:
        away = [name for name in wave.names if name not in good]
        return f"{len(good)} of {needed} canaries have it; {', '.join(away)}: pending. (update.canaries_needed)"
    return ""


def _count(names: Iterable[str], outcomes: Mapping[str, Outcome]) -> dict[Outcome, int]:
    count = dict.fromkeys(Outcome, 0)
    for name in names:
        count[outcomes[name]] += 1
    return count


def standing(sequence: int, seen: Mapping[str, object] | None) -> Outcome:
    """Of a device before an update, by what its updater says; None where it cannot be reached."""
    if not seen or not seen.get("sequence"):
        return Outcome.PENDING  # offline, or nothing is installed: that is `apply`'s
    refused = seen.get("refused")
    if isinstance(refused, list) and sequence in refused:
        return Outcome.FAILED
    installed = int(str(seen["sequence"]))
    if installed > sequence:
        return Outcome.NEWER
    if installed < sequence:
        return Outcome.DUE
    return Outcome.GOOD if seen.get("state") == "committed" else Outcome.PENDING
