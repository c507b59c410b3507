"""What no single key of [panel] can tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from edge.config.merging import shown
from edge.config.panel import LAST_PIN, Panel

FIRST_PIN = 2  # 0 and 1 are for the memory of a HAT
# An SPI that is switched on takes all its pins, whichever of them the strip needs.
SPI_PINS = {0: (7, 8, 9, 10, 11), 1: (16, 17, 18, 19, 20, 21)}
_SPI = re.compile(r"([0-6])\.([0-2])")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def wrong_panel(panel: Panel) -> list[str]:
    """All mistakes in it."""
    return [*_pins(panel), *_counts(panel), *_strip(panel), *_night(panel), *_pull(panel)]


def minute_of(text: str) -> int | None:
    """The minute of the day that "22:30" is, or None."""
    found = _TIME.fullmatch(text.strip())
    return int(found[1]) * 60 + int(found[2]) if found else None


def spi_of(text: str) -> tuple[int, int] | None:
    """Bus and device from "0.0", or None."""
    found = _SPI.fullmatch(text.strip())
    return (int(found[1]), int(found[2])) if found else None


def pins_of(panel: Panel) -> Iterator[tuple[str, int]]:
    """Every pin with the key that names it."""
    for key in ("button_pin", "button2_pin", "mute_pin", "led_pin"):
        if getattr(panel, key):
            yield key, getattr(panel, key)
    for key in ("encoder_pins", "led_pins"):
        yield from ((key, pin) for pin in getattr(panel, key))


def _pins(panel: Panel) -> Iterator[str]:
    users = defaultdict(list)
    for key, pin in pins_of(panel):
        if not FIRST_PIN <= pin <= LAST_PIN:
            yield f"panel.{key}: there is no pin GPIO{pin} to use; there are GPIO{FIRST_PIN} to GPIO{LAST_PIN}."
        users[pin].append(f"panel.{key}")
    spi = spi_of(panel.strip_spi)
    if panel.strip in {"apa102", "ws2812"} and spi is not None:
        for pin in SPI_PINS.get(spi[0], ()):
            if users[pin]:
                users[pin].append(f"the SPI of panel.strip (GPIO{', GPIO'.join(map(str, SPI_PINS[spi[0]]))})")
    for pin, names in users.items():
        if len(names) > 1:
            yield f"GPIO{pin} can be used once only, and not for {' and '.join(names)}."


def _counts(panel: Panel) -> Iterator[str]:
    if len(panel.encoder_pins) not in {0, 2}:
        yield f"panel.encoder_pins needs two pins, A and B, not {len(panel.encoder_pins)}."
    if len(panel.led_pins) not in {0, 3}:
        yield f"panel.led_pins needs three pins, red, green and blue, not {len(panel.led_pins)}."


def _strip(panel: Panel) -> Iterator[str]:
    if spi_of(panel.strip_spi) is None:
        yield f'panel.strip_spi = {shown(panel.strip_spi)} is no SPI; one looks like "0.0", for /dev/spidev0.0.'


def _night(panel: Panel) -> Iterator[str]:
    for key in ("night_from", "night_to"):
        text = getattr(panel, key)
        if text and minute_of(text) is None:
            yield f'panel.{key} = {shown(text)} is no time of day; one looks like "22:00".'
    if bool(panel.night_from) is not bool(panel.night_to):
        yield "panel.night_from and panel.night_to need each other."


def _pull(panel: Panel) -> Iterator[str]:
    if panel.active_high and panel.pull == "up":
        yield 'panel.active_high needs panel.pull = "none": a pin that is pulled up is high while its contact is open.'
