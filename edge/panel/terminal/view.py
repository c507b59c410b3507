"""The live view of `talk`: the conversation scrolls by and stays, and below it a small panel shows the device."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from edge.panel.clean import clean
from edge.panel.terminal.feed import Feed
from edge.panel.terminal.gauges import FLOOR_DB, Sight, hint, keys, panel
from edge.panel.terminal.look import Look
from edge.panel.terminal.region import Region
from edge.panel.terminal.stderr import Stderr
from edge.ports import Clock, Fields

BUSY_S, REST_S = 1 / 8, 1 / 4  # the meter follows speech; at rest, drawing costs half
STATUS_S = 1.0
PEAK_S = 1.5  # as long as the peak mark stays
AT_REST = frozenset({"idle", "muted", "error"})


class TerminalView:
    """A Watcher. Draws from `watch` on, which is called in the loop, until `close`."""

    def __init__(self, sight: Sight, console: Console | None = None, clock: Clock = time.monotonic) -> None:
        console = console or _console()
        self._sight = sight
        self._look = Look.of(console)
        self._region = Region(console)
        self._feed = Feed(self._region.say, lambda: self._region.size[0], self._look)
        self._clock = clock
        self._level: Callable[[], float] = lambda: FLOOR_DB
        self._status: Callable[[], Fields] = dict
        self._asked = self._peaked = 0.0  # when the status was asked for, when the peak was reached
        self._timer: asyncio.TimerHandle | None = None
        self._stderr: Stderr | None = None

    def watch(self, level: Callable[[], float], status: Callable[[], Fields]) -> None:
        """Show the panel from now on. `level` is in dBFS, `status` that of commands.Commands."""
        self._level, self._status = level, status
        self._sight = replace(self._sight, state=str(status().get("state", self._sight.state)))
        if self._region.live:
            self._stderr = Stderr(lambda line: self._feed.take("log", {"message": line}))
            self._tick()
        else:
            self._region.say(keys(self._region.size[0]))

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        self._feed.take(event, fields)
        if event == "state":
            self._sight = replace(self._sight, state=str(fields.get("state", "")))
            self._asked = 0.0
            if not self._region.live:
                can = hint(self._sight)
                self._region.say(Text(f"({clean(self._sight.state)}{can and f': {can}'})", "dim"))
        if self._timer is not None:
            self._draw()

    def close(self) -> None:
        """Leave the terminal tidy. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._feed.finish()
        self._region.close()
        if self._stderr is not None:
            self._stderr.close()

    # --- drawing ------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._draw()
        pause = REST_S if self._sight.state in AT_REST else BUSY_S
        self._timer = asyncio.get_running_loop().call_later(pause, self._tick)

    def _draw(self) -> None:
        self._region.draw([*self._feed.rows(), *self.panel()])

    def panel(self) -> list[Text]:
        """The panel's rows as of now."""
        now, level = self._clock(), self._level()
        sight = replace(self._sight, level=level)
        if now - self._asked >= STATUS_S:
            self._asked, sight = now, replace(sight, status=self._status())
        if level >= sight.peak or now - self._peaked > PEAK_S:
            self._peaked, sight = now, replace(sight, peak=level)
        self._sight = sight
        return panel(sight, *self._region.size, self._look)


def _console() -> Console:
    """Standard output, whatever its encoding; NO_COLOR and TERM=dumb are rich's to obey."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    return Console(highlight=False, emoji=False, markup=False)
