"""Timers, alarms and reminders. A pure scheduler on seconds that are passed in: it neither reads a clock nor sleeps.

A countdown goes by a clock that nobody sets; what has a time of day goes by the wall clock, and moves with it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from edge.tools.registry import Arguments, Result, Tool

MAX_TIMERS = 32  # nobody means more; a model in a loop might
MAX_SECONDS = 7 * 86_400
_MAX_NAME = 60
TOO_MANY = f"There are {MAX_TIMERS} timers already, which is as many as I can keep"


@dataclass(frozen=True)
class Timer:
    """One timer: it rings at `deadline`, once. `at`: the time of the wall clock (Unix) that the deadline follows."""

    id: int
    name: str
    seconds: int
    deadline: float
    kind: str = "timer"  # or alarm, reminder
    at: float | None = None

    def left(self, now: float) -> int:
        """Give the whole seconds left, never less than none."""
        return max(0, round(self.deadline - now))


class Timers:
    """The timers that run, soonest first, and in `rung` those that have rung and that nobody has heard yet.

    `wall_s` is how far the wall clock is ahead of the other one; `changes` counts what ought to be written down.
    """

    def __init__(self) -> None:
        self._timers: list[Timer] = []
        self.rung: list[Timer] = []
        self.last: Timer | None = None  # that has rung
        self.next_id = 1
        self.wall_s = 0.0
        self.changes = 0

    def set(self, now: float, seconds: int, name: str = "", kind: str = "timer") -> Timer | None:
        """Start a countdown; None when too many run already."""
        return self._add(Timer(self.next_id, name, seconds, now + seconds, kind))

    def set_at(self, now: float, at: float, name: str, kind: str) -> Timer | None:
        """Set one for a time of the wall clock; None when there are too many already."""
        deadline = at - self.wall_s
        return self._add(Timer(self.next_id, name, round(deadline - now), deadline, kind, at))

    def _add(self, timer: Timer) -> Timer | None:
        if len(self._timers) >= MAX_TIMERS:
            return None
        self.next_id += 1
        self.put([*self._timers, timer])
        self.changes += 1
        return timer

    def put(self, timers: Iterable[Timer]) -> None:
        """Have these timers run, and no others."""
        self._timers = sorted(timers, key=lambda timer: (timer.deadline, timer.id))

    def see(self, wall_s: float) -> None:
        """How far the wall clock is ahead now: it may have been set."""
        self.wall_s = wall_s
        self.put(one if one.at is None else replace(one, deadline=one.at - wall_s) for one in self._timers)

    def find(self, name: str = "", seconds: int | None = None, kind: str = "") -> tuple[Timer, ...]:
        """List those with this name, this length and of this kind; with nothing given, all of them."""
        wanted = _key(name)
        return tuple(
            timer
            for timer in self._timers
            if wanted in {"", _key(timer.name)} and seconds in {None, timer.seconds} and kind in {"", timer.kind}
        )

    def cancel(self, timers: tuple[Timer, ...]) -> None:
        """Take these out; those that have rung already are ignored."""
        gone = {timer.id for timer in timers}
        self._timers = [timer for timer in self._timers if timer.id not in gone]
        self.changes += 1

    def next_deadline(self, now: float) -> float | None:
        """Give the time of the next ring, `now` when it is overdue, None when no timer runs."""
        return max(now, self._timers[0].deadline) if self._timers else None

    def due(self, now: float) -> tuple[Timer, ...]:
        """Take out and give the timers that ring now, in the order of their deadlines."""
        ringing = tuple(timer for timer in self._timers if timer.deadline <= now)
        self._timers = self._timers[len(ringing) :]
        self.rung = [*self.rung, *ringing][-MAX_TIMERS:]
        self.last = ringing[-1] if ringing else self.last
        return ringing

    def heard(self, ids: Iterable[int]) -> None:
        """Somebody knows that these have rung."""
        gone = set(ids)
        if any(timer.id in gone for timer in self.rung):
            self.rung = [timer for timer in self.rung if timer.id not in gone]
            self.changes += 1


_NAME = {"type": "string", "maxLength": _MAX_NAME, "description": "What it is for, as the person called it"}
_LENGTH = {"type": "integer", "minimum": 1, "maximum": MAX_SECONDS, "description": "Length in seconds"}
_ALL = {"type": "boolean", "description": "Cancel every timer"}
_KIND = {"type": "string", "enum": ["timer", "alarm", "reminder"], "description": "Only of this kind"}


def timer_tools(timers: Timers, monotonic: Callable[[], float]) -> tuple[Tool, ...]:
    """Make set_timer, cancel_timer and list_timers over one set of timers."""

    def start(arguments: Arguments, _: datetime) -> Result:
        return _set(timers, arguments, monotonic())

    def cancel(arguments: Arguments, now: datetime) -> Result:
        return _cancel(timers, arguments, now)

    def show(arguments: Arguments, now: datetime) -> Result:
        return _list(timers, arguments, monotonic(), now)

    which = {"name": _NAME, "seconds": _LENGTH}
    of_which = "Cancel the only timer, the one of this name or length, or all."
    return (
        Tool("set_timer", "Start a countdown that rings.", start, which, ("seconds",)),
        Tool("cancel_timer", of_which, cancel, {**which, "kind": _KIND, "all": _ALL}),
        Tool("list_timers", "List the running timers with the time left.", show, {"name": _NAME, "kind": _KIND}),
    )


def _set(timers: Timers, arguments: Arguments, now: float) -> Result:
    seconds = arguments["seconds"]
    timer = timers.set(now, seconds if isinstance(seconds, int) else 0, str(arguments.get("name", "")))
    return {"error": TOO_MANY} if timer is None else shown(timer)


def _cancel(timers: Timers, arguments: Arguments, now: datetime) -> Result:
    seconds = arguments.get("seconds")
    every = arguments.get("all") is True
    found = (
        timers.find(kind=str(arguments.get("kind", "")))
        if every
        else _found(timers, arguments, seconds if isinstance(seconds, int) else None)
    )
    chosen = "name" in arguments or "seconds" in arguments
    if not found:
        return {"error": _none(timers, arguments, chosen=chosen)}
    if not every and not chosen and len(found) > 1:
        return {"error": f"There are {len(found)} timers: say which one, or all of them"}
    timers.cancel(found)
    return {"cancelled": [shown(timer, now) for timer in found]}


def _none(timers: Timers, arguments: Arguments, *, chosen: bool) -> str:
    kind = str(arguments.get("kind", "timer"))
    if chosen and timers.find():
        return f"There is no {_called(arguments)} {kind}"
    return "No timer is running" if kind == "timer" else f"There is no {kind}"


def _list(timers: Timers, arguments: Arguments, now: float, clock: datetime) -> Result:
    found = _found(timers, arguments, None)
    if not found and timers.find() and "name" in arguments:
        return {"error": _none(timers, arguments, chosen=True)}
    return {"timers": [shown(timer, clock) | {"seconds_left": timer.left(now)} for timer in found]}


def _found(timers: Timers, arguments: Arguments, seconds: int | None) -> tuple[Timer, ...]:
    return timers.find(str(arguments.get("name", "")), seconds, str(arguments.get("kind", "")))


def _called(arguments: Arguments) -> str:
    return str(arguments.get("name") or "such")


def shown(timer: Timer, now: datetime | None = None) -> Result:
    """As a tool answers it: a time of day in the zone of `now`."""
    told: Result = {"name": timer.name, "seconds": timer.seconds}
    if timer.kind != "timer":
        told["kind"] = timer.kind
    if timer.at is not None and now is not None:
        at = datetime.fromtimestamp(timer.at, now.tzinfo)
        told |= {"time": f"{at:%H:%M}", "date": f"{at:%Y-%m-%d}", "days": (at.date() - now.date()).days}
    return told


def _key(name: str) -> str:
    """Compare names as people mean them: "the Pasta timer" is "pasta"."""
    return name.casefold().strip().removeprefix("the ").removeprefix("my ").removesuffix("timer").strip()
