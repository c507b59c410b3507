"""The panel: pins of gpiozero's mock, files as the kernel would have them, and the words for what is missing."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gpiozero import Device

from edge.config import Config, Panel
from edge.config.places import SERVICE
from edge.doctor import panel
from edge.doctor.checks import State, fail, skipped
from edge.doctor.panel import Account, account_of, closed_to, described, may_use, no_pins, unlit, usb_node
from edge.doctor.site import BAD_CONFIG, Asked, Presence, Site
from tests.fakes.lamps import Bus, Usb, put_in, spidev, usb
from tests.panel.boards import board

ROOT = Account("root", 0, frozenset())
SOMEBODY = Account("pi", 4_000_000, frozenset({4_000_001}))
FULL = Panel(button_pin=17, button2_pin=27, mute_pin=4, led_pins=(22, 23, 24), encoder_pins=(5, 6), strip="respeaker")


def site(settings: Panel, asked: Asked | None = None) -> Site:
    config = replace(Config(), panel=settings)
    return Site(config, [], Path("/state"), Path("/run/c.sock"), asked or Asked(Presence.ABSENT))


def looked(settings: Panel, asked: Asked | None = None) -> list[tuple[State, str]]:
    return [(one.state, one.found) for one in panel.check(site(settings, asked))]


# --- what is configured --------------------------------------------------------------------------------


def test_nothing_configured_is_one_line() -> None:
    assert looked(Panel()) == [(State.SKIPPED, "No button and no light is configured.")]
    assert panel.check(Site(None, ["bad"], Path("/state"), Path("/run/c.sock"))) == [BAD_CONFIG]


def test_everything_configured_is_one_line() -> None:
    assert described(FULL) == (
        "button at GPIO17, second button at GPIO27, mute switch at GPIO4, encoder at GPIO5/GPIO6, "
        "lamp at GPIO22/GPIO23/GPIO24, lamps: respeaker"
    )
    assert described(Panel(led_pin=18)) == "lamp at GPIO18"


# --- pins ----------------------------------------------------------------------------------------------


def test_pins_that_are_there_and_are_left_as_they_were() -> None:
    with board() as factory:
        assert looked(Panel(button_pin=17, led_pin=18)) == [(State.WELL, "button at GPIO17, lamp at GPIO18.")]
        assert {factory.pin(pin).function for pin in (17, 18)} == {"input"}


def test_a_pin_that_another_program_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """lgpio's message for it."""

    class Busy:
        def pin(self, number: int) -> Any:
            if number == 17:
                raise OSError("'GPIO busy'")
            return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(Device, "pin_factory", Busy())
    assert looked(Panel(button_pin=17, mute_pin=4)) == [
        (State.FAIL, "panel.button_pin: GPIO17 cannot be used: GPIO busy.")
    ]


@pytest.mark.skipif(bool(list(Path("/dev").glob("gpiochip*"))), reason="this machine has pins")
def test_a_machine_without_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    monkeypatch.setattr(Device, "pin_factory", None)
    assert looked(Panel(button_pin=17, pin_factory="native")) == [
        (State.FAIL, "No pin can be used: this machine has none (no /dev/gpiochip*).")
    ]


def test_why_there_are_no_pins(tmp_path: Path) -> None:
    chip = tmp_path / "gpiochip0"
    chip.touch(0o600)
    found = no_pins("gpiozero is not installed: pip install 'edge-voice[pi]'", [chip], SOMEBODY)
    assert found == fail("No pin can be used: gpiozero is not installed.", "pip install 'edge-voice[pi]'")
    assert no_pins("lgpio is not installed", [], SOMEBODY).todo == "pip install 'edge-voice[pi]'"
    assert no_pins("can not open gpiochip", [chip], SOMEBODY).found.startswith("pi may not use ")
    assert no_pins("can not open gpiochip.", [chip], ROOT).found == "No pin can be used: can not open gpiochip."


# --- strips and rings ----------------------------------------------------------------------------------


def test_a_strip_that_is_there_stays_dark(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus()
    put_in(monkeypatch, spidev=spidev(bus))
    assert looked(Panel(strip="apa102", strip_pixels=2, strip_spi="1.2")) == [(State.WELL, "lamps: apa102.")]
    assert (bus.opened, bus.closed) == ([(1, 2)], 1)
    assert [data[4:12] for data in bus.written] == [b"\xff\0\0\0" * 2]


def test_a_strip_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(monkeypatch, spidev=spidev(Bus(present=False)))
    (one,) = panel.check(site(Panel(strip="ws2812")))
    assert one == fail("The WS2812 strip at /dev/spidev0.0 cannot be used: No such file or directory.",
                       "Is the SPI on (dtparam=spi=on)?")  # fmt: skip
    put_in(monkeypatch, spidev=None)
    (one,) = panel.check(site(Panel(strip="ws2812")))
    assert one == fail("The WS2812 strip needs spidev.", "pip install spidev")


@pytest.mark.parametrize(
    ("machine", "state", "todo"),
    [
        (Usb(), State.WELL, ""),
        (Usb(plugged=False), State.FAIL, "Is it plugged in? See: lsusb"),
        (Usb(library=False), State.FAIL, "Is libusb-1.0-0 installed?"),
    ],
)
def test_a_ring(machine: Usb, state: State, todo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in usb(machine).items():
        monkeypatch.setitem(sys.modules, name, module)
    (one,) = panel.check(site(Panel(strip="respeaker")))
    assert (one.state, one.todo) == (state, todo)
    assert machine.disposed == (1 if state is State.WELL else 0)


def test_words_without_advice() -> None:
    assert unlit("The ReSpeaker's ring needs pyusb: pip install pyusb.") == fail(
        "The ReSpeaker's ring needs pyusb.", "pip install pyusb"
    )


def test_the_file_of_a_usb_device(tmp_path: Path) -> None:
    for folder, product in (("1-1", "0018"), ("1-2", "zz"), ("usb1", "0002")):
        (tmp_path / folder).mkdir()
        for name, text in (("idVendor", "2886"), ("idProduct", product), ("busnum", "1"), ("devnum", "12")):
            (tmp_path / folder / name).write_text(f"{text}\n")
    (tmp_path / "1-1:1.0").mkdir()  # an interface has no ids of its own
    assert usb_node(0x2886, 0x0018, tmp_path) == Path("/dev/bus/usb/001/012")
    assert usb_node(0x2886, 0x0019, tmp_path) is None


# --- a running daemon ----------------------------------------------------------------------------------


def test_a_running_daemon_is_asked() -> None:
    button = Panel(button_pin=17)
    assert looked(button, Asked(Presence.RUNS, {"panel": []})) == [
        (State.WELL, "button at GPIO17 (asked of the daemon).")
    ]
    assert looked(button, Asked(Presence.RUNS, {"panel": ["The button at GPIO17 cannot be used: GPIO busy."]})) == [
        (State.FAIL, "The button at GPIO17 cannot be used: GPIO busy.")
    ]


@pytest.mark.parametrize("asked", [Asked(Presence.RUNS, {}), Asked(Presence.SILENT)])
def test_what_a_daemon_holds_and_does_not_tell_is_left_alone(asked: Asked) -> None:
    (one,) = panel.check(site(Panel(button_pin=17), asked))
    assert one == skipped("The daemon holds the pins, and does not say how they are.")


# --- who may -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "account", "may"),
    [
        (0o600, ROOT, True),
        (0o600, Account("a", 1, frozenset({2})), True),
        (0o060, Account("a", 1, frozenset({2})), False),  # the owner's bits count for the owner
        (0o660, Account("a", 3, frozenset({2, 9})), True),
        (0o640, Account("a", 3, frozenset({2})), False),
        (0o660, Account("a", 3, frozenset({9})), False),
        (0o666, Account("a", 3, frozenset({9})), True),
    ],
)
def test_who_may_use_a_file_of_user_1_and_group_2(mode: int, account: Account, may: bool) -> None:
    status = os.stat_result((mode, 0, 0, 1, 1, 2, 0, 0, 0, 0))
    assert may_use(status, account) is may


def test_what_makes_it_usable(tmp_path: Path) -> None:
    closed, group = tmp_path / "closed", tmp_path / "group"
    closed.touch()
    closed.chmod(0o600)
    group.touch()
    group.chmod(0o660)
    found = closed_to([closed], SOMEBODY)
    assert found == fail(f"pi may not use {closed}: it is for root alone.", panel.RULES)
    assert closed_to([closed, tmp_path / "none"], ROOT) is None
    assert closed_to([tmp_path / "none"], SOMEBODY) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize(("name", "then"), [("pi", "log in again"), ("edge-voice", "systemctl restart edge-voice")])
def test_a_group_that_the_account_is_not_in(tmp_path: Path, name: str, then: str) -> None:
    node = tmp_path / "gpiochip0"
    node.touch()
    node.chmod(0o660)
    os.chown(node, 0, 4_000_002)
    assert closed_to([node], Account(name, 4_000_000, frozenset())) == fail(
        f"{name} may not use {node}: that is for the group 4000002.",
        f"sudo usermod -aG 4000002 {name}, then {then}",
    )
    assert closed_to([node], Account(name, 4_000_000, frozenset({4_000_002}))) is None


def test_who_runs_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    assert account_of(Path("/state")).uid == os.getuid()
    assert account_of(Path("/state")).groups >= set(os.getgroups())
    monkeypatch.setattr(panel, "USER", "daemon")  # a user that every system has, for the service's
    service = account_of(SERVICE)
    assert (service.name, service.uid) == ("daemon", 1)
    monkeypatch.setattr(panel, "USER", "no-such-user")
    assert account_of(SERVICE).uid == os.getuid()
