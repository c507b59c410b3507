"""The whole device, and a person who pauses in the middle of a sentence."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from edge.config import Config, Conversation
from edge.core.events import ReplyEnded, TurnSeems
from edge.core.pauses import COMPLETE_SHARE
from edge.fitting import conversation_settings
from edge.testing import ScriptedAgent, SimulatedDevice
from tests.bench.clips import DATA
from tests.signals import Int16, recording

LAMP = recording(DATA / "speech/livingroom_lamp.flac")[4_000:23_000]  # from the first to the last word, about
TALK = Config().conversation


def silence(milliseconds: int) -> Int16:
    """Not quite: a digital one is not of this world."""
    return np.resize(np.array([1, -1], np.int16), milliseconds * 16)


class Judge(ScriptedAgent):
    """An engine that has an opinion on the words, at once, and no answer before it is told to give one."""

    def __init__(self, *opinions: float) -> None:
        super().__init__(judges=True)
        self.opinions = list(opinions)
        self.ended: list[int] = []

    def eager_end(self, turn: int) -> None:
        super().eager_end(turn)
        if self.opinions:
            self.post(TurnSeems(turn, self.opinions.pop(0)))

    def end_of_turn(self, turn: int) -> None:
        self.ended.append(turn)

    def answer(self) -> None:
        self.post(ReplyEnded(self.ended[-1]))


async def two_parts(device: SimulatedDevice, pause_ms: int) -> int:
    """Half a sentence, a pause, the rest; how many turns had ended when the rest began, and began anew."""
    assert isinstance(device.agent, Judge)
    if device.state == "idle":
        device.press()
    before = len(device.agent.ended)
    await device.hear(np.concatenate([LAMP, silence(pause_ms), LAMP]))
    ended = len(device.agent.ended) - before
    await device.hear(silence(1600))
    device.agent.answer()
    await device.run(0.1)
    return ended


def played(agent: Judge, *pauses_ms: int, talk: Conversation = TALK) -> list[int]:
    async def main() -> list[int]:
        async with SimulatedDevice(agent, replace(Config(), conversation=talk)) as device:
            return [await two_parts(device, pause_ms) for pause_ms in pauses_ms]

    return asyncio.run(main())


def test_words_that_are_not_all_keep_the_turn_open() -> None:
    assert played(Judge(0.0, 0.5), 1000) == [0]
    assert played(Judge(0.5, 0.5), 1000) == [1]


def test_an_opinion_that_never_comes_is_not_waited_for_without_end() -> None:
    """Long enough for slow ears, no longer than for half a sentence."""
    assert played(Judge(), 1000) == [0]
    assert played(Judge(), 2000) == [1]


def test_words_that_are_all_end_the_turn_early() -> None:
    assert played(Judge(0.5, 0.5), 420) == [0]
    assert played(Judge(1.0, 0.5), round(TALK.end_silence_ms * COMPLETE_SHARE) + 100) == [1]


def test_being_cut_off_again_and_again_makes_patient() -> None:
    """A person who thinks for 700 ms in every sentence."""
    cut = played(Judge(*[0.5] * 30), *[700] * 5)
    assert cut[0] == 1
    assert cut[-1] == 0


def test_equal_bounds_are_one_silence_for_everybody() -> None:
    fixed = replace(TALK, least_silence_ms=550, most_silence_ms=550, unfinished_silence_ms=550)
    assert played(Judge(*[0.0] * 30), *[800] * 4, talk=fixed) == [1] * 4


def test_the_configuration_is_heeded() -> None:
    talk = replace(TALK, end_silence_ms=700, least_silence_ms=400, most_silence_ms=900, unfinished_silence_ms=1000)
    pauses = conversation_settings(replace(Config(), conversation=talk)).pauses
    assert (pauses.start_s, pauses.least_s, pauses.most_s, pauses.unfinished_s) == pytest.approx((0.7, 0.4, 0.9, 1.0))
