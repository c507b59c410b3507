"""A whole device that listens for words: the models, the front end and the conversation."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.config import Audio, Config, Conversation, Wake, load
from edge.core.effects import Ears
from edge.core.events import MuteSet
from edge.doctor import wake as doctor
from edge.doctor.checks import Result, State
from edge.doctor.site import BAD_CONFIG, Asked, Presence, Site
from edge.errors import ConfigError
from edge.panel.terminal.gauges import Sight, hint
from edge.testing import Reply, ScriptedAgent, SimulatedDevice
from tests.bench.clips import DATA
from tests.signals import recording

ALEXA = recording(DATA / "speech/kw_alexa_00.flac")[: round(1.5 * 16_000)]  # the word ends there
LAMP = recording(DATA / "speech/livingroom_lamp.flac")
CALLED = np.concatenate([ALEXA, LAMP])
STORY = Reply("tell me a story", "Once upon a time.", 20.0)
CALLS, STOPS = Wake(word="alexa"), Wake(stop_word="alexa", stop_sensitivity="medium")


def used(
    use: Callable[[SimulatedDevice], Awaitable[None]],
    wake: Wake,
    *replies: Reply,
    barge_in: str = "duck",
    follow_up_s: float = 6.0,
) -> SimulatedDevice:
    """A device with these words, used."""
    conversation = replace(Conversation(), barge_in=barge_in, follow_up_s=follow_up_s)
    audio = replace(Audio(), echo="off")  # there is none here, and nothing that cancels one bears the steady tone
    config = replace(Config(), wake=wake, conversation=conversation, audio=audio)

    async def main() -> SimulatedDevice:
        async with SimulatedDevice(ScriptedAgent(replies), config) as device:
            await use(device)
            return device

    return asyncio.run(asyncio.wait_for(main(), 100))


def asked_s(device: SimulatedDevice) -> float:
    """How much sound the engine has got."""
    assert isinstance(device.agent, ScriptedAgent)
    return sum(map(len, device.agent.heard.values())) / 32_000


# --- the wake word ---------------------------------------------------------------------------------------


def test_called_and_asked_in_one_breath_it_answers() -> None:
    async def use(device: SimulatedDevice) -> None:
        await device.hear(CALLED, then=1.0)

    device = used(use, CALLS, Reply("turn on the lamp"))
    assert [turn["kind"] for turn in device.watcher.of("turn")] == ["tap"]
    assert asked_s(device) == pytest.approx(len(LAMP) / 16_000 + 0.4, abs=0.4)  # without the word


def test_called_by_mistake_it_comes_to_rest() -> None:
    async def use(device: SimulatedDevice) -> None:
        await device.hear(ALEXA, then=0.5)
        assert device.state == "listening"
        await device.run(9.0)

    device = used(use, CALLS)
    assert (device.state, device.front._mode) == ("idle", Ears.AWAIT)
    assert isinstance(device.agent, ScriptedAgent)
    assert [name for name, _ in device.agent.calls] == ["drop_turn"]


def test_without_the_section_the_word_means_nothing() -> None:
    async def use(device: SimulatedDevice) -> None:
        await device.hear(CALLED, then=1.0)

    device = used(use, Wake())
    assert (device.watcher.of("turn"), device.front.words, device.front._mode) == ([], None, Ears.OFF)


def test_muted_it_is_not_called() -> None:
    async def use(device: SimulatedDevice) -> None:
        device.daemon.post(MuteSet(on=True))
        await device.hear(CALLED, then=1.0)
        assert device.state == "muted"
        device.daemon.post(MuteSet(on=False))
        await device.run(1.0)
        assert device.state == "idle"
        await device.hear(ALEXA, then=0.5)
        assert device.state == "listening"

    device = used(use, CALLS)
    assert device.front.words is not None
    assert device.front.words.heard == 1


def test_its_call_interrupts_where_no_other_voice_may() -> None:
    async def use(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(LAMP, then=1.0)
        await device.until("speaking")
        await device.hear(LAMP, then=0.5)
        assert device.state == "speaking"
        await device.hear(CALLED, then=1.0)

    device = used(use, CALLS, STORY, Reply("turn on the lamp"), barge_in="button")
    assert isinstance(device.agent, ScriptedAgent)
    assert [turn for turn, _ in device.agent.interrupted] == [1]
    assert len(device.watcher.of("turn")) == 2


# --- the stop word ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("barge_in", ["duck", "stop", "button"])
@pytest.mark.parametrize(("follow_up_s", "state"), [(0.0, "idle"), (6.0, "listening")])
def test_the_stop_word_ends_a_reply_and_asks_nothing(barge_in: str, follow_up_s: float, state: str) -> None:
    async def use(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(LAMP, then=1.0)
        await device.until("speaking")
        await device.run(1.0)
        await device.hear(ALEXA, then=0.8)
        assert device.state == state
        await device.run(follow_up_s + 1.0)

    device = used(use, STOPS, STORY, Reply("alexa"), barge_in=barge_in, follow_up_s=follow_up_s)
    assert device.state == "idle"
    assert isinstance(device.agent, ScriptedAgent)
    assert [turn for turn, _ in device.agent.interrupted] == [1]
    assert [name for name, _ in device.agent.calls if name == "end_of_turn"] == ["end_of_turn"]


def test_at_rest_the_stop_word_costs_nothing_and_means_nothing() -> None:
    async def use(device: SimulatedDevice) -> None:
        await device.hear(ALEXA, then=1.0)

    device = used(use, STOPS)
    assert (device.state, device.front._mode) == ("idle", Ears.OFF)


# --- what is told of it ----------------------------------------------------------------------------------


def test_a_word_that_cannot_be_used_leaves_the_button() -> None:
    async def use(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(LAMP, then=1.0)

    device = used(use, Wake(word="/nowhere/hello.json"), Reply("turn on the lamp"))
    assert len(device.watcher.of("turn")) == 1
    assert device.front.wordless.startswith("There is no file /nowhere/hello.json")
    assert not device.front.wakes


def test_the_terminal_says_what_to_say() -> None:
    assert hint(Sight("idle", status={"microphone": {"wake_word": "Hey Jarvis"}})) == (
        'say "Hey Jarvis" or press space and talk'
    )
    assert hint(Sight("listening", status={"microphone": {"wake_word": "Hey Jarvis"}})) == "talk now"


def looked(wake: Wake) -> Result:
    config = replace(Config(), wake=wake)
    [result] = doctor.check(Site(config, [], Path("/state"), Path("/run/c.sock"), Asked(Presence.ABSENT)))
    return result


def test_doctor_loads_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(Wake()).state is State.SKIPPED
    both = looked(Wake(word="hey_jarvis", stop_word="alexa"))
    assert (both.state, both.found) == (State.WELL, '"Hey Jarvis" wakes the device, "Alexa" silences a reply.')
    assert looked(Wake(word="/nowhere/hello.json")).state is State.FAIL
    site = Site(None, ["bad"], Path("/state"), Path("/run/c.sock"))
    assert doctor.check(site) == [BAD_CONFIG]
    monkeypatch.setitem(sys.modules, "pymicro_wakeword", None)
    missing = looked(Wake(word="alexa"))
    assert (missing.state, "pip install" in missing.found) == (State.FAIL, True)


def problems(tmp_path: Path, lines: str) -> list[str]:
    (tmp_path / "c.toml").write_text(f"[wake]\n{lines}\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "c.toml", {})
    return caught.value.problems


def test_mistakes_in_the_section(tmp_path: Path) -> None:
    [wrong] = problems(tmp_path, 'word = "hey_jervis"')
    assert wrong.startswith("wake.word = 'hey_jervis' is no word that is built in, nor a .json file.")
    assert "hey_jarvis" in wrong
    assert problems(tmp_path, 'word = "alexa"\nstop_word = "alexa"') == [
        "wake.word and wake.stop_word are the same; one word cannot do both."
    ]
    [wrong] = problems(tmp_path, 'sensitivity = "great"')
    assert "low, medium, high" in wrong


def test_without_the_section_nothing_of_it_is_loaded() -> None:
    """The whole assembly is imported, and the package is not."""
    code = "import sys, edge.wiring, edge.audio.wake; sys.exit('pymicro_wakeword' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
