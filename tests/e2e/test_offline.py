"""The offline engine with its real models on the simulated device: what must not break it, and what must be right."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.agents.local.setup import local_agent
from edge.audio.files import load
from edge.config import Config, Local
from edge.config import load as load_config
from edge.testing import SimulatedDevice, tone
from tests.speech import models_present

SPEECH = Path(__file__).parents[1] / "data/speech"
NOISE = Path(__file__).parents[1] / "data/noise"

pytestmark = pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch")

Scenario = Callable[[SimulatedDevice], Awaitable[None]]


def converse(scenario: Scenario) -> None:
    """Run a scenario on a simulated device with the real offline engine, without the language model."""

    async def main() -> None:
        base = load_config()
        talk = replace(
            Config().conversation, follow_up_s=0.0, reply_s=200.0
        )  # the recording runs faster than its reading
        config = replace(base, conversation=talk, local=replace(base.local, llm="off"))
        device = SimulatedDevice(config=config)
        agent = local_agent(config.local, lambda event: device.daemon.post(event))  # noqa: PLW0108  made later
        device.agent = agent
        async with device:
            await device.run_until(lambda: device.daemon.conversation.ready)
            await scenario(device)

    asyncio.run(main())


def test_five_minutes_of_talking_lose_nothing() -> None:
    """Push-to-talk for five minutes: words from the beginning, the middle and the end are all there."""
    names = ("jfk", "vctk_p286_011", "libri_2412_0000", "libri_1272_0000", "librivox_0890")
    rounds = [np.concatenate([load(SPEECH / f"{name}.flac") for name in names])] * 8
    ends = [load(SPEECH / "livingroom_lamp.flac")]
    monologue = np.concatenate([*ends, *rounds, load(SPEECH / "goforward.flac")])
    assert len(monologue) > 300 * 16_000

    async def scenario(device: SimulatedDevice) -> None:
        device.button(down=True)
        await device.run(0.5)
        await device.hear(monologue, then=0.3)
        device.button(down=False)
        await device.until("idle", 400)
        text = " ".join(device.understood).lower()
        assert text.startswith("turn on the living room lamp"), text[:80]
        assert "go forward" in text[-40:], text[-80:]
        for words in ("fellow americans", "pot of gold"):  # Whisper says a sentence twice now and then
            assert len(rounds) <= text.count(words) <= len(rounds) + 1
        assert not device.problems

    converse(scenario)


def test_half_a_second_of_uh_is_no_question_and_no_crash() -> None:
    """A voiced sound without words."""
    hum = np.frombuffer(tone(0.5, 140.0, 16_000), np.int16) + np.frombuffer(tone(0.5, 420.0, 16_000), np.int16) // 2

    async def scenario(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(hum, then=1.0)
        await device.until("idle")
        assert not device.problems

    converse(scenario)


@pytest.mark.parametrize("name", ["rain_1-17367-A", "dishes_a", "sneeze_1-26143-A", "exercise_bike"])
def test_noise_gets_no_answer(name: str) -> None:
    """Whisper invents sentences for noise; none of them may be answered."""

    async def scenario(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(NOISE / f"{name}.flac", then=1.0)
        await device.until("idle")
        assert device.understood == []
        assert device.said == ""

    converse(scenario)


def test_a_question_cut_in_two_by_a_pause_is_one_question() -> None:
    """The second half comes while the device thinks about the first."""
    one, two = load(SPEECH / "cards_005.flac"), load(SPEECH / "livingroom_lamp.flac")

    async def scenario(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(np.concatenate([one, np.zeros(9600, np.int16), two]), then=1.0)
        await device.until("idle")
        assert "living room lamp" in " ".join(device.understood).lower()

    converse(scenario)


def test_without_models_the_device_says_what_to_do(tmp_path: Path) -> None:
    """And it does not die of it."""

    async def main() -> None:
        device = SimulatedDevice()
        device.agent = local_agent(Local(models_dir=str(tmp_path)), lambda event: device.daemon.post(event))  # noqa: PLW0108
        async with device:
            await device.run(0.1)
            device.press()
            await device.run(0.1)
            assert any("edge-voice models fetch" in problem for problem in device.problems)
            assert device.state == "error"

    asyncio.run(main())
