"""The relay's metrics are of the same kind as a device's; and who spends most, within bounds."""

from __future__ import annotations

from collections.abc import Callable

from edge.core.metrics import MOST_SERIES, SECONDS, Counter, Gauge, Histogram, Labels, Metrics, Series

__all__ = ["MOST_SERIES", "SECONDS", "Counter", "Gauge", "Histogram", "Labels", "Metrics", "Series", "Spenders"]

SHOWN, MOST_KNOWN = 20, 1000  # labels of a scrape; people and devices of a day that are told apart
OTHER = "other"


class Spenders:
    """The day's money and seconds at this process, by "device:ID" or "person:ID": the first 20, all others as one.

    Labels are ids and no names, and there are never more than 21, whoever comes; `edge-voice relay usage` tells all.
    """

    def __init__(self, metrics: Metrics, today: Callable[[], str]) -> None:
        self._today, self._day = today, ""
        self._spent: dict[str, tuple[float, float]] = {}
        cost = metrics.gauge("voice_cost_today", "money spent today at this process, by the 20 who spent most")
        talked = metrics.gauge("voice_seconds_today", "how long they have talked today")
        cost.read_all, talked.read_all = lambda: self._read(0), lambda: self._read(1)

    def add(self, day: str, who: str, cost: float, seconds: float) -> None:
        """Something has been used."""
        self._turn_to(day)
        if who not in self._spent and len(self._spent) >= MOST_KNOWN:
            who = OTHER
        money, talked = self._spent.get(who, (0.0, 0.0))
        self._spent[who] = money + cost, talked + seconds

    def _read(self, which: int) -> dict[Labels, float]:
        self._turn_to(self._today())
        ranked = sorted(self._spent, key=lambda who: (who != OTHER, self._spent[who]), reverse=True)
        found: dict[Labels, float] = {(("who", who),): self._spent[who][which] for who in ranked[:SHOWN]}
        rest = sum(self._spent[who][which] for who in ranked[SHOWN:])
        if len(ranked) > SHOWN:
            other = (("who", OTHER),)
            found[other] = found.get(other, 0.0) + rest
        return found

    def _turn_to(self, day: str) -> None:
        if day != self._day:
            self._day = day
            self._spent.clear()
