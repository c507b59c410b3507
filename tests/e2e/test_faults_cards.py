"""Cards and sound servers that go and come back, on the whole daemon: it stays up, says so, and talks again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests import rig as sound
from tests.bench.attended import Attended, attended
from tests.bench.realtime import Served
from tests.fakes.pigpiod import Pigpiod
from tests.faults import Cards

pytest.importorskip("pigpio")
pytestmark = [
    pytest.mark.pulse,
    pytest.mark.long,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]

RED, GREEN, BLUE = 13, 19, 26
LAMPS = {"EDGE_VOICE_PANEL__LED_PINS": f"{RED},{GREEN},{BLUE}", "EDGE_VOICE_PANEL__BRIGHTNESS": "100"}
NOTICED_S, BACK_S = 5, 10  # limits for a busy machine; the figures are measured by `tests.bench faults`
STATES = ["idle", "listening", "thinking", "speaking"]


class Scene:
    """A device, whoever talks to it, its cards and its light."""

    def __init__(self, person: Attended, served: Served, cards: Cards, pins: Pigpiod) -> None:
        self.person, self.served, self.cards, self.pins = person, served, cards, pins
        self.process = person.device.process

    def bring_to(self, state: str) -> None:
        """In the middle of a turn, or at rest."""
        self.served.think_ms = 60_000 if state == "thinking" else 0
        self.served.seconds = 8.0
        if state in {"thinking", "speaking"}:
            self.person.command("ask", "sing")
        elif state == "listening":
            self.person.command("press")
        self.person.device.wait_state(state, 10)
        if state == "listening":
            self.person.device.rig.play(self.person.words)
        time.sleep(0.3)

    def problems(self) -> str:
        return " ".join(self.person.command("status")["problems"])

    def is_told(self, words: str) -> None:
        """Status and light say what is wrong."""
        sound.wait_for(lambda: words in self.problems(), NOTICED_S, words, self.person.device.text)

    def is_red(self) -> None:
        """As it is at rest while something is broken: it blinks."""
        red, green, blue = RED, GREEN, BLUE
        sound.wait_for(
            lambda: self.pins.duty(red) > 0 == self.pins.duty(green) == self.pins.duty(blue), 5, "a red light"
        )

    def talks(self) -> None:
        """It is ready, and the next turn works."""
        self.person.ready(BACK_S)
        self.served.seconds, self.served.think_ms = 0.3, 0
        sound.wait_for(self.at_rest, 15, "rest", self.person.device.text)
        self.person.converse(self.served, self.cards.speaker)
        assert self.process.poll() is None
        assert "Traceback" not in self.person.device.text()

    def at_rest(self) -> bool:
        status = self.person.command("status")
        if status["state"] in {"thinking", "speaking", "listening"}:
            self.person.command("press")
            time.sleep(0.3)
        return bool(status["state"] == "idle")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One for the module."""
    served = Served()
    with (
        sound.rig(tmp_path_factory.mktemp("rig")) as rig,
        Pigpiod() as pins,
        attended(rig, served, **LAMPS, **pins.env) as person,
    ):
        yield Scene(person, served, Cards(rig), pins)


@pytest.mark.parametrize("renamed", [False, True], ids=["same", "renumbered"])
@pytest.mark.parametrize("state", STATES)
def test_a_microphone_is_unplugged_and_plugged_in_again(scene: Scene, state: str, renamed: bool) -> None:
    scene.bring_to(state)
    scene.cards.unplug("mic")
    scene.is_told("microphone")
    if state == "idle":
        scene.is_red()
    scene.cards.plug("mic", renamed=renamed)
    scene.talks()


@pytest.mark.parametrize("renamed", [False, True], ids=["same", "renumbered"])
@pytest.mark.parametrize("state", ["speaking", "idle"])
def test_a_speaker_is_unplugged_and_plugged_in_again(scene: Scene, state: str, renamed: bool) -> None:
    scene.bring_to(state)
    scene.cards.unplug("spk")
    if state == "speaking":
        scene.is_told("speaker")
        scene.is_red()
    time.sleep(1)
    scene.cards.plug("spk", renamed=renamed)
    scene.talks()


@pytest.mark.parametrize("state", STATES)
def test_the_sound_server_ends_and_is_started_again(scene: Scene, state: str) -> None:
    scene.bring_to(state)
    scene.cards.kill_server()
    scene.is_told("microphone")
    scene.cards.restart_server()
    scene.talks()


@pytest.mark.parametrize("then_killed", [False, True], ids=["thawed", "killed"])
@pytest.mark.parametrize("state", ["listening", "speaking"])
def test_the_sound_server_hangs(scene: Scene, state: str, then_killed: bool) -> None:
    """A close of PortAudio's hangs with it."""
    scene.bring_to(state)
    scene.cards.freeze_server(on=True)
    try:
        scene.is_told("microphone")
        time.sleep(3)
    finally:
        if then_killed:
            scene.cards.kill_server()
            scene.cards.restart_server()
        else:
            scene.cards.freeze_server(on=False)
    scene.talks()


@pytest.mark.parametrize("state", STATES)
def test_a_microphone_stands_still(scene: Scene, state: str) -> None:
    """No error comes of it."""
    scene.bring_to(state)
    scene.cards.suspend("mic", on=True)
    scene.is_told("has stopped")
    scene.cards.suspend("mic", on=False)
    scene.talks()


def test_a_speaker_stands_still(scene: Scene) -> None:
    scene.bring_to("speaking")
    scene.cards.suspend("spk", on=True)
    scene.is_told("The speaker has stopped")
    scene.cards.suspend("spk", on=False)
    scene.talks()


def test_a_microphone_delivers_the_same_sample_over_and_over(scene: Scene) -> None:
    scene.bring_to("idle")
    with scene.cards.stuck():
        scene.is_told("the same sample over and over")
        scene.is_red()
    scene.talks()


def test_a_microphone_delivers_nothing_but_zeros(scene: Scene) -> None:
    """It may be a quiet room's, as far as anybody knows, until somebody has talked to it."""
    scene.bring_to("idle")
    sound.wait_for(lambda: scene.person.command("status")["microphone"]["silent"], 10, "silence", scene.problems)
    before = len(scene.person.device.of("error"))
    scene.person.command("press")
    scene.person.device.wait_count("error", before + 1, 15)
    assert "nothing but silence" in scene.person.device.of("error")[-1]["message"]
    scene.talks()
    assert not scene.person.command("status")["microphone"]["silent"]
