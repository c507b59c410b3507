"""The time and the money that one conversation may take. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.relay.voice.endings import Ending, spent, time_up

WARN_S = 60.0  # before the end of the time, or a fifth of it where that is less
WARN_SHARE = 0.8  # of the money of the day


@dataclass(frozen=True, slots=True)
class Warned:
    """To be told once: `in_s` until the end of the time, 0 for money."""

    code: str
    message: str
    in_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Money:
    """What a day may cost and has cost, of one and of all together; a limit of 0 is none."""

    mine: float = 0.0
    limit: float = 0.0
    all: float = 0.0
    limit_of_all: float = 0.0

    @property
    def over(self) -> Ending | None:
        """The ending, if something is used up."""
        if 0 < self.limit_of_all <= self.all:
            return spent(all_together=True)
        return spent(all_together=False) if 0 < self.limit <= self.mine else None

    @property
    def short(self) -> bool:
        """Whether most of it has gone."""
        return (0 < self.limit * WARN_SHARE <= self.mine) or (0 < self.limit_of_all * WARN_SHARE <= self.all)


@dataclass(slots=True)
class Leash:
    """Begins at `began` and ends `minutes` later; `look` gives each warning once, then the ending."""

    began: float
    minutes: float
    _warned: set[str] = field(default_factory=set)

    @property
    def ends_at(self) -> float:
        """When the time is over."""
        return self.began + 60 * self.minutes

    @property
    def next_at(self) -> float:
        """When to look again, if no money is spent before."""
        return self.ends_at if "time" in self._warned else self._warn_at

    def look(self, now: float, money: Money) -> Warned | Ending | None:
        """What is to be done now."""
        if (over := money.over) is not None:
            return over
        if now >= self.ends_at:
            return time_up(self.minutes)
        if now >= self._warn_at and self._first("time"):
            left = self.ends_at - now
            return Warned("time", f"This conversation ends in {_spoken(left)}.", left)
        if money.short and self._first("money"):
            return Warned("money", "Today's budget for talking is nearly used up.")
        return None

    @property
    def _warn_at(self) -> float:
        return self.ends_at - min(WARN_S, 60 * self.minutes / 5)

    def _first(self, what: str) -> bool:
        new = what not in self._warned
        self._warned.add(what)
        return new


def _spoken(seconds: float) -> str:
    return "one minute" if 50 < seconds < 70 else f"{max(1, round(seconds))} seconds"  # noqa: PLR2004
