"""What is said when a timer, an alarm or a reminder is due, or was. Pure."""

from __future__ import annotations

from datetime import datetime

from edge.tools.timers import Timer


def due_words(timer: Timer, now: datetime) -> str:
    """When it rings."""
    if timer.kind == "reminder":
        return f"Here is your reminder: {timer.name}."
    if timer.kind == "alarm":
        return f"It's {clock_time(now)}. {timer.name.capitalize()}.".removesuffix(" .")
    return f"Your {timer.name} timer is done." if timer.name else "Your timer is done."


def late_words(timer: Timer, due: datetime, now: datetime) -> str:
    """When it was due at `due` and nobody is known to have heard it."""
    days = (now.date() - due.date()).days
    day = ("", " yesterday")[days] if days in {0, 1} else f" on {due:%A}"
    if timer.kind == "reminder":
        return f"I should have reminded you{day} at {clock_time(due)}: {timer.name}."
    return f"Your {f'{timer.name} ' if timer.name else ''}{timer.kind} was due{day} at {clock_time(due)}."


def clock_time(at: datetime) -> str:
    """As it is said: 7:05 AM."""
    return f"{at.hour % 12 or 12}:{at.minute:02} {'AM' if at.hour < 12 else 'PM'}"  # noqa: PLR2004  noon
