"""A room's response as a PNG, written with numpy and zlib alone."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from edge.panel.glyphs import HEIGHT, glyphs
from edge.panel.plot import FLOOR_DB, SPAN_DB, STEP_MS, RoomPicture, top_of

Colour = tuple[int, int, int]
WHITE, INK, GRID, AXIS = (255, 255, 255), (40, 44, 52), (226, 229, 234), (130, 136, 146)
BARS, LINE = (150, 184, 224), (200, 60, 40)
SCALE = 2  # pixels per pixel of the font
STEP_PX, DB_PX, DB_BAND_PX = 10, 5, 5
LEFT, TOP, GAP, BOTTOM, RIGHT = 100, 64, 130, 64, 40
STEPS = 60  # 300 ms
BAND_PX, SLOT_PX = 56, 100
KILO = 1000


class Canvas:
    """Pixels, from the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels: NDArray[np.uint8] = np.full((height, width, 3), 255, np.uint8)

    def box(self, left: int, top: int, width: int, height: int, colour: Colour) -> None:
        """A filled rectangle."""
        self.pixels[max(top, 0) : top + height, max(left, 0) : left + width] = colour

    def text(self, left: int, top: int, words: str, align: float = 0.0, colour: Colour = INK) -> None:
        """One line; `align` 0 puts its left end there, 1 its right end."""
        shape = np.kron(glyphs(words), np.ones((SCALE, SCALE), np.uint8)).astype(bool)
        left -= round(align * shape.shape[1])
        self.pixels[top : top + shape.shape[0], left : left + shape.shape[1]][shape] = colour

    def png(self) -> bytes:
        """Eight bits a channel, no filter (W3C PNG, second edition)."""
        height, width, _ = self.pixels.shape
        rows = np.zeros((height, 1 + 3 * width), np.uint8)
        rows[:, 1:] = self.pixels.reshape(height, -1)
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def chart(picture: RoomPicture) -> bytes:
    """The file: energy over time above, level by octave below."""
    width = LEFT + STEPS * STEP_PX + RIGHT
    decay_px, band_px = round(-FLOOR_DB * DB_PX), round(SPAN_DB * DB_BAND_PX)
    canvas = Canvas(width, TOP + decay_px + GAP + band_px + BOTTOM)
    _decay(canvas, picture, TOP, decay_px)
    _bands(canvas, picture, TOP + decay_px + GAP, band_px)
    return canvas.png()


def _levels(canvas: Canvas, top: int, top_db: float, span_db: float, per_db: int) -> None:
    """Horizontal lines every 10 dB with their labels."""
    for down in range(0, round(span_db) + 1, 10):
        y = top + down * per_db
        canvas.box(LEFT, y, STEPS * STEP_PX, 1, GRID)
        canvas.text(LEFT - 12, y - HEIGHT * SCALE // 2, f"{top_db - down:.0f} dB", 1.0)


def _hertz(hertz: int) -> str:
    return f"{hertz} Hz" if hertz % KILO else f"{hertz // KILO} kHz"


def _axis(canvas: Canvas, top: int, height: int) -> None:
    canvas.box(LEFT - 2, top, 2, height + 2, AXIS)
    canvas.box(LEFT - 2, top + height, STEPS * STEP_PX + 2, 2, AXIS)


def _decay(canvas: Canvas, picture: RoomPicture, top: int, height: int) -> None:
    canvas.text(LEFT, top - 44, "Energy after the first arrival, dB of all:")
    _legend(canvas, top - 22)
    _levels(canvas, top, 0, -FLOOR_DB, DB_PX)
    for number, level in enumerate(picture.levels_db[:STEPS]):
        tall = round((min(level, 0.0) - FLOOR_DB) * DB_PX)
        canvas.box(LEFT + number * STEP_PX + 1, top + height - tall, STEP_PX - 2, tall, BARS)
    rows = [round(min(-level * DB_PX, height)) for level in picture.decay_db[:STEPS]]
    for number, (before, row) in enumerate(zip(rows[:1] + rows, rows, strict=False)):
        for x, y in enumerate(np.linspace(before, row, STEP_PX)):
            step = abs(row - before) // STEP_PX + 3
            canvas.box(max(LEFT, LEFT + number * STEP_PX + x - STEP_PX // 2), top + round(y) - 1, 2, step, LINE)
    _axis(canvas, top, height)
    for at in range(0, STEPS + 1, 10):
        canvas.box(LEFT + at * STEP_PX, top + height, 2, 8, AXIS)
        unit = " ms" if at == STEPS else ""
        canvas.text(LEFT + at * STEP_PX + (36 if unit else 0), top + height + 14, f"{at * STEP_MS}{unit}",
                    1.0 if unit else 0.5)  # fmt: skip


def _legend(canvas: Canvas, top: int) -> None:
    canvas.box(LEFT, top, 14, HEIGHT * SCALE, BARS)
    canvas.text(LEFT + 22, top, "in each 5 ms")
    canvas.box(LEFT + 200, top + HEIGHT - 2, 24, 3, LINE)
    canvas.text(LEFT + 234, top, "still to come")


def _bands(canvas: Canvas, picture: RoomPicture, top: int, height: int) -> None:
    canvas.text(LEFT, top - 54, "Level at the microphone relative to what was played")
    top_db = top_of(picture.bands_db)
    _levels(canvas, top, top_db, SPAN_DB, DB_BAND_PX)
    for number, (hertz, level) in enumerate(picture.bands_db):
        middle = LEFT + number * SLOT_PX + SLOT_PX // 2
        tall = round(min(max(SPAN_DB - (top_db - level), 0.0), SPAN_DB) * DB_BAND_PX)
        canvas.box(middle - BAND_PX // 2, top + height - tall, BAND_PX, tall, BARS)
        canvas.text(middle, top + height - tall - HEIGHT * SCALE - 4, f"{round(level, 1) + 0.0:.1f}", 0.5)
        canvas.text(middle, top + height + 14, _hertz(hertz), 0.5)
    _axis(canvas, top, height)
