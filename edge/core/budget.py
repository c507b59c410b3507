"""How much money a day may cost, and what it has cost so far. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(slots=True)
class Budget:
    """`daily` is the limit in `currency`, 0 for none; `day` is the one that `spent` belongs to.

    At `warn`, if that is more than 0, the person is told once a day, `aloud` or not; `warned` is the last such day.
    """

    daily: float = 0.0
    currency: str = "USD"
    day: date = date.min
    spent: float = 0.0
    warn: float = 0.0
    aloud: bool = True
    warned: date = date.min

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
    def past_warning(self) -> bool:
        """Whether so much has been spent on this day that the person should know."""
        return 0 < self.warn <= self.spent

    def warns(self) -> bool:
        """Whether to tell the person now: True once a day, and not when the limit itself is told."""
        if not self.past_warning or self.used_up or self.warned >= self.day:
            return False
        self.warned = self.day
        return True

    @property
    def state(self) -> str:
        """In a word: open, warned or used up."""
        return "used up" if self.used_up else "warned" if self.past_warning else "open"

    @property
    def used_up(self) -> bool:
        """Whether nothing more may be spent on this day."""
        return 0 < self.daily <= self.spent
