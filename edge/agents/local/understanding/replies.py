"""Results of tools as spoken sentences; any dictionary will do, as a tool may come from elsewhere."""

from collections.abc import Callable
from datetime import date, time

from edge.agents.local.understanding.numerals import say_number
from edge.agents.local.understanding.times import say_duration

Result = dict[str, object]
_HOUR, _SHORT = 3600, 600


def spoken(tool: str, result: Result) -> str:
    """Put a tool's result, or its error, into one or two sentences."""
    error = result.get("error")
    if error is not None:
        return f"Sorry, {_lowered(str(error)).rstrip('. ')}."
    try:
        return _SAY[tool](result) if tool in _SAY else "Done."
    except (KeyError, TypeError, ValueError, OverflowError):
        return "Done."  # the tool has run: a result in another shape is no failure


def _lowered(sentence: str) -> str:
    first = sentence.split(" ", 1)[0]
    return sentence[:1].lower() + sentence[1:] if first[1:].islower() and not first.startswith("I") else sentence


def _time(result: Result) -> str:
    clock = time.fromisoformat(str(result["time"]))
    place = f" in {result['place']}" if result.get("place") else ""
    return f"It's {clock.hour % 12 or 12}:{clock.minute:02} {'AM' if clock.hour < 12 else 'PM'}{place}."  # noqa: PLR2004


def _date(result: Result) -> str:
    day = date.fromisoformat(str(result["date"]))
    said = f"{day:%A}, {day:%B} {day.day}{_ordinal(day.day)}, {day.year}"
    place = f" in {result['place']}" if result.get("place") else ""
    return f"{_day_name(_integer(result.get('offset_days', 0)))} {said}{place}."


def _day_name(offset: int) -> str:
    names = {0: "It's", 1: "Tomorrow is", -1: "Yesterday was", 2: "The day after tomorrow is"}
    days = f"{say_number(abs(offset)).capitalize()} days"
    return names.get(offset) or (f"In {days.lower()} it's" if offset > 0 else f"{days} ago it was")


def _ordinal(day: int) -> str:
    return "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _set_timer(result: Result) -> str:
    name = f"{str(result['name']).capitalize()} timer" if result.get("name") else "Timer"
    return f"{name} set for {say_duration(_integer(result['seconds']))}."


def _set_at(result: Result) -> str:
    kind = str(result.get("kind", "alarm")).capitalize()
    if "time" not in result:
        return f"{kind} set for {say_duration(_integer(result['seconds']))} from now."
    clock, days = time.fromisoformat(str(result["time"])), _integer(result["days"])
    day = ("", " tomorrow")[days] if days in {0, 1} else f" on {date.fromisoformat(str(result['date'])):%A}"
    return f"{kind} set for {clock.hour % 12 or 12}:{clock.minute:02} {'AM' if clock.hour < 12 else 'PM'}{day}."  # noqa: PLR2004


def _snoozed(result: Result) -> str:
    return f"All right, again in {say_duration(_integer(result['seconds']))}."


def _cancel_timer(result: Result) -> str:
    timers = _timers(result, "cancelled")
    if len(timers) == 1:
        return f"{_label(timers[0]).capitalize()} cancelled."
    return f"{say_number(len(timers)).capitalize()} timers cancelled." if timers else "There was no timer to cancel."


def _list_timers(result: Result) -> str:
    timers = _timers(result, "timers")
    if not timers:
        return "You have no timers."
    left = [say_duration(_rounded(_integer(timer["seconds_left"]))) for timer in timers]
    if len(timers) == 1:
        return f"{left[0].capitalize()} left on the {_label(timers[0])}."
    each = [f"{_label(timer)}, {rest} left" for timer, rest in zip(timers, left, strict=True)]
    return f"You have {say_number(len(timers))} timers: {'; '.join(each[:-1])}; and {each[-1]}."


def _label(timer: Result) -> str:
    if timer.get("kind"):
        return f"{timer.get('name') or ''} {timer['kind']}".strip()
    return f"{timer['name'] or ''} timer" if timer.get("name") else f"{_adjective(_integer(timer['seconds']))} timer"


def _adjective(seconds: int) -> str:
    """Give "ten minute" for the ten minute timer."""
    return " ".join(word.removesuffix("s") for word in say_duration(seconds).split())


def _rounded(seconds: int) -> int:
    """Drop the seconds of a long wait: nobody wants to hear them."""
    step = 60 if seconds > _SHORT else 1
    return round(seconds / step) * step


def _timers(result: Result, key: str) -> list[Result]:
    timers = result[key]
    if not isinstance(timers, list):
        raise TypeError(key)
    return [timer for timer in timers if isinstance(timer, dict)]


def _integer(value: object) -> int:
    if not isinstance(value, int | float):
        raise TypeError(value)
    return int(value)


def _volume(result: Result) -> str:
    percent = _integer(result["percent"])
    if not percent:
        return "The sound is off."
    at_end = " That's as loud as it gets." if percent == 100 else ""  # noqa: PLR2004  (percent)
    return f"Volume {percent} percent.{at_end}"


def _recalled(result: Result) -> str:
    facts = result["facts"]
    if not isinstance(facts, list):
        raise TypeError(facts)
    if not facts:
        return "I remember nothing about that. You can say: remember that."
    more = f" And {_integer(result['more'])} more." if result.get("more") else ""
    return f"You told me: {'; '.join(map(str, facts))}.{more}"


def _forgotten(result: Result) -> str:
    return "Forgotten." if result["forgotten"] else "There was nothing to forget."


_SAY: dict[str, Callable[[Result], str]] = {
    "get_time": _time,
    "get_date": _date,
    "set_timer": _set_timer,
    "set_alarm": _set_at,
    "set_reminder": _set_at,
    "snooze_timer": _snoozed,
    "cancel_timer": _cancel_timer,
    "list_timers": _list_timers,
    "set_volume": _volume,
    "change_volume": _volume,
    "get_volume": _volume,
    "restore_volume": _volume,
    "remember_fact": lambda _: "All right, I'll remember that.",
    "recall_facts": _recalled,
    "correct_fact": lambda result: f"All right, I'll remember: {result['remembered']}.",
    "forget_facts": _forgotten,
    "forget_everything": lambda _: "I have forgotten everything.",
}
