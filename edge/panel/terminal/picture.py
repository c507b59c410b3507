"""The picture of a conversation for the README, from what `talk --json` printed.

    edge-voice talk --json > .github/talk.jsonl
    python -m edge.panel.terminal.picture .github/talk.svg < .github/talk.jsonl

It is drawn by the same code as the live view. `head -n` on the events ends the picture earlier.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from edge.panel.terminal.feed import Feed
from edge.panel.terminal.gauges import FLOOR_DB, Sight, panel
from edge.panel.terminal.look import Look
from edge.ports import Fields

WIDTH, ROWS = 80, 24
CELL = 12.2  # the width of a character in rich's template
THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [(22, 27, 34), (255, 123, 114), (86, 211, 100), (227, 179, 65), (88, 166, 255), (210, 168, 255), (86, 212, 221),
     (201, 209, 217)],
    [(110, 118, 129), (255, 161, 152), (126, 231, 135), (242, 204, 96), (121, 192, 255), (226, 197, 255),
     (179, 240, 255), (240, 246, 252)],
)  # fmt: skip


def picture(events: Iterable[Fields], title: str = "edge-voice talk") -> str:
    """The events as an SVG that loads nothing from anywhere."""
    recorder = Console(
        file=io.StringIO(), record=True, width=WIDTH, force_terminal=True, color_system="standard", no_color=False
    )
    look = Look()
    feed = Feed(recorder.print, lambda: WIDTH, look)
    sight = Sight()
    for fields in events:
        event = str(fields.get("event"))
        feed.take(event, fields)
        sight = _seen(sight, event, fields)
    recorder.print(*feed.rows(), *panel(sight, WIDTH, ROWS, look), "", sep="\n")
    return _alone(recorder.export_svg(title=title, theme=THEME, unique_id="talk"))


def _seen(sight: Sight, event: str, fields: Fields) -> Sight:
    if event == "state":
        return replace(sight, state=str(fields["state"]))
    if event != "status":
        return sight
    microphone = fields.get("microphone")
    level = float(microphone["level_db"]) if isinstance(microphone, dict) else FLOOR_DB
    return replace(sight, status=fields, level=level, peak=max(level, sight.peak))


_INDENTED = re.compile(r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)" (clip-path="[^"]+")>((?:&#160;)+)(?=[^<])')


def _shifted(found: re.Match[str]) -> str:
    """Viewers differ in whether they draw a space at the beginning of a text: place it by its first letter."""
    x, length = float(found[1]), float(found[3])
    gap = CELL * found[5].count("&")
    return f'x="{x + gap:.1f}" y="{found[2]}" textLength="{length - gap:.1f}" {found[4]}>'


def _alone(svg: str) -> str:
    """Without the web fonts of rich's template, with fonts that machines have, and no text begun with a space."""
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace")
    svg = _INDENTED.sub(_shifted, svg)
    return re.sub(r"\s*<!-- Generated with Rich .*?-->", "", svg)


def main() -> None:
    """Read events from standard input, write the file that is named."""
    if len(sys.argv) != 2:  # noqa: PLR2004  the name of the file
        raise SystemExit("usage: python -m edge.panel.terminal.picture OUT.svg < events.jsonl")
    events = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    Path(sys.argv[1]).write_text(picture(events), encoding="utf-8")


if __name__ == "__main__":
    main()
