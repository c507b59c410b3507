"""A picture of one case: levels over time and what was decided, as a PNG written with nothing but zlib."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.core.near_end import Verdict

Canvas = NDArray[np.uint8]
COLUMN, ROW = 6, 3  # pixels per 10 ms and per dB
LOWEST_DB, HIGHEST_DB = -80.0, 0.0
GRID_DB = 20
BANDS = {"play": (255, 255, 255), "duck": (255, 240, 190), "pause": (255, 205, 150), "stop": (205, 235, 205)}
MODES = {Verdict.DUCK: "duck", Verdict.PAUSE: "pause", Verdict.RESUME: "play", Verdict.STOP: "stop"}
FAR, NEAR, CLEAN, ONSET = (150, 150, 150), (60, 110, 200), (200, 30, 40), (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """Levels of one frame in dBFS, and what was decided after it."""

    near_db: float
    far_db: float
    clean_db: float
    verdict: Verdict


def draw(steps: Sequence[Step], onset: int) -> Canvas:
    """Grey: far end. Blue: microphone. Red: what the canceller leaves. Yellow, orange, green: ducked, held, stopped."""
    height = int((HIGHEST_DB - LOWEST_DB) * ROW)
    canvas = np.full((height, len(steps) * COLUMN, 3), 255, np.uint8)
    mode = "play"
    for number, step in enumerate(steps):
        canvas[:, number * COLUMN : (number + 1) * COLUMN] = BANDS[mode]
        mode = MODES.get(step.verdict, mode)
    canvas[:: GRID_DB * ROW] = 225
    canvas[:, onset * COLUMN : onset * COLUMN + 2] = ONSET
    for name, colour in (("far_db", FAR), ("near_db", NEAR), ("clean_db", CLEAN)):
        _line(canvas, [getattr(step, name) for step in steps], colour)
    return canvas


def _line(canvas: Canvas, levels: Sequence[float], colour: tuple[int, int, int]) -> None:
    rows = [int((HIGHEST_DB - min(max(v, LOWEST_DB + 1), HIGHEST_DB)) * ROW) for v in levels]
    for number, (before, row) in enumerate(zip([rows[0], *rows], rows, strict=False)):
        low, high = sorted((before, row))
        canvas[low : high + 2, number * COLUMN : number * COLUMN + 2] = colour
        canvas[row : row + 2, number * COLUMN : (number + 1) * COLUMN] = colour


def write_png(canvas: Canvas, path: Path) -> None:
    """Eight bits a channel, no filter."""
    height, width, _ = canvas.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = canvas.reshape(height, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b""))
