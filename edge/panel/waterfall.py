"""The stages of turns as a PNG: each turn's from left to right above, how they are distributed below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.core.reckoning import at_share
from edge.panel.chart import AXIS, BARS, GRID, INK, SCALE, Canvas, Colour
from edge.panel.glyphs import HEIGHT

STAGES = ("turn_end", "transcript", "first_token", "first_audio", "first_sound")
COLOURS: tuple[Colour, ...] = ((190, 196, 206), (150, 184, 224), (90, 140, 200), (240, 170, 90), (200, 60, 40))
LEFT, RIGHT, TOP, ROW, SPACE, WIDTH = 190, 200, 90, 26, 90, 900
MOST, BINS = 40, 60  # turns drawn; columns of a distribution
BAND = 70
STEPS_MS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)

Times = Mapping[str, int]


def waterfall(turns: Sequence[Times]) -> bytes:
    """The file, from the milliseconds at which each turn's stages were reached; the last 40 are drawn one by one."""
    shown = turns[-MOST:]
    end = max((ms for turn in turns for ms in turn.values()), default=0)
    step = next((step for step in STEPS_MS if step * 10 >= end), STEPS_MS[-1])
    span = max(1, -(-end // step)) * step
    second = TOP + len(shown) * ROW + SPACE
    canvas = Canvas(LEFT + WIDTH + RIGHT, second + len(STAGES) * BAND + 60)
    canvas.text(LEFT, 14, f"Stages of the last {len(shown)} turns, ms from the end of speech")
    _legend(canvas, 46)
    for number, turn in enumerate(shown):
        _turn(canvas, TOP + number * ROW, turn, span, number + 1)
    _axis(canvas, TOP, len(shown) * ROW, span, step)
    canvas.text(LEFT, second - 34, f"How often, of {len(turns)} turns")
    for number, stage in enumerate(STAGES):
        values = [turn[stage] for turn in turns if stage in turn]
        _distribution(canvas, second + number * BAND, stage, values, span)
    _axis(canvas, second, len(STAGES) * BAND, span, step)
    return canvas.png()


def _x(ms: int, span: int) -> int:
    return LEFT + round(min(max(ms, 0), span) / span * WIDTH)


def _legend(canvas: Canvas, top: int) -> None:
    for number, (stage, colour) in enumerate(zip(STAGES, COLOURS, strict=True)):
        left = LEFT + number * 210
        canvas.box(left, top, 14, HEIGHT * SCALE, colour)
        canvas.text(left + 22, top, stage.replace("_", " "))


def _turn(canvas: Canvas, top: int, turn: Times, span: int, number: int) -> None:
    canvas.text(LEFT - 12, top + 5, str(number), 1.0)
    at = LEFT
    for stage, colour in zip(STAGES, COLOURS, strict=True):
        if stage in turn and (to := _x(turn[stage], span)) > at:
            canvas.box(at, top + 3, to - at, ROW - 6, colour)
            at = to
    if turn:
        canvas.text(at + 8, top + 5, str(max(turn.values())))


def _axis(canvas: Canvas, top: int, height: int, span: int, step: int) -> None:
    for ms in range(0, span + 1, step):
        canvas.box(_x(ms, span), top + height, 2, 8, AXIS)
        canvas.text(_x(ms, span), top + height + 14, str(ms), 0.5)
    canvas.box(LEFT - 2, top, 2, height + 2, AXIS)
    canvas.box(LEFT - 2, top + height, WIDTH + 2, 2, AXIS)


def _distribution(canvas: Canvas, top: int, stage: str, values: Sequence[int], span: int) -> None:
    canvas.text(LEFT - 12, top + BAND - 26, stage.replace("_", " "), 1.0)
    canvas.box(LEFT, top + BAND - 1, WIDTH, 1, GRID)
    middle, high = at_share(values, 0.5), at_share(values, 0.95)
    if middle is None or high is None:
        return
    counts = [0] * BINS
    for ms in values:
        counts[min(BINS - 1, max(0, ms) * BINS // span)] += 1
    for number, count in enumerate(counts):
        tall = -(-count * (BAND - 12) // max(counts))
        canvas.box(LEFT + number * WIDTH // BINS + 1, top + BAND - 1 - tall, WIDTH // BINS - 2, tall, BARS)
    for quantile, colour in ((middle, INK), (high, COLOURS[-1])):
        canvas.box(_x(round(quantile), span), top + 8, 2, BAND - 9, colour)
    canvas.text(LEFT + WIDTH + 12, top + 14, f"half {middle:.0f}")
    canvas.text(LEFT + WIDTH + 12, top + 38, f"95 % {high:.0f}", colour=COLOURS[-1])
