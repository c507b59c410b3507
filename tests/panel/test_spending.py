"""What days have cost, as a picture: read back pixel by pixel."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from edge.panel.chart import BARS, LINE
from edge.panel.spending import LEFT, TALL, TOP, WARNING, WIDTH, spending, step_of


def told(*costs: float, daily: float = 0.0, warn: float = 0.0, currency: str = "EUR") -> dict[str, Any]:
    days = [{"day": f"2026-11-{number + 1:02}", "cost": cost} for number, cost in enumerate(costs) if cost]
    return {"days": days, "currency": currency, "daily": daily, "warn": warn, "today": 0.1, "month": 1.0,
            "forecast": 2.0, "device": "kitchen"}  # fmt: skip


def pixels(png: bytes) -> Any:
    """Of a PNG as the canvas writes it: one IDAT, no filter."""
    width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    at = png.index(b"IDAT")
    rows = zlib.decompress(png[at + 4 : at + 4 + int.from_bytes(png[at - 4 : at])])
    return np.frombuffer(rows, np.uint8).reshape(height, 1 + 3 * width)[:, 1:].reshape(height, width, 3)


def tall(picture: Any, left: int, colour: tuple[int, int, int]) -> int:
    return int((picture[TOP : TOP + TALL, left] == colour).all(axis=1).sum())


def test_a_day_is_as_tall_as_it_was_dear_and_a_day_without_cost_is_a_gap() -> None:
    picture = pixels(spending(told(1.0, 0.0, 0.5, 0.001)))
    slot = WIDTH // 4
    heights = [tall(picture, LEFT + number * slot + slot // 2, BARS) for number in range(4)]
    assert heights == [TALL, 0, TALL // 2, 1]


def test_the_limits_are_lines() -> None:
    picture = pixels(spending(told(0.5, daily=2.0, warn=1.0)))
    edge = LEFT + WIDTH - 1
    assert tall(picture, edge, LINE) == 2
    assert tall(picture, edge, WARNING) == 2
    assert tall(pixels(spending(told(0.5))), edge, LINE) == 0


@pytest.mark.parametrize("currency", ["EUR", "€", ""])
def test_nothing_and_odd_names_can_be_drawn(currency: str) -> None:
    assert spending(told(currency=currency)).startswith(b"\x89PNG")
    assert spending(told(*[0.1] * 30, currency=currency)).startswith(b"\x89PNG")


def test_the_scale_has_round_steps() -> None:
    steps = [step_of(most) for most in (0, 0.0007, 0.4, 1, 2, 5, 12, 999, 10_000)]
    assert steps == pytest.approx([0.01, 0.0002, 0.1, 0.2, 0.5, 1.0, 2.5, 200.0, 2000.0])
