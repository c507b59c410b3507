"""The panel in the configuration: no pin twice, and every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import Panel, load
from edge.config.checks_panel import SPI_PINS, minute_of, pins_of, spi_of
from edge.errors import ConfigError


def panel(tmp_path: Path, lines: str, **env: str) -> Panel:
    (tmp_path / "c.toml").write_text(f"[panel]\n{lines}\n")
    return load(tmp_path / "c.toml", {f"EDGE_VOICE_PANEL__{key.upper()}": value for key, value in env.items()}).panel


def problems(tmp_path: Path, lines: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        panel(tmp_path, lines)
    return caught.value.problems


def test_by_default_there_is_no_panel() -> None:
    assert list(pins_of(Panel())) == []
    assert Panel().strip == ""


def test_a_whole_panel(tmp_path: Path) -> None:
    lines = """
        button_pin = 17
        button2_pin = 27
        button2_action = "forget"
        mute_pin = 22
        encoder_pins = [5, 6]
        led_pin = 12
        led_pins = [13, 19, 26]
        strip = "apa102"
        strip_spi = "0.1"
        night_from = "22:00"
        night_to = "7:00"
    """
    got = panel(tmp_path, lines)
    assert [pin for _, pin in pins_of(got)] == [17, 27, 22, 12, 5, 6, 13, 19, 26]
    assert spi_of(got.strip_spi) == (0, 1)


def test_the_same_by_variables(tmp_path: Path) -> None:
    got = panel(tmp_path, "", button_pin="17", encoder_pins="5, 6", led_pins="13,19,26", mute_closed="no")
    assert (got.button_pin, got.encoder_pins, got.led_pins, got.mute_closed) == (17, (5, 6), (13, 19, 26), False)


def test_a_pin_can_be_used_once(tmp_path: Path) -> None:
    assert problems(tmp_path, "button_pin = 17\nled_pin = 17") == [
        "GPIO17 can be used once only, and not for panel.button_pin and panel.led_pin."
    ]
    assert problems(tmp_path, "encoder_pins = [5, 5]\nled_pins = [5, 6, 13]") == [
        "GPIO5 can be used once only, and not for panel.encoder_pins and panel.encoder_pins and panel.led_pins."
    ]


@pytest.mark.parametrize("strip", ["apa102", "ws2812"])
@pytest.mark.parametrize("bus", SPI_PINS)
def test_a_strip_takes_all_pins_of_its_spi(tmp_path: Path, strip: str, bus: int) -> None:
    for pin in SPI_PINS[bus]:
        (problem,) = problems(tmp_path, f'button_pin = {pin}\nstrip = "{strip}"\nstrip_spi = "{bus}.0"')
        assert problem.startswith(f"GPIO{pin} can be used once only, and not for panel.button_pin and the SPI")


def test_a_ring_at_the_usb_takes_no_pins(tmp_path: Path) -> None:
    assert panel(tmp_path, 'button_pin = 10\nstrip = "respeaker"').button_pin == 10
    assert panel(tmp_path, 'button_pin = 10\nstrip = "apa102"\nstrip_spi = "3.0"').button_pin == 10


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("button_pin = 1", "panel.button_pin: there is no pin GPIO1 to use"),
        ("led_pins = [2, 3, 28]", "panel.led_pins: there is no pin GPIO28 to use"),
        ("encoder_pins = [0, 5]", "panel.encoder_pins: there is no pin GPIO0 to use"),
        ("encoder_pins = 5", "panel.encoder_pins needs two pins, A and B, not 1"),
        ("led_pins = [5, 6]", "panel.led_pins needs three pins, red, green and blue, not 2"),
        ('strip_spi = "9"', "panel.strip_spi = '9' is no SPI"),
        ('strip_spi = "7.0"', "panel.strip_spi = '7.0' is no SPI"),
        ('night_from = "22:00"', "panel.night_from and panel.night_to need each other"),
        ('night_from = "24:00"\nnight_to = "6:00"', "panel.night_from = '24:00' is no time of day"),
        ("active_high = true", 'panel.active_high needs panel.pull = "none"'),
    ],
)
def test_mistakes_are_told_with_the_key(tmp_path: Path, lines: str, words: str) -> None:
    (problem,) = problems(tmp_path, lines)
    assert problem.startswith(words)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, 'button_pin = 1\nencoder_pins = 5\nstrip_spi = "x"\nnight_to = "noon"')) == 5


@pytest.mark.parametrize(
    ("text", "minute"),
    [("00:00", 0), ("7:05", 425), ("23:59", 1439), (" 22:00 ", 1320), ("24:00", None), ("7", None), ("7:60", None)],
)
def test_times_of_day(text: str, minute: int | None) -> None:
    assert minute_of(text) == minute
