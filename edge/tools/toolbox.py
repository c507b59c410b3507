"""The Tools port: the registry with this device's clock, timers and volume, and the timers' ringing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from edge.core.events import SayGiven
from edge.ports import Fields, Post
from edge.tools.clock import clock_tools
from edge.tools.registry import Registry
from edge.tools.timers import Timer, Timers, timer_tools
from edge.tools.volume import volume_tools

LOOK_S = 1.0  # a timer set meanwhile may ring this late


class Toolbox:
    """`ring` is a task that announces timers; everything else answers calls."""

    def __init__(self, get_volume: Callable[[], int], put_volume: Callable[[int], None], timezone: str = "") -> None:
        self._zone = ZoneInfo(timezone) if timezone else None  # the configuration has checked it
        self.timers = Timers()
        tools = (*clock_tools(), *timer_tools(self.timers, time.monotonic), *volume_tools(get_volume, put_volume))
        self.registry = Registry(tools)

    async def run(self, name: str, arguments: Fields) -> Fields:
        """See ports.Tools."""
        return self.registry.run(name, arguments, datetime.now(self._zone).astimezone(self._zone))

    async def ring(self, post: Post) -> None:
        """Announce each timer when it is due, for ever."""
        while True:
            now = time.monotonic()
            due = self.timers.next_deadline(now)
            await asyncio.sleep(LOOK_S if due is None else min(LOOK_S, due - now))
            for timer in self.timers.due(time.monotonic()):
                post(SayGiven(_announcement(timer)))


def _announcement(timer: Timer) -> str:
    return f"Your {timer.name} timer is done." if timer.name else "Your timer is done."
