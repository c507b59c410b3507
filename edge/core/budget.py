"""How much money a day may cost, and what it has cost so far. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(slots=True)
class Budget:
    """`daily` is the limit in `currency`, 0 for none; `day` is the one that `spent` belongs to."""

    daily: float = 0.0
    currency: str = "USD"
    day: date = date.min
    spent: float = 0.0

    def spend(self, cost: float, today: date) -> None:
        """Something has been paid for."""
        self.turn_to(today)
        self.spent += cost

    def turn_to(self, today: date) -> None:
        """A day begins with nothing spent; a clock that steps back gives no money back.

        One that steps back by days was wrong before: what was spent then counts today, and no longer.
        """
        if today > self.day:
            self.day, self.spent = today, 0.0
        elif (self.day - today).days > 1:
            self.day = today

    @property
    def used_up(self) -> bool:
        """Whether nothing more may be spent on this day."""
        return 0 < self.daily <= self.spent
