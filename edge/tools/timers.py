"""Kitchen timers. A pure scheduler on monotonic seconds that are passed in: it neither reads a clock nor sleeps."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from edge.tools.registry import Arguments, Result, Tool

MAX_TIMERS = 32  # nobody means more; a model in a loop might
MAX_SECONDS = 7 * 86_400
_MAX_NAME = 60


@dataclass(frozen=True)
class Timer:
    """One timer: it rings at `deadline`, once."""

    id: int
    name: str
    seconds: int
    deadline: float

    def left(self, now: float) -> int:
        """Give the whole seconds left, never less than none."""
        return max(0, round(self.deadline - now))


class Timers:
    """The timers that run, soonest first. They do not outlive the process."""

    def __init__(self) -> None:
        self._timers: list[Timer] = []
        self._next_id = 1

    def set(self, now: float, seconds: int, name: str = "") -> Timer | None:
        """Start a timer; None when too many run already."""
        if len(self._timers) >= MAX_TIMERS:
            return None
        timer = Timer(self._next_id, name, seconds, now + seconds)
        self._next_id += 1
        self._timers = sorted([*self._timers, timer], key=lambda timer: (timer.deadline, timer.id))
        return timer

    def find(self, name: str = "", seconds: int | None = None) -> tuple[Timer, ...]:
        """List those with this name and this length; with neither, all of them."""
        wanted = _key(name)
        return tuple(
            timer
            for timer in self._timers
            if wanted in {"", _key(timer.name)} and (seconds is None or seconds == timer.seconds)
        )

    def cancel(self, timers: tuple[Timer, ...]) -> None:
        """Take these out; those that have rung already are ignored."""
        gone = {timer.id for timer in timers}
        self._timers = [timer for timer in self._timers if timer.id not in gone]

    def next_deadline(self, now: float) -> float | None:
        """Give the time of the next ring, `now` when it is overdue, None when no timer runs."""
        return max(now, self._timers[0].deadline) if self._timers else None

    def due(self, now: float) -> tuple[Timer, ...]:
        """Take out and give the timers that ring now, in the order of their deadlines."""
        ringing = tuple(timer for timer in self._timers if timer.deadline <= now)
        self._timers = self._timers[len(ringing) :]
        return ringing


_NAME = {"type": "string", "maxLength": _MAX_NAME, "description": "What it is for, as the person called it"}
_LENGTH = {"type": "integer", "minimum": 1, "maximum": MAX_SECONDS, "description": "Length in seconds"}
_ALL = {"type": "boolean", "description": "Cancel every timer"}


def timer_tools(timers: Timers, monotonic: Callable[[], float]) -> tuple[Tool, ...]:
    """Make set_timer, cancel_timer and list_timers over one set of timers."""

    def start(arguments: Arguments, _: datetime) -> Result:
        return _set(timers, arguments, monotonic())

    def cancel(arguments: Arguments, _: datetime) -> Result:
        return _cancel(timers, arguments)

    def show(arguments: Arguments, _: datetime) -> Result:
        return _list(timers, arguments, monotonic())

    which = {"name": _NAME, "seconds": _LENGTH}
    of_which = "Cancel the only timer, the one of this name or length, or all."
    return (
        Tool("set_timer", "Start a countdown that rings.", start, which, ("seconds",)),
        Tool("cancel_timer", of_which, cancel, {**which, "all": _ALL}),
        Tool("list_timers", "List the running timers with the time left.", show, {"name": _NAME}),
    )


def _set(timers: Timers, arguments: Arguments, now: float) -> Result:
    seconds = arguments["seconds"]
    timer = timers.set(now, seconds if isinstance(seconds, int) else 0, str(arguments.get("name", "")))
    if timer is None:
        return {"error": f"There are {MAX_TIMERS} timers already, which is as many as I can keep"}
    return _shown(timer)


def _cancel(timers: Timers, arguments: Arguments) -> Result:
    seconds = arguments.get("seconds")
    every = arguments.get("all") is True
    found = timers.find() if every else _found(timers, arguments, seconds if isinstance(seconds, int) else None)
    chosen = "name" in arguments or "seconds" in arguments
    if not found:
        return {
            "error": f"There is no {_called(arguments)} timer" if chosen and timers.find() else "No timer is running"
        }
    if not every and not chosen and len(found) > 1:
        return {"error": f"There are {len(found)} timers: say which one, or all of them"}
    timers.cancel(found)
    return {"cancelled": [_shown(timer) for timer in found]}


def _list(timers: Timers, arguments: Arguments, now: float) -> Result:
    found = _found(timers, arguments, None)
    if not found and timers.find():
        return {"error": f"There is no {_called(arguments)} timer"}
    return {"timers": [_shown(timer) | {"seconds_left": timer.left(now)} for timer in found]}


def _found(timers: Timers, arguments: Arguments, seconds: int | None) -> tuple[Timer, ...]:
    return timers.find(str(arguments.get("name", "")), seconds)


def _called(arguments: Arguments) -> str:
    return str(arguments.get("name") or "such")


def _shown(timer: Timer) -> Result:
    return {"name": timer.name, "seconds": timer.seconds}


def _key(name: str) -> str:
    """Compare names as people mean them: "the Pasta timer" is "pasta"."""
    return name.casefold().strip().removeprefix("the ").removeprefix("my ").removesuffix("timer").strip()
