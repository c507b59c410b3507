"""Alarms and reminders at a time of day, and snoozing: "wake me at half past six", "remind me at noon to eat"."""

import re

from edge.agents.local.understanding.commands import Slots, compiled, group
from edge.agents.local.understanding.meaning import Context, Intent

_HALF = r"(?: (?P<half>am|pm|a m|p m|in the morning|in the afternoon|in the evening|at night|tonight|this evening))?"
_TIME = (
    r"(?:(?P<clock>CLOCK|NUM NUM|NUM)(?: o'clock)?|(?P<past>half past|quarter past|quarter to|NUM past|NUM to) NUM"
    rf"|(?P<word>noon|midday|midnight)){_HALF}"
)
_TASK = r"(?P<name>[^\W\d_A-Z']+(?:'[a-z]+)?(?: [^\W\d_A-Z']+(?:'[a-z]+)?){0,7})"
_SET = r"(?:(?:set|make|add|create|give me|i (?:need|want)|put) )?(?:me )?(?:an?|my|another|the)?(?: )?"
_MORNING, _EVENING = {"am", "a m", "in the morning"}, {"pm", "p m", "in the afternoon", "in the evening", "tonight",
                                                      "this evening", "at night"}  # fmt: skip
_WORDS = {"noon": 720, "midday": 720, "midnight": 0}
_DAY, _NOON = 1440, 720  # minutes


def _alarm(found: re.Match[str], slots: Slots, _: Context) -> Intent | None:
    when = _when(found, slots)
    return Intent("set alarm", "set_alarm", when) if when else None


def _remind(found: re.Match[str], slots: Slots, _: Context) -> Intent | None:
    when = _when(found, slots)
    return Intent("set reminder", "set_reminder", {"name": group(found, "name"), **when}) if when else None


def _snooze(_: re.Match[str], slots: Slots, __: Context) -> Intent:
    length: dict[str, object] = {"seconds": round(slots.durations[0])} if slots.durations else {}
    return Intent("snooze", "snooze_timer", length)


def _list(_: re.Match[str], __: Slots, ___: Context) -> Intent:
    return Intent("list alarms", "list_timers", {})


def _when(found: re.Match[str], slots: Slots) -> dict[str, object] | None:
    """What set_alarm takes; None for what is no time of day."""
    minutes = _minutes(found, slots)
    if minutes is None:
        return None
    half = group(found, "half")
    said = bool(group(found, "word") or half) or not 60 <= minutes < _NOON + 60  # noqa: PLR2004  13:00 needs no half
    if half in _EVENING and minutes < _NOON:
        minutes += _NOON
    elif half in _MORNING and _NOON <= minutes < _NOON + 60:  # 12:10 a.m.
        minutes -= _NOON
    clock: dict[str, object] = {"time": f"{minutes // 60:02}:{minutes % 60:02}"}
    return clock if said else clock | {"either": True}


def _minutes(found: re.Match[str], slots: Slots) -> int | None:
    """Of the day, as on a dial."""
    if word := group(found, "word"):
        return _WORDS[word]
    numbers = [round(number) for number in slots.numbers]
    if past := group(found, "past"):
        after = 30 if past.startswith("half") else 15 if past.startswith("quarter") else numbers[0]
        hour = numbers[-1] * 60
        total = hour - after if past.endswith("to") else hour + after
    elif slots.durations:
        total = round(slots.durations[0])  # 7:30 is read as 450, whatever the units
    else:
        total = numbers[0] * 60 + (numbers[1] if len(numbers) > 1 else 0)
    return total if 0 <= total < _DAY else None


RULES = compiled(
    (
        (rf"wake me(?: up)? at {_TIME}", _alarm),
        (rf"{_SET}alarm (?:for|at) {_TIME}", _alarm),
        (rf"{_SET}{_TIME} alarm", _alarm),
        (rf"remind me at {_TIME} (?:to|about|that) {_TASK}", _remind),
        (rf"remind me (?:to|about) {_TASK} at {_TIME}", _remind),
        (
            r"snooze(?: (?:it|that|the (?:alarm|timer)))?(?: for DUR)?|(?:remind me|ring|wake me)(?: up)? again in DUR",
            _snooze,
        ),
        (
            (
                r"(?:what|which|list|show|do i have)(?: any| my| the| me my)? (?:alarms|reminders)"
                r"(?: do i have| are set| set)?"
            ),
            _list,
        ),
    )
)
