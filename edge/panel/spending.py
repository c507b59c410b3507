"""What each day has cost as a PNG: a bar for each, the budget as a line, the month and its forecast in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import floor, log10
from string import ascii_uppercase
from typing import Any

from edge.panel.chart import AXIS, BARS, GRID, INK, LINE, Canvas

LEFT, RIGHT, TOP, TALL, BELOW, WIDTH = 130, 150, 96, 420, 70, 1060
LINES = 5  # of the scale
NICE, EXACT = (1, 2, 2.5, 5, 10), 1 - 1e-9
APART = 70  # pixels between names of days
WARNING = (240, 170, 90)


def spending(told: Mapping[str, Any]) -> bytes:
    """The file, from the answer to the command `usage`; days without a turn are drawn as nothing."""
    costs = _every_day(told["days"])
    limits = [(told["daily"], LINE, "budget"), (told.get("warn", 0.0), WARNING, "notice")]
    step = step_of(max([*(cost for _, cost in costs), *(limit for limit, _, _ in limits)], default=0.0))
    top = step * LINES
    canvas = Canvas(LEFT + WIDTH + RIGHT, TOP + TALL + BELOW)
    currency = "".join(letter for letter in told["currency"].upper() if letter in ascii_uppercase)
    canvas.text(LEFT, 14, f"What each of {len(costs)} days has cost, {currency or 'money'}")
    month = f"today {told['today']:.4f}; this month {told['month']:.2f}, about {told['forecast']:.2f} at its end"
    canvas.text(LEFT, 46, month)
    for number in range(LINES + 1):
        line = TOP + TALL - number * TALL // LINES
        canvas.box(LEFT, line, WIDTH, 1, AXIS if number == 0 else GRID)
        canvas.text(LEFT - 12, line - 6, f"{number * step:g}", 1.0)
    _bars(canvas, costs, top)
    for limit, colour, name in limits:
        if limit:
            line = TOP + TALL - round(limit / top * TALL)
            canvas.box(LEFT, line - 1, WIDTH, 2, colour)
            canvas.text(LEFT + WIDTH + 10, line - 6, name, colour=colour)
    return canvas.png()


def _every_day(days: Sequence[Mapping[str, Any]]) -> list[tuple[date, float]]:
    """From the first to the last that is known."""
    known = {date.fromisoformat(day["day"]): float(day["cost"]) for day in days}
    if not known:
        return []
    first, last = min(known), max(known)
    return [
        (day, known.get(day, 0.0)) for day in (first + timedelta(number) for number in range((last - first).days + 1))
    ]


def _bars(canvas: Canvas, costs: Sequence[tuple[date, float]], top: float) -> None:
    slot = WIDTH / max(1, len(costs))
    named_at = -APART
    for number, (day, cost) in enumerate(costs):
        left, right = LEFT + round(number * slot), LEFT + round((number + 1) * slot)
        gap = 1 if slot < 8 else 4  # noqa: PLR2004  pixels
        tall = -(-cost // (top / TALL))  # a day that has cost anything is seen
        canvas.box(left, TOP + TALL - round(tall), max(1, right - left - gap), round(tall), BARS)
        if left - named_at >= APART:
            named_at = left
            canvas.box(left, TOP + TALL, 2, 8, AXIS)
            canvas.text(left, TOP + TALL + 16, f"{day:%m-%d}", colour=INK)


def step_of(most: float) -> float:
    """Between the lines of the scale: a round number."""
    if most <= 0:
        return 0.01
    unit = 10.0 ** floor(log10(most / LINES))
    return next(nice * unit for nice in NICE if nice * unit * LINES >= most * EXACT)
