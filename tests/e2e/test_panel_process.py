"""The daemon as a process with a button, a mute switch and a light, at pins that a fake pigpiod drives and reads."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import rig as sound
from tests.fakes.pigpiod import Pigpiod

pytest.importorskip("pigpio")
pytestmark = [
    pytest.mark.pulse,
    pytest.mark.slow,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]

BUTTON, SWITCH, RED, GREEN, BLUE = 5, 6, 13, 19, 26
PANEL = {
    "EDGE_VOICE_PANEL__BUTTON_PIN": str(BUTTON),
    "EDGE_VOICE_PANEL__MUTE_PIN": str(SWITCH),
    "EDGE_VOICE_PANEL__LED_PINS": f"{RED},{GREEN},{BLUE}",
    "EDGE_VOICE_PANEL__BRIGHTNESS": "100",
    "EDGE_VOICE_PANEL__DEBOUNCE_MS": "40",  # a machine with much to do bounces slowly
    "EDGE_VOICE_ENGINE__USE": "none",
    "EDGE_VOICE_CONVERSATION__FOLLOW_UP_S": "0",
}
TAP_S, APART_S = 0.06, 0.6


class Device:
    """The daemon and its pins."""

    def __init__(self, running: sound.Running, pins: Pigpiod) -> None:
        self.running, self.pins = running, pins

    def press(self, seconds: float = TAP_S) -> None:
        """Down, and up again."""
        self.pins.drive(BUTTON, 0)
        time.sleep(seconds)
        self.pins.drive(BUTTON, None)

    @property
    def light(self) -> tuple[float, float, float]:
        red, green, blue = (self.pins.duty(pin) for pin in (RED, GREEN, BLUE))
        return red, green, blue

    def shines(self, *parts: bool) -> None:
        """Until red, green, blue are lit or not as told."""
        sound.wait_for(lambda: tuple(part > 0 for part in self.light) == parts, 5, f"light {parts}", self.running.text)

    def at_rest(self) -> None:
        """Whatever the last test left."""
        time.sleep(APART_S)
        self.running.wait_state("idle")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sound.Rig]:
    """One sound server for the module."""
    with sound.rig(tmp_path_factory.mktemp("rig")) as started:
        yield started


@pytest.fixture(scope="module")
def device(rig: sound.Rig) -> Iterator[Device]:
    """One daemon for the module."""
    with Pigpiod() as pins:
        running = sound.Running(rig, **PANEL, **pins.env)
        running.wait_ready()
        yield Device(running, pins)


def test_a_tap_listens_and_another_ends_it(device: Device) -> None:
    """The light goes from faint white to blue and back."""
    sound.wait_for(lambda: 0 < min(device.light) <= max(device.light) < 0.05, 5, "a faint light", device.running.text)
    device.press()
    device.running.wait_state("listening")
    device.shines(False, True, True)
    assert device.light[2] > 0.3
    time.sleep(APART_S)
    device.press()
    device.running.wait_state("idle")
    device.shines(True, True, True)


def test_a_hold_listens_until_it_is_let_go(device: Device) -> None:
    device.at_rest()
    before = len(device.running.of("state"))
    device.pins.drive(BUTTON, 0)
    device.running.wait_state("listening")
    time.sleep(1.0)
    assert device.running.of("state")[-1]["state"] == "listening"
    device.pins.drive(BUTTON, None)
    device.running.wait_state("idle")
    assert [e["state"] for e in device.running.of("state")[before:]] == ["listening", "thinking", "idle"]


def test_a_double_tap_forgets(device: Device) -> None:
    device.at_rest()
    before = len(device.running.of("forgotten"))
    device.press()
    time.sleep(0.1)
    device.press()
    device.running.wait_count("forgotten", before + 1)
    device.running.wait_state("idle")


def test_a_bouncing_button_is_one_press(device: Device) -> None:
    device.at_rest()
    before = len(device.running.of("state"))
    for level in (0, None, 0, None, 0):
        device.pins.drive(BUTTON, level)
    device.running.wait_state("listening")
    time.sleep(0.1)
    device.pins.drive(BUTTON, None)
    time.sleep(0.3)
    assert len(device.running.of("state")) == before + 1
    device.press()
    device.running.wait_state("idle")


def test_long_holds_are_refused_where_a_switch_decides(device: Device) -> None:
    """Then the light stays as it is, and why is told."""
    device.at_rest()
    before = len(device.running.of("error"))
    device.press(3.3)
    device.running.wait_count("error", before + 1)
    assert "mute switch on the device is not set" in device.running.of("error")[-1]["message"]
    device.running.wait_state("idle")


def test_the_switch_wins(device: Device) -> None:
    """Red light, closed microphone, and `unmute` is told of the switch."""
    device.at_rest()
    device.pins.drive(SWITCH, 0)
    device.running.wait_state("muted")
    device.shines(True, False, False)
    sound.wait_for(lambda: not device.running.status()["microphone"]["open"], 5, "the microphone to close")
    before = len(device.running.of("error"))
    device.running.call("unmute")
    device.running.wait_count("error", before + 1)
    assert "muted by the switch" in device.running.of("error")[-1]["message"]
    assert device.running.status()["muted"]
    assert device.light == (device.light[0], 0, 0)
    device.pins.drive(SWITCH, None)
    device.running.wait_state("idle")
    device.shines(True, True, True)
    sound.wait_for(lambda: device.running.call("status").returncode == 0, 10, "the microphone again")


def test_presses_are_not_delayed_by_a_filter(device: Device) -> None:
    """pigpiod's own debouncing tells a press only when the contact has been still."""
    assert set(device.pins.chip.filters) == {0}


def test_sigterm_leaves_it_dark(device: Device) -> None:
    """Last in the module: the daemon is gone afterwards."""
    device.running.process.send_signal(signal.SIGTERM)
    assert device.running.process.wait(3) == 0
    assert [device.pins.chip.pins[pin].output for pin in (RED, GREEN, BLUE)] == [False] * 3
    assert "Traceback" not in device.running.text()


# --- daemons of their own ------------------------------------------------------------------------------


def test_a_long_hold_mutes_and_unmutes_without_a_switch(rig: sound.Rig) -> None:
    with Pigpiod() as pins:
        running = sound.Running(rig, **PANEL | {"EDGE_VOICE_PANEL__MUTE_PIN": "0"}, **pins.env)
        running.wait_ready()
        device = Device(running, pins)
        for state in ("muted", "idle"):
            time.sleep(APART_S)
            device.press(3.3)
            running.wait_state(state)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(3) == 0


def test_the_switch_counts_before_the_microphone_opens(rig: sound.Rig) -> None:
    """It was set before the device was switched on: no frame is ever taken."""
    with Pigpiod() as pins:
        pins.drive(SWITCH, 0)
        running = sound.Running(rig, **PANEL, **pins.env)
        sound.wait_for(lambda: running.call("status").stdout, 20, "an answer", running.text)
        pins.wait(RED, 0.3)
        status = running.status()
        assert status["muted"]
        assert status["state"] == "muted"
        assert not status["microphone"]["open"]
        assert status["microphone"]["level_db"] == -96.0
        assert device_is_red(pins)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(3) == 0


def device_is_red(pins: Pigpiod) -> bool:
    return pins.duty(GREEN) == pins.duty(BLUE) == 0


def test_a_machine_without_pins_says_so_once_and_goes_on(rig: sound.Rig, tmp_path: Path) -> None:
    nobody = {"GPIOZERO_PIN_FACTORY": "native", "EDGE_VOICE_PANEL__MUTE_PIN": "0"}
    if Path("/sys/firmware/devicetree/base/model").exists():
        pytest.skip("this may be a machine with pins")
    running = sound.Running(rig, **PANEL | nobody)
    running.wait_ready()
    log = running.text()
    lines = [line for line in log.splitlines() if "No button or lamp works here" in line]
    assert len(lines) == 1
    running.call("press")
    running.wait_state("listening")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(3) == 0
    assert "Traceback" not in log
