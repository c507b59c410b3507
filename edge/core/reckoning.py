"""What the figures of many turns and days come to: quantiles, and what the month will cost. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import ceil

LOOK_BACK_DAYS = 7  # a whole week: weekdays and Sundays differ


def at_share(values: Sequence[float], share: float) -> float | None:
    """The smallest value that so large a share of them does not exceed (nearest rank); None of nothing."""
    ranked = sorted(values)
    return ranked[max(0, ceil(share * len(ranked)) - 1)] if ranked else None


def month_so_far(costs: Mapping[date, float], today: date) -> float:
    """What the days of this month have cost."""
    return sum(cost for day, cost in costs.items() if (day.year, day.month) == (today.year, today.month))


def forecast(costs: Mapping[date, float], today: date) -> float:
    """What this month will have cost at its end, if its other days cost what the last whole days have on average.

    Those are the last seven, or as many as there are since the first that is known; today counts as it stands, or as
    such a day, whichever is more. With no day before today, the other days are taken to cost what today has.
    """
    spent = costs.get(today, 0.0)
    known = [day for day in costs if day < today]
    back = min(LOOK_BACK_DAYS, (today - min(known)).days) if known else 0
    before = sum(costs.get(today - timedelta(days), 0.0) for days in range(1, back + 1))
    usual = before / back if back else spent
    left = monthrange(today.year, today.month)[1] - today.day
    return month_so_far(costs, today) + max(0.0, usual - spent) + left * usual
