"""The time here or elsewhere, and the date of today or some days off."""

import re

from edge.agents.local.understanding.commands import Build, Slots, compiled, group
from edge.agents.local.understanding.meaning import Context, Intent

_DAY = 86400
_OFFSETS = {
    "the day after tomorrow": 2,
    "day after tomorrow": 2,
    "tomorrow": 1,
    "yesterday": -1,
    "the day before yesterday": -2,
    "day before yesterday": -2,
    "today": 0,
    "tonight": 0,
}
_WHEN = rf"(?P<when>{'|'.join(_OFFSETS)})"
_ASK = (
    r"(?:(?:tell me|do you know|i want to know|i would like to know|let me know|give me|say|show me|any idea"
    r"|do you happen to know|check|remind me) )?"
)
_NO_PLACE = (
    r"(?!(?:an?|my|your|our|his|her|their|this|that|these|those|it|here|which|what|and|history|english|general|words"
    r"|the (?!uk\b|us\b|usa\b|united\b|netherlands\b|philippines\b|united arab\b))\b|NUM|DUR|CLOCK)"
)
_NAME = r"[^\W\d_A-Z][^\W\d_A-Z]*"
_NO_MORE = r"(?!(?:and|when|if|is|was|are|were|does|did|will|has|had)\b)"
_PLACE = rf"{_NO_PLACE}(?P<place>{_NAME}(?:(?: /)? {_NO_MORE}{_NAME}){{0,3}})"
_IN = rf"(?:(?: over| out| right now| now)? (?:in|at) {_PLACE})"
_TIME = r"(?:current |exact |local |right )?time"


def _time(found: re.Match[str], _: Slots, __: Context) -> Intent:
    return Intent("time", "get_time", _place(found))


def _date(found: re.Match[str], _: Slots, __: Context) -> Intent:
    offset = _OFFSETS.get(group(found, "when"), 0)
    return Intent("date", "get_date", _offset(offset) | _place(found))


def _date_in(sign: int) -> Build:
    def build(_: re.Match[str], slots: Slots, __: Context) -> Intent | None:
        days = slots.durations[0] / _DAY
        return Intent("date", "get_date", _offset(sign * int(days))) if days.denominator == 1 else None

    return build


def _offset(days: int) -> dict[str, object]:
    return {"offset_days": days} if days else {}


def _place(found: re.Match[str]) -> dict[str, object]:
    place = group(found, "place")
    return {"place": place.replace(" / ", "/")} if place else {}


_WHAT_DAY = r"(?:what|which) (?:is )?(?:the )?(?:date|day|day of the week|weekday|day of the month|month|year)"
_PATTERNS: tuple[tuple[str, Build], ...] = (
    (
        rf"{_ASK}(?:what is the {_TIME}|what (?:{_TIME}|hour) (?:is it|it is)|the {_TIME}|how late is it){_IN}?",
        _time,
    ),
    (rf"{_ASK}(?:the |what )?{_TIME}(?: is it)?{_IN}", _time),
    (r"(?:do you |have you )?(?:have|got) the time(?: on you)?|(?:tell|give) (?:me )?the time|time(?: check)?", _time),
    (r"what time do you (?:have|make it)|what time have you got|current time|what is the hour", _time),
    (rf"{_ASK}what is (?P<place>{_NAME}(?: {_NAME})?)'s time", _time),
    (
        rf"{_ASK}what is (?:the )?(?:current )?(?:date|day)(?: of the week)?(?: (?:is it|it is))?(?: {_WHEN})?{_IN}?",
        _date,
    ),
    (rf"{_ASK}{_WHAT_DAY} (?:is it|it is|was it|will it be|is|was|will be|would it be)(?: {_WHEN})?{_IN}?", _date),
    (rf"{_ASK}(?:what is |what was |what will be )?(?P<when>today|tomorrow|yesterday)'s (?:date|day)", _date),
    (rf"{_ASK}(?:what (?:day |date )?(?:is|was) {_WHEN}|the date(?: {_WHEN})?|date|current date)", _date),
    (rf"{_ASK}(?:what|which) (?:day|month|year) (?:are we in|are we on|do we have)(?: today| now)?", _date),
    (rf"{_ASK}(?:what is )?{_WHEN}(?: is what| is which)? (?:date|day)", _date),
    (
        rf"{_ASK}(?:what|which) (?:date|day|weekday)(?: of the week)? (?:is it|will it be|is|would it be) in DUR",
        _date_in(1),
    ),
    (rf"{_ASK}what (?:is|will be) the (?:date|day) (?:in DUR|DUR (?:from (?:now|today)|ahead))", _date_in(1)),
    (rf"{_ASK}(?:what|which) (?:date|day|weekday)(?: of the week)? (?:was it|was) DUR ago", _date_in(-1)),
    (rf"{_ASK}what was the (?:date|day) DUR ago", _date_in(-1)),
)
RULES = compiled(_PATTERNS)
