"""What is said when a timer, an alarm or a reminder is due, or was. Pure."""

from __future__ import annotations

from datetime import datetime

from edge.core.languages import ENGLISH, LANGUAGES
from edge.tools.timers import Timer


def due_words(timer: Timer, now: datetime, language: str = ENGLISH) -> str:
    """When it rings."""
    said = LANGUAGES[language]
    if timer.kind == "reminder":
        return said.reminder.format(name=timer.name)
    if timer.kind == "alarm":
        name = timer.name[:1].upper() + timer.name[1:]
        return said.alarm.format(time=said.time(now), name=name).removesuffix(" .")
    return (said.timer_named if timer.name else said.timer).format(name=timer.name)


def late_words(timer: Timer, due: datetime, now: datetime, language: str = ENGLISH) -> str:
    """When it was due at `due` and nobody is known to have heard it."""
    said = LANGUAGES[language]
    when = {"day": said.day(due, now), "time": said.time(due), "name": timer.name}
    if timer.kind == "reminder":
        return said.late_reminder.format(**when)
    return (said.late_named if timer.name else said.late).format(kind=said.kinds[timer.kind], **when)
