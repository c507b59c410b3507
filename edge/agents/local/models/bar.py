"""Progress for a person: one live line on a terminal, a line every tenth elsewhere."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from edge.agents.local.models.catalogue import MB

if TYPE_CHECKING:
    from edge.agents.local.models.fetch import Progress

WIDTH = 24
REDRAW_S = 0.1  # ten times a second looks live; more only costs the terminal


class Bar:
    """Called with each Progress of one model; `end` leaves the cursor on a line of its own."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock = out, clock
        self._live = out.isatty()
        self._origin: tuple[float, int] | None = None
        self._drawn = float("-inf")
        self._tenth = -1
        self._open = False

    def __call__(self, progress: "Progress") -> None:
        """Show it, if it is time to."""
        if progress.note:
            self.end()
            self._out.write(f"{progress.model}: {progress.note}\n")
            return
        now = self._clock()
        self._origin = self._origin or (now, progress.done)
        if self._live:
            if now - self._drawn >= REDRAW_S or progress.done == progress.total:
                self._drawn, self._open = now, True
                self._write(f"\r{self._line(progress, now)}\x1b[K")
        elif (tenth := 10 * progress.done // progress.total) > self._tenth:
            self._tenth = tenth
            self._write(f"{self._line(progress, now)}\n")

    def end(self) -> None:
        """Finish the live line, if one is open."""
        if self._open:
            self._write("\n")
        self._open = False

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _line(self, progress: "Progress", now: float) -> str:
        done, total = progress.done, progress.total
        full = WIDTH * done // total
        bar = f"[{'#' * full}{'.' * (WIDTH - full)}] " if self._live else ""
        share = f"{100 * done // total:3d} % {done / MB:.0f}/{total / MB:.0f} MB"
        return f"{progress.model} {bar}{share}{self._pace(progress, now)}"

    def _pace(self, progress: "Progress", now: float) -> str:
        """Rate and time left, once there is something to judge by."""
        since, begun = self._origin or (now, progress.done)
        if now - since < 1 or progress.done <= begun:
            return ""
        rate = (progress.done - begun) / (now - since)
        left = int((progress.total - progress.done) / rate)
        return f" {rate / MB:.1f} MB/s {left // 60}:{left % 60:02d} left"
