"""A few live rows at the bottom of a terminal; what is finished scrolls up above them and stays.

rich.live.Live does the same but counts its rows at the old width: when a window gets narrower, the
terminal folds them and copies stay behind. Here they are counted anew, and only changed rows are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from rich.console import Console
from rich.text import Text

UP_AND_WIPE = "\x1b[1A\x1b[2K"
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Region:
    """`say` prints above, `draw` sets the rows, `close` takes them away. On a dumb terminal only `say` shows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # a console of its own: even while it captures, rich writes to the file, which may be gone
        self._painter = Console(
            file=StringIO(),
            force_terminal=True,
            no_color=console.no_color,
            color_system=console.color_system,  # type: ignore[arg-type]  # rich's own word for it
        )
        self._rows: list[Text] = []
        self._drawn: list[str] = []
        self._width = 0
        self.live = console.is_terminal and not console.is_dumb_terminal
        self.gone = False

    @property
    def size(self) -> tuple[int, int]:
        """Columns that may be filled (the last one would fold the line), and rows."""
        return max(2, self._console.width - 1), max(2, self._console.height)

    def say(self, text: Text) -> None:
        """Print for good, above the rows."""
        self._write(self._erase() + self._ansi(text) + "\n" + "\n".join(self._drawn))

    def draw(self, rows: Sequence[Text]) -> None:
        """Show these rows; the upper ones are left out where there are too many."""
        if not self.live or self.gone:
            return
        width, height = self.size
        rows = [row.copy() for row in rows[-(height - 1) :]]
        for row in rows:
            row.truncate(width, overflow="ellipsis")
        drawn = [self._drawn[i] if row in self._rows[i : i + 1] else self._ansi(row) for i, row in enumerate(rows)]
        if drawn == self._drawn and width == self._width:
            return
        if len(drawn) == len(self._drawn) and width == self._width:
            self._write(self._changes(drawn, rows[-1].cell_len))
        else:
            self._write((HIDE if not self._drawn else "") + self._erase() + "\n".join(drawn))
        self._rows, self._drawn, self._width = rows, drawn, width

    def _changes(self, drawn: list[str], length: int) -> str:
        """Only the rows that differ. The cursor rests behind the last one, and goes where the terminal folds it to."""
        out = ["\r"]
        for up, (old, new) in enumerate(zip(reversed(self._drawn), reversed(drawn), strict=True)):
            if old != new:
                move = (f"\x1b[{up}A", f"\x1b[{up}B") if up else ("", "")
                out.append(f"{move[0]}\x1b[2K{new}\r{move[1]}")
        return "".join(out) + (f"\x1b[{length}C" if length else "")

    def _erase(self) -> str:
        """From behind the last row to the start of the first, which may be folded since it was drawn."""
        if not self._drawn:
            return ""
        width = max(1, self._console.width)
        lines = sum(max(1, -(-row.cell_len // width)) for row in self._rows)
        return "\r\x1b[2K" + UP_AND_WIPE * (lines - 1)

    def _ansi(self, text: Text) -> str:
        with self._painter.capture() as captured:
            self._painter.print(text, end="", no_wrap=True, overflow="ignore", crop=False)
        return captured.get()

    def _write(self, out: str) -> None:
        if self.gone:
            return
        try:
            self._console.file.write(out)
            self._console.file.flush()
        except (OSError, ValueError):  # the terminal went away, or the file is closed
            self.gone = True

    def close(self) -> None:
        """Take the rows away and give the cursor back. Idempotent."""
        if self._drawn:
            self._write(self._erase() + SHOW)
            self._drawn, self._rows = [], []
