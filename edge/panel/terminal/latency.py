"""The latency of a turn as a bar: every stage in its own filling, on a scale that all turns share."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from rich.text import Text

from edge.core.turn import STAGES
from edge.panel.terminal.look import Look

SCALE_MS = 2000  # twice the goal of a second; a longer turn ends in an arrow, and its numbers tell
MOST_COLUMNS = 60
MANY_S = 99.9  # does not fit
NAMES = {
    "turn_end": ("end of turn", "turn end", "blue"),
    "transcript": ("transcript", "text", "cyan"),
    "first_token": ("first token", "token", "green"),
    "first_audio": ("first audio", "audio", "yellow"),
    "first_sound": ("first sound", "sound", "magenta"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """The wait that ended with a stage."""

    stage: str
    begin: float
    end: float


def spans(latency: object) -> list[Span]:
    """The waits of a turn in the order in which they ended; nothing that is not a number."""
    times = latency if isinstance(latency, dict) else {}
    known = [(times[stage], stage) for stage in STAGES if stage in NAMES and _is_time(times.get(stage))]
    found: list[Span] = []
    begin = 0.0
    for end, stage in sorted(known, key=lambda pair: pair[0]):
        found.append(Span(stage, min(begin, end), end))
        begin = max(begin, end)
    return found


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def bar(latency: object, width: int, look: Look) -> list[Text]:
    """One row with the bar and one with its legend and numbers (more where the terminal is narrow)."""
    found = spans(latency)
    if not found:
        return []
    return [_strip(found, width, look), *_legend(found, width, look)]


def _strip(found: list[Span], width: int, look: Look) -> Text:
    columns = max(8, min(MOST_COLUMNS, width - len(" 99.9 s")) & ~1)
    row = Text()
    for span in found:
        end = _column(span.end, columns)
        row.append(_filling(span.stage, look) * (end - len(row)), NAMES[span.stage][2])
    if found[-1].end > SCALE_MS:
        row.right_crop(1)
        seconds = found[-1].end / 1000
        return row.append(look.more, "bold").append(f" {seconds:.1f} s" if seconds < MANY_S else " > 99 s", "dim")
    half = columns // 2
    rest = "".join(look.tick if place == half else " " for place in range(len(row), columns))
    return row.append(rest + look.tick, "dim").append(f" {SCALE_MS // 1000} s", "dim")


def _column(ms: float, columns: int) -> int:
    return round(min(max(ms, 0), SCALE_MS) / SCALE_MS * columns)


def _filling(stage: str, look: Look) -> str:
    return look.stages[list(NAMES).index(stage)]


def _legend(found: list[Span], width: int, look: Look) -> list[Text]:
    long, short = _words(found, look, 0), _words(found, look, 1)
    words = long if sum(map(len, long)) + 2 * len(long) <= width else short
    rows = [Text()]
    for word in words:
        if rows[-1] and len(rows[-1]) + 2 + len(word) > width:
            rows.append(Text())
        rows[-1] += Text("  ") + word if rows[-1] else word
    return rows


def _words(found: list[Span], look: Look, form: int) -> list[Text]:
    words = []
    for span in found:
        name, style = NAMES[span.stage][form], NAMES[span.stage][2]
        words.append(Text.assemble((_filling(span.stage, look), style), (f" {name} ", "dim"), f"{span.end:.0f}"))
    words[-1].append(" ms")
    words[-1].stylize("bold", len(words[-1]) - len(f"{found[-1].end:.0f} ms"))
    return words
