"""How things look in the terminal: signs, colours, and text beside a label. Rich's Text, never its markup."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

LABEL = 8  # columns before the text
NARROW = 60  # below this many columns the long forms do not fit


@dataclass(frozen=True, slots=True)
class Look:
    """What this terminal can show; `stages` are the fillings of a latency bar, in order."""

    dot: str = "●"
    full: str = "█"
    empty: str = "░"
    mark: str = "┃"
    tick: str = "╎"
    rule: str = "─"
    more: str = "»"
    stages: str = "█████"

    @classmethod
    def of(cls, console: Console) -> Look:
        """For the encoding and the colours of a console."""
        colour = console.color_system is not None and not console.no_color
        if not console.encoding.lower().startswith("utf"):
            return cls("*", "#", "-", "|", "|", "-", ">", "#=+:.")
        return cls() if colour else cls(stages="█▓▒░▚")


def labelled(label: str, style: str, text: Text, width: int) -> Text:
    """A label and the text wrapped beside it, as lines no wider than `width`."""
    lines = text.wrap(Console(width=width), max(8, width - LABEL)) if text else [text]
    rows = [Text.assemble((f"{'' if number else label:{LABEL}}", style), line) for number, line in enumerate(lines)]
    return Text("\n").join(rows)
