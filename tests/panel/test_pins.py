"""Which library reaches the pins, and what is said when none does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from edge.errors import PanelError
from edge.panel.pins import pin_factory
from tests.fakes.lamps import put_in
from tests.panel.boards import board


def test_a_factory_that_is_there_already_is_taken() -> None:
    with board() as pins:
        assert pin_factory() is pins


def test_gpiozeros_own_variable_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    before, Device.pin_factory = Device.pin_factory, None
    try:
        assert isinstance(pin_factory(), MockFactory)
    finally:
        Device.pin_factory = before


@pytest.mark.parametrize("name", ["", "native", "pigpio"])
def test_without_pins_one_line_says_so(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever gpiozero and pigpio print of it themselves."""
    if Path("/sys/firmware/devicetree/base/model").exists():
        pytest.skip("this may be a machine with pins")
    monkeypatch.setenv("PIGPIO_PORT", "1")
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    before, Device.pin_factory = Device.pin_factory, None
    try:
        with pytest.raises(PanelError) as caught:
            pin_factory(name)
    finally:
        Device.pin_factory = before
    assert len(str(caught.value).splitlines()) == 1
    assert capsys.readouterr() == ("", "")


def test_gpiozero_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(monkeypatch, gpiozero=None)
    with pytest.raises(PanelError, match=r"gpiozero is not installed: pip install 'edge-voice\[pi\]'"):
        pin_factory()


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(monkeypatch, lgpio=None)
    with pytest.raises(PanelError, match="lgpio is not installed"):
        pin_factory("lgpio")


def test_lgpio_gets_a_folder_that_a_service_may_write_to() -> None:
    """Its pipe is made where LG_WD says, which it reads as it is loaded; unset, that is /."""
    code = "from edge.panel.pins import _give_lgpio_a_folder as give; give(); import os; print(os.environ.get('LG_WD'))"
    for env, folder in (
        ({"RUNTIME_DIRECTORY": "/run/edge-voice:/run/other"}, "/run/edge-voice"),
        ({"RUNTIME_DIRECTORY": "/run/edge-voice", "LG_WD": "/tmp"}, "/tmp"),
        ({}, "None"),
    ):
        out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        assert out.stdout.strip() == folder


def test_nothing_of_gpiozero_is_loaded_before_it_is_needed() -> None:
    code = "import sys, edge.service; print({'gpiozero', 'spidev', 'usb', 'lgpio'} & {*sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
