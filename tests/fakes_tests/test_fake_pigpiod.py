"""The fake pigpiod speaks as the package pigpio and gpiozero understand it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from tests.fakes import pigpiod
from tests.fakes.pigpiod import Pigpiod

pigpio = pytest.importorskip("pigpio")
NAMES = ("MODES", "MODEG", "PUD", "READ", "WRITE", "PWM", "PRS", "PFS", "BR1", "TICK", "HWVER", "NB", "NC", "PRG",
         "PFG", "GDC", "FG", "NOIB")  # fmt: skip


@pytest.fixture
def server() -> Iterator[Pigpiod]:
    with Pigpiod() as started:
        yield started


@pytest.mark.parametrize("name", NAMES)
def test_commands_have_the_packages_numbers(name: str) -> None:
    assert getattr(pigpiod, name) == getattr(pigpio, f"_PI_CMD_{name}")


def test_pulls_and_modes_have_the_packages_numbers() -> None:
    assert pigpiod.UP == pigpio.PUD_UP
    assert (pigpio.INPUT, pigpio.OUTPUT) == (0, 1)


def test_the_packages_own_client(server: Pigpiod) -> None:
    """Levels, pulls, pulses and edges."""
    client = pigpio.pi("127.0.0.1", int(server.env["PIGPIO_PORT"]))
    assert client.get_hardware_revision() == pigpiod.PI_3B
    assert [client.read(pin) for pin in (5, 8, 9, 17)] == [1, 1, 0, 0]
    client.set_pull_up_down(17, pigpio.PUD_UP)
    assert client.read(17) == 1
    client.set_mode(18, pigpio.OUTPUT)
    client.set_PWM_range(18, 1000)
    client.set_PWM_frequency(18, 100)
    client.set_PWM_dutycycle(18, 250)
    assert client.get_PWM_dutycycle(18) == 250
    assert server.duty(18) == 0.25
    edges, came = list[tuple[int, int]](), threading.Event()

    def edge(pin: int, level: int, _tick: int) -> None:
        edges.append((pin, level))
        if len(edges) == 2:
            came.set()

    callback = client.callback(5, pigpio.EITHER_EDGE, edge)
    server.drive(5, 0)
    server.drive(6, 0)  # not watched
    server.drive(5, None)
    assert came.wait(5)
    assert edges == [(5, 0), (5, 1)]
    callback.cancel()
    client.stop()


def test_what_it_does_not_know_ends_the_connection(server: Pigpiod) -> None:
    """Rather than a wrong answer."""
    chip = server.chip
    with pytest.raises(NotImplementedError, match="command 41"):
        pigpiod._at_pin(chip, chip.pins[5], 41, 0)


def test_gpiozero_takes_it_for_a_board(server: Pigpiod, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpiozero import Device

    from edge.panel.pins import pin_factory

    for name, value in server.env.items():
        monkeypatch.setitem(os.environ, name, value)
    before, Device.pin_factory = Device.pin_factory, None
    try:
        factory = pin_factory()
        assert factory.board_info.model == "3B"
        factory.close()
    finally:
        Device.pin_factory = before
