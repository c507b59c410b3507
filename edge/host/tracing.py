"""Watches turns and hands each, some seconds after its end, to whoever exports it as spans."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge.host.spans import Seen, Span, spans
from edge.ports import Fields

LINGER_S = 5.0  # what a turn has cost comes later than its end
MOST_OPEN = 32


class Export(Protocol):
    """Where spans go (host.otlp.Exporter)."""

    def put(self, spans: list[Span]) -> None:
        """One turn's; never waits."""


@dataclass(frozen=True, slots=True)
class About:
    """The device's name, the process' random word, the engine in use, and the model that it asks first."""

    device: str
    run: str
    engine: Callable[[], str]
    model: Callable[[str], str]


class Tracer:
    """A Watcher. In the loop."""

    def __init__(self, about: About, export: Export, clock: Callable[[], float] = time.monotonic) -> None:
        self._about, self._export, self._clock = about, export, clock
        self._open: dict[str, Seen] = {}
        self._now = ""  # the trace of the turn under way

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        now, trace = self._clock(), str(fields.get("trace", ""))
        if event == "state" and self._now != trace:
            self._over(now)
        if not trace:
            return
        seen = self._open.get(trace) or self._begin(trace, fields, now)
        match event:
            case "turn":
                seen.turned(fields, now)
            case "tool":
                seen.called(fields, now)
            case "tool_done":
                seen.answered(fields, now)
            case "usage":
                seen.used(fields, now)
            case "error":
                seen.failed(fields)
            case "interrupted":
                seen.interrupted = True

    def close(self) -> None:
        """Hand over what there is. Idempotent."""
        self._over(self._clock())
        for trace in list(self._open):
            self._ship(trace)

    def _begin(self, trace: str, fields: Fields, now: float) -> Seen:
        about = self._about
        if len(self._open) >= MOST_OPEN:
            self._ship(next(iter(self._open)))
        engine = about.engine()
        seen = self._open[trace] = Seen(trace, int(str(fields["turn"])), engine, about.model(engine), now)
        latest = self._open.get(self._now)
        if latest is None or latest.turn < seen.turn:  # else it is late news of one that is over
            self._over(now)
            self._now = trace
        else:
            seen.ended = now
            self._later(trace)
        return seen

    def _over(self, now: float) -> None:
        trace, self._now = self._now, ""
        seen = self._open.get(trace)
        if seen is not None:
            seen.ended = now
            self._later(trace)

    def _later(self, trace: str) -> None:
        asyncio.get_running_loop().call_later(LINGER_S, self._ship, trace)

    def _ship(self, trace: str) -> None:
        seen = self._open.pop(trace, None)
        if seen is not None and seen.matters:
            about, wall = self._about, time.time() - self._clock()
            self._export.put(spans(seen, about.device, about.run, wall))
