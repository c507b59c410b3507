"""The tools that the relay runs for a person who talks to it: those that change nothing but this conversation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from edge.config import Config
from edge.tools.clock import clock_tools
from edge.tools.registry import Registry
from edge.tools.timers import Timers, timer_tools

MOST_ARGUMENTS = 20_000  # characters


class Tools:
    """The clock, and timers of this one conversation. The volume is the page's own; nothing else is let in."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        self._zone = ZoneInfo(config.device.timezone) if config.device.timezone else None
        self.timers, self._clock = Timers(), clock
        self._registry = Registry((*clock_tools(), *timer_tools(self.timers, clock)))
        self.specs: list[dict[str, Any]] = self._registry.specs()
        self.names = frozenset(str(spec["name"]) for spec in self.specs)

    def run(self, name: str, arguments: str) -> dict[str, object]:
        """Never raises: what is wrong is a result with an `error`, which the model has to hear of."""
        if len(arguments) > MOST_ARGUMENTS:
            return {"error": "The arguments are too long"}
        try:
            given = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            return {"error": "The arguments are no JSON"}
        return self._registry.run(name, given, datetime.now(self._zone).astimezone(self._zone))

    def due(self) -> list[str]:
        """What is to be said of timers that ring now."""
        found = self.timers.due(self._clock())
        return [f"Your {timer.name} timer is done." if timer.name else "Your timer is done." for timer in found]

    def next_in(self) -> float | None:
        """Seconds until a timer rings."""
        now = self._clock()
        due = self.timers.next_deadline(now)
        return None if due is None else max(0.0, due - now)
