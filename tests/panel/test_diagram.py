"""The wiring diagram against the board as gpiozero knows it, and against the limits of the configuration."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Config, Panel
from edge.config.checks import wrong
from tests.panel.boards import board

ROOT = Path(__file__).parents[2]
DRAWN = "\n".join((ROOT / f".github/{name}.svg").read_text() for name in ("panel", "apa102", "ws2812"))
PAIRS = re.findall(r'<text class="n"[^>]*>(\d+)</text>\n<text class="t"[^>]*>(GPIO\d+|GND|5 V)', DRAWN)
KEYS = re.findall(r">(\w+_pins?) = (\d+|\[[\d, ]+\])", DRAWN)


@pytest.mark.parametrize(("pin", "name"), PAIRS)
def test_a_pin_of_the_header_is_what_the_diagram_says(pin: str, name: str) -> None:
    with board() as pins:
        header = pins.board_info.headers["J8"].pins
        assert header[int(pin)].name == name.replace("5 V", "5V")


def test_the_settings_in_the_diagram_are_right_together() -> None:
    panel = replace(Panel(strip="apa102"), **{key: json.loads(value) for key, value in KEYS})
    panel = replace(panel, encoder_pins=tuple(panel.encoder_pins), led_pins=tuple(panel.led_pins))
    assert wrong(replace(Config(), panel=panel)) == []
    assert len(KEYS) == 6
    assert len({pin for pin, _ in PAIRS}) == len(PAIRS) - 2 == 18  # the strips have two in common


def test_the_diagram_loads_nothing_from_anywhere() -> None:
    assert re.findall(r'(?:href|src|url)\s*[=(]\s*["\']?\S+', DRAWN) == []
