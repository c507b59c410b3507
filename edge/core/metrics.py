"""Counters, gauges and histograms, and their text for Prometheus. Pure; one thread: the event loop's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import inf
from typing import TypeVar

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0)
MOST_SERIES = 500  # of one name: labels come from the outside in part
_NAME = re.compile(r"[a-z][a-z0-9_]*")

Labels = tuple[tuple[str, str], ...]
S = TypeVar("S", bound="Series")


class Series:
    """All values of one name, by labels."""

    def __init__(self, name: str, kind: str, about: str) -> None:
        self.name, self.kind, self.about = name, kind, about
        self.values: dict[Labels, float] = {}

    def _key(self, labels: dict[str, str]) -> Labels:
        key = tuple(sorted(labels.items()))
        full = len(self.values) >= MOST_SERIES and key not in self.values
        return (("other", "true"),) if full else key

    def lines(self) -> Iterable[str]:
        """Of the text."""
        for labels, value in self.values.items():
            yield f"{self.name}{shown(labels)} {number(value)}"


class Counter(Series):
    """Only grows."""

    def add(self, amount: float = 1.0, **labels: str) -> None:
        """Count."""
        key = self._key(labels)
        self.values[key] = self.values.get(key, 0.0) + amount


class Gauge(Series):
    """Goes up and down; `read` (one value) or `read_all` (by labels), if given, is asked at each scrape."""

    read: Callable[[], float] | None = None
    read_all: Callable[[], dict[Labels, float]] | None = None

    def set(self, value: float, **labels: str) -> None:
        """The value now."""
        self.values[self._key(labels)] = value

    def add(self, amount: float = 1.0, **labels: str) -> None:
        """Up, or down by a negative amount."""
        key = self._key(labels)
        self.values[key] = self.values.get(key, 0.0) + amount

    def lines(self) -> Iterable[str]:
        """See Series."""
        if self.read is not None:
            self.values[()] = self.read()
        if self.read_all is not None:
            self.values = self.read_all()
        return super().lines()


class Histogram(Series):
    """How often a value was at most so much."""

    def __init__(self, name: str, about: str, bounds: tuple[float, ...]) -> None:
        super().__init__(name, "histogram", about)
        self.bounds = (*bounds, inf)
        self.counts: dict[Labels, list[int]] = {}

    def observe(self, value: float, **labels: str) -> None:
        """One value."""
        key = self._key(labels)
        counts = self.counts.setdefault(key, [0] * len(self.bounds))
        counts[next(i for i, bound in enumerate(self.bounds) if value <= bound)] += 1
        self.values[key] = self.values.get(key, 0.0) + value

    def lines(self) -> Iterable[str]:
        """See Series."""
        for labels, counts in self.counts.items():
            total = 0
            for bound, count in zip(self.bounds, counts, strict=True):
                total += count
                limit = "+Inf" if bound == inf else f"{bound:g}"
                yield f"{self.name}_bucket{shown((*labels, ('le', limit)))} {total}"
            yield f"{self.name}_sum{shown(labels)} {number(self.values[labels])}"
            yield f"{self.name}_count{shown(labels)} {total}"


class Metrics:
    """A registry. Asking for a name again gives the same one; a name has one kind."""

    def __init__(self, prefix: str = "edge_voice_relay_") -> None:
        self._prefix = prefix
        self._all: dict[str, Series] = {}

    def counter(self, name: str, about: str) -> Counter:
        """Its name ends in _total."""
        return self._of(Counter, name, lambda full: Counter(full, "counter", about))

    def gauge(self, name: str, about: str, read: Callable[[], float] | None = None) -> Gauge:
        """`read` gives the value where it is known elsewhere."""
        found = self._of(Gauge, name, lambda full: Gauge(full, "gauge", about))
        found.read = read or found.read
        return found

    def histogram(self, name: str, about: str, bounds: tuple[float, ...] = SECONDS) -> Histogram:
        """`bounds` rise; the last one is endless by itself."""
        return self._of(Histogram, name, lambda full: Histogram(full, about, bounds))

    def text(self) -> str:
        """Prometheus' text format, version 0.0.4."""
        lines: list[str] = []
        for series in self._all.values():
            lines += [f"# HELP {series.name} {series.about}", f"# TYPE {series.name} {series.kind}", *series.lines()]
        return "\n".join([*lines, ""])

    def _of(self, kind: type[S], name: str, make: Callable[[str], S]) -> S:
        assert _NAME.fullmatch(name), name
        found = self._all.setdefault(name, make(self._prefix + name))
        assert isinstance(found, kind), f"{name} is a {found.kind}"
        return found


def shown(labels: Labels) -> str:
    """As in the text format."""
    parts = (f'{name}="{escaped(value)}"' for name, value in labels)
    return "{" + ",".join(parts) + "}" if labels else ""


def escaped(value: str) -> str:
    """A label's value: backslash, quote and line end."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def number(value: float) -> str:
    """Whole where it is whole."""
    return str(int(value)) if value == int(value) else repr(value)
