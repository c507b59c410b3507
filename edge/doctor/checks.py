"""The frame of `doctor`: what a check is, and running checks side by side, each within its limit of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event, Thread

LIMIT_S = 5.0


class State(StrEnum):
    """How a thing is; from good to bad, but for what could not be looked at."""

    WELL = "well"
    SKIPPED = "skipped"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of what was found and, where something is wrong, one of what to do."""

    state: State
    found: str
    todo: str = ""


def well(found: str) -> Result:
    """It is as it should be."""
    return Result(State.WELL, found)


def warn(found: str, todo: str = "") -> Result:
    """It works, and the owner should know."""
    return Result(State.WARN, found, todo)


def fail(found: str, todo: str = "") -> Result:
    """It does not work."""
    return Result(State.FAIL, found, todo)


def skipped(found: str, todo: str = "") -> Result:
    """It could not be looked at, or is not needed; `found` says why."""
    return Result(State.SKIPPED, found, todo)


Results = Sequence[Result]


@dataclass(frozen=True, slots=True)
class Check:
    """`run` gives at least one result. Checks of the same lane wait for each other, all others run at once.

    `stuck` is what to do when it does not end within `limit_s`.
    """

    name: str
    run: Callable[[], Results]
    lane: str = ""
    stuck: str = ""
    limit_s: float = LIMIT_S


@dataclass(slots=True)
class _Running:
    check: Check
    began: float | None = None
    results: Results = ()
    ended: Event = field(default_factory=Event)


class Round:
    """The checks, begun. The thread of one that is given up stays somewhere in there."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._all = [_Running(check) for check in checks]
        self._given_up: set[str] = set()  # lanes
        lanes: dict[str, list[_Running]] = {}
        for one in self._all:
            lanes.setdefault(one.check.lane or f"alone: {one.check.name}", []).append(one)
        for number, lane in enumerate(lanes.values()):
            Thread(target=_work, args=(lane,), name=f"check-{number}", daemon=True).start()

    def results(self) -> Iterator[tuple[Check, Results]]:
        """In the order of the checks, as they end."""
        for one in self._all:
            yield one.check, self._wait(one)

    def _wait(self, one: _Running) -> Results:
        check = one.check
        if check.lane and check.lane in self._given_up:
            return [skipped("Not tried: what comes before it hangs.")]
        now = time.monotonic()
        if one.ended.wait(max(0.0, (one.began or now) + check.limit_s - now)):
            return one.results
        self._given_up.add(check.lane)
        return [fail(f"No answer within {check.limit_s:.0f} s.", check.stuck)]


def _work(lane: list[_Running]) -> None:
    for one in lane:
        one.began = time.monotonic()
        try:
            one.results = one.check.run()
        except Exception as error:  # noqa: BLE001  a thread's boundary: a fault of the check is not the device's
            one.results = [fail(f"This check itself has failed: {error!r}.", "Please report that.")]
        one.ended.set()
