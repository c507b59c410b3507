"""Alarms at a time of day, reminders, and snoozing: what else can be set beside a countdown."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from edge.tools.registry import Arguments, Result, Tool
from edge.tools.timers import MAX_SECONDS, TOO_MANY, Timer, Timers, shown

SNOOZE_S = 300
MOST_DAYS = 366
_TIME = {"type": "string", "maxLength": 5, "description": "Time of day here, 24-hour HH:MM"}
_DATE = {"type": "string", "maxLength": 10, "description": "YYYY-MM-DD; left out, the next time that it is that late"}
_EITHER = {"type": "boolean", "description": "Nobody said morning or evening: whichever is sooner"}
_NAME = {"type": "string", "maxLength": 60, "description": "What it is for, if the person said so"}
_TEXT = {"type": "string", "maxLength": 200, "description": "What to remind of, such as: call your mother"}
_SECONDS = {"type": "integer", "minimum": 1, "maximum": MAX_SECONDS, "description": "In so many seconds"}


class _NoTimeError(Exception):
    """str() says to a person what is wrong with a time of day."""


def alarm_tools(timers: Timers, clock: Callable[[], float]) -> tuple[Tool, ...]:
    """Make set_alarm, set_reminder and snooze_timer; `clock` is the one of the countdowns."""

    def alarm(arguments: Arguments, now: datetime) -> Result:
        return _at(timers, arguments, now, clock(), "alarm")

    def remind(arguments: Arguments, now: datetime) -> Result:
        if "time" in arguments:
            return _at(timers, arguments, now, clock(), "reminder")
        seconds = arguments.get("seconds")
        if not isinstance(seconds, int):
            return {"error": "Say when: at what time, or in how many seconds"}
        return _told(timers.set(clock(), seconds, str(arguments["name"]), "reminder"), now)

    def snooze(arguments: Arguments, now: datetime) -> Result:
        return _snooze(timers, arguments, now, clock())

    again = "Have the timer or alarm that rang last ring again later; five minutes when no time is given."
    return (
        Tool("set_alarm", "Set an alarm for a time of day.", alarm,
             {"time": _TIME, "date": _DATE, "either": _EITHER, "name": _NAME}, ("time",)),
        Tool("set_reminder", "Remind the person of something, at a time of day or after some seconds.", remind,
             {"name": _TEXT, "time": _TIME, "date": _DATE, "either": _EITHER, "seconds": _SECONDS}, ("name",)),
        Tool("snooze_timer", again, snooze, {"seconds": _SECONDS}),
    )  # fmt: skip


def _at(timers: Timers, arguments: Arguments, now: datetime, clock: float, kind: str) -> Result:
    try:
        when = _moment(arguments, now)
    except _NoTimeError as error:
        return {"error": str(error)}
    timers.see(now.timestamp() - clock)
    return _told(timers.set_at(clock, when, str(arguments.get("name", "")), kind), now)


def _told(timer: Timer | None, now: datetime) -> Result:
    return {"error": TOO_MANY} if timer is None else shown(timer, now)


def _moment(arguments: Arguments, now: datetime) -> float:
    """The time that is meant, on the wall clock (Unix)."""
    try:
        at = time.fromisoformat(str(arguments["time"]))
        day = date.fromisoformat(str(arguments["date"])) if "date" in arguments else None
    except ValueError:
        raise _NoTimeError("I did not understand the time; it has to be like 07:30") from None
    when = _unix(datetime.combine(day or now.date(), at), now)
    if day is None and arguments.get("either") is True:
        return min(when for when in _both(at, now) if when > now.timestamp())
    if day is None and when <= now.timestamp():
        when = _unix(datetime.combine(now.date() + timedelta(days=1), at), now)
    if when <= now.timestamp():
        raise _NoTimeError("That time is over already")
    if when > now.timestamp() + MOST_DAYS * 86_400:
        raise _NoTimeError("That is more than a year from now")
    return when


def _both(at: time, now: datetime) -> list[float]:
    """Each time, this day and the next, that a clock with twelve hours shows it."""
    hands = [at.replace(hour=at.hour % 12), at.replace(hour=at.hour % 12 + 12)]
    return [_unix(datetime.combine(now.date() + timedelta(days=day), hand), now) for day in (0, 1) for hand in hands]


def _unix(naive: datetime, now: datetime) -> float:
    """A zone knows of summer time; the fixed offset that `now` has of the system's zone does not, but the system."""
    return (naive.replace(tzinfo=now.tzinfo) if isinstance(now.tzinfo, ZoneInfo) else naive).timestamp()


def _snooze(timers: Timers, arguments: Arguments, now: datetime, clock: float) -> Result:
    if timers.last is None:
        return {"error": "Nothing has rung that could ring again"}
    seconds = arguments.get("seconds")
    timers.heard([timers.last.id])
    again = timers.set(clock, seconds if isinstance(seconds, int) else SNOOZE_S, timers.last.name, timers.last.kind)
    return _told(again, now)
