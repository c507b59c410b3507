"""A room's response drawn with characters: 72 columns, no colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

STEP_MS = 5
COLUMNS = 60  # 300 ms
ROWS = 10
FLOOR_DB = -60.0
BAR = 40
SPAN_DB = 50.0  # of the bars
UP, RIGHT, FADING = " ▁▂▃▄▅▆▇█", " ▏▎▍▌▋▊▉█", "·"


@dataclass(frozen=True, slots=True)
class RoomPicture:
    """`levels_db` and `decay_db`: energy in each 5 ms, and still to come, relative to all; `bands_db`: by octave."""

    levels_db: Sequence[float]
    decay_db: Sequence[float]
    bands_db: Sequence[tuple[int, float]]


def plot(picture: RoomPicture) -> str:
    """Both drawings, one above the other."""
    return "\n".join([*_decay(picture), "", *_bands(picture.bands_db)])


def _decay(picture: RoomPicture) -> list[str]:
    levels = [_height(level) for level in picture.levels_db[:COLUMNS]]
    fading = [int(_height(level) / 8) for level in picture.decay_db[:COLUMNS]]
    lines = ["Energy in each 5 ms (█) and still to come (·), dB of all"]
    for row in reversed(range(ROWS)):
        cells = [UP[min(8, max(0, level - 8 * row))] for level in levels]
        for column, at in enumerate(fading):
            if at == row and column < len(cells) and cells[column] == " ":
                cells[column] = FADING
        top_db = FLOOR_DB + (row + 1) * -FLOOR_DB / ROWS
        label = f"{top_db:.0f}" if (ROWS - 1 - row) % 2 == 0 else ""
        lines.append(f"{label:>6} ┤{''.join(cells)}".rstrip())
    ticks = "".join(f"{at * STEP_MS:<10}" for at in range(0, COLUMNS + 1, 10)).rstrip()
    return [*lines, f"{FLOOR_DB:>6.0f} └{'─' * COLUMNS}", f"{'':8}{ticks} ms"]


def top_of(bands_db: Sequence[tuple[int, float]]) -> float:
    """The end of the scale: the next ten dB above the highest level."""
    return 10 * -(-max(level for _, level in bands_db) // 10) + 0.0  # never -0


def _height(level_db: float) -> int:
    """In eighths of a row."""
    return round(min(1.0, max(0.0, 1 - level_db / FLOOR_DB)) * ROWS * 8)


def _bands(bands_db: Sequence[tuple[int, float]]) -> list[str]:
    lines = ["Level at the microphone relative to what was played, by octave"]
    if not bands_db:
        return lines
    top = top_of(bands_db)
    for hertz, level in bands_db:
        eighths = round(min(1.0, max(0.0, 1 - (top - level) / SPAN_DB)) * BAR * 8)
        bar = RIGHT[8] * (eighths // 8) + RIGHT[eighths % 8].strip()
        lines.append(f"{hertz:>6} Hz {bar:<{BAR}} {round(level, 1) + 0.0:6.1f} dB")
    return lines
