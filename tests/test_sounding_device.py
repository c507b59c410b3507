"""A whole device with its sounds: what is heard, what the microphone makes of it, what the ledger counts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.audio.chimes import chime
from edge.audio.convert import Samples, level_db
from edge.audio.files import load
from edge.config import Config, Conversation, Sounds
from edge.core.effects import Tone
from edge.core.events import AgentLost, MuteSet
from edge.testing import Reply, ScriptedAgent, SimulatedDevice
from tests.signals import noise

SPOKEN = load(Path("edge/data/turn_on_the_living_room_lamp.flac"))
QUESTION = SPOKEN[: np.flatnonzero(np.abs(SPOKEN) > 1000)[-1]]  # to its last word
ROOM = noise(1.0, loudness=0.001)
STARTS = Sounds(start=True, end=True)


def config(sounds: Sounds, barge_in: str = "duck") -> Config:
    return replace(Config(), sounds=sounds, conversation=Conversation(barge_in=barge_in, follow_up_s=0))


def echo(gain_db: float) -> Samples:
    """The start chime as the microphone hears it 30 ms later, and a second of silence."""
    sound = ROOM.copy()
    heard = chime(Tone.START, 16_000) * 10 ** (gain_db / 20)
    sound[480 : 480 + len(heard)] += heard.astype(np.int16)
    return sound


@pytest.mark.parametrize("barge_in", ["duck", "button"])
@pytest.mark.parametrize(("own", "spoke"), [(True, False), (False, True)])
def test_a_start_chime_is_not_taken_for_the_person(barge_in: str, own: bool, spoke: bool) -> None:
    """The same sound from anywhere else may well be: the detector calls a bell a voice."""

    async def main() -> bool:
        agent = ScriptedAgent()
        async with SimulatedDevice(agent, config(Sounds(start=own), barge_in)) as device:
            await device.hear(ROOM)
            device.press()
            await device.hear(echo(0.0))
            return ("eager_end", 1) in agent.calls

    assert asyncio.run(main()) is spoke


def test_who_speaks_into_the_chime_is_heard_from_the_first_word() -> None:
    async def main(sounds: Sounds) -> bytes:
        agent = ScriptedAgent([Reply("lamp")])
        async with SimulatedDevice(agent, config(sounds, "button")) as device:
            device.press()
            await device.hear(QUESTION)
            await device.until("speaking")
        return bytes(agent.heard[1])

    loud, quiet = asyncio.run(main(STARTS)), asyncio.run(main(Sounds()))
    assert loud == quiet
    assert len(loud) > 2 * len(QUESTION)


def test_a_chime_over_a_reply_leaves_what_was_heard_of_it_right() -> None:
    async def main() -> None:
        agent = ScriptedAgent([Reply("lamp", "The lamp is on.", seconds=3.0)])
        async with SimulatedDevice(agent, config(STARTS)) as device:
            device.press()
            await device.hear(QUESTION)
            await device.until("speaking")
            await device.run(0.5)
            device._post(MuteSet(on=True))  # its chime sounds over the reply
            await device.run(0.2)
            assert device.speaker.overlay.active
            await device.run(0.3)
            device.press()
            await device.run(0.1)
            [(turn, heard_ms)] = agent.interrupted
            assert turn == 1
            assert heard_ms == pytest.approx(1010, abs=20)  # 10 of them the fade

    asyncio.run(main())


def test_thinking_is_soft_and_ends_when_the_reply_begins(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "out.wav"
        agent = ScriptedAgent([Reply("lamp", "", seconds=0, end=False)])
        async with SimulatedDevice(agent, config(Sounds()), output=path) as device:
            device.press()
            await device.hear(QUESTION)
            await device.until("thinking")
            await device.run(1.4)
            assert device.sink.seconds == 0
            await device.run(0.5)
            assert 0.1 < device.sink.seconds < 1.5
            assert not device.speaker.busy
            device.sink.finish()
        heard = load(path)
        assert level_db(heard[np.abs(heard) > 100]) < -25

    asyncio.run(main())


def test_a_press_that_cannot_be_answered_is_told_in_words(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "out.wav"
        async with SimulatedDevice(ScriptedAgent(), config(Sounds()), output=path) as device:
            device.unplug()
            await device.run(1.0)
            assert device.sink.seconds == 0  # not before somebody asks
            device.press()
            await device.run(3.0)
            device.sink.finish()
        assert level_db(load(path)[:16_000]) > -28

    asyncio.run(main())


def test_a_press_ends_a_sentence_that_is_being_said() -> None:
    async def main() -> None:
        agent = ScriptedAgent()
        async with SimulatedDevice(agent, config(Sounds())) as device:
            device._post(AgentLost("The voice service refuses the key.", retryable=False))
            device.unplug()
            await device.run(0.1)
            device.press()
            await device.run(0.3)
            assert device.speaker.overlay.active
            device.plug()
            agent.come()
            await device.run(0.1)
            device.press()
            await device.run(0.05)
            assert not device.speaker.overlay.active
            assert device.state == "listening"

    asyncio.run(main())
