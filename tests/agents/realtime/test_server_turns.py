"""The server finds the end of the person's turn: whole device, real speech, the fake server's detector."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge.agents.realtime import session
from edge.config import Config, Conversation
from edge.core.conversation import State
from edge.core.events import TextGiven
from edge.testing import SimulatedDevice
from tests.agents.realtime.bench import SETTINGS, SPEECH, on_device
from tests.fakes.realtime.script import Pace, Reply
from tests.fakes.realtime.server import FakeRealtime
from tests.signals import recording

VAD = session.ServerVad(interrupt_response=False)
SEMANTIC = session.SemanticVad("high", interrupt_response=False)
LAMP, FORWARD = (recording(SPEECH / f"{name}.flac") for name in ("livingroom_lamp", "goforward"))
PATIENT = Config(conversation=Conversation(end_silence_ms=3000))  # the device's own detector is last
SILENCE = np.zeros(16_000 * 2, np.int16)
Test = Callable[[SimulatedDevice, FakeRealtime], Awaitable[None]]


def run(test: Test, *replies: Reply, turns: session.Turns = VAD, config: Config = PATIENT) -> None:
    on_device(test, replies, settings=replace(SETTINGS, turns=turns), config=config, transcripts=("the lamp",) * 4)


def creates(server: FakeRealtime) -> int:
    return len(server.events("response.create", "in"))


def detections(server: FakeRealtime) -> list[Any]:
    """What was set as turn detection by the device, in order."""
    updates = [seen.event["session"] for seen in server.events("session.update", "in")]
    return [update["audio"]["input"]["turn_detection"] for update in updates]


async def hear_paced(device: SimulatedDevice, sound: Any) -> None:
    """A quarter of a second at a time, so that the server's findings come back while the person still speaks."""
    for at in range(0, len(sound), 4000):
        await device.hear(sound[at : at + 4000])
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("turns", [VAD, SEMANTIC])
def test_the_server_ends_the_turn_and_its_answer_is_played(turns: session.Turns) -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await hear_paced(device, np.concatenate([LAMP, SILENCE]))
        await device.run_until(lambda: device.said == "It is on.", 20)
        await device.run_until(lambda: device.state is State.LISTENING, 20)
        assert device.problems == []
        assert device.understood == ["the lamp"]
        assert server.events("input_audio_buffer.speech_stopped", "out")
        assert server.events("input_audio_buffer.commit", "in") == []
        assert creates(server) == 0  # it answered by itself, and once
        assert len(server.events("response.created", "out")) == 1

    run(test, Reply("It is on."), turns=turns)


def test_the_device_is_not_quicker_than_the_server_was_told_to_be() -> None:
    """With the device's ordinary settings, whose silence is about as long as the server's."""

    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await hear_paced(device, np.concatenate([LAMP, SILENCE]))
        await device.run_until(lambda: device.said == "It is on.", 20)
        assert len(server.events("response.created", "out")) == 1
        assert device.problems == []

    run(test, Reply("It is on."), config=Config())


@pytest.mark.parametrize("turns", [VAD, SEMANTIC])
def test_a_held_button_is_not_ended_by_the_servers_detector(turns: session.Turns) -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.button(down=True)
        await device.run(0.5)
        await hear_paced(device, np.concatenate([LAMP, SILENCE, FORWARD]))
        assert device.state is State.LISTENING
        assert server.events("response.created", "out") == []
        device.button(down=False)
        await device.run_until(lambda: device.said == "Both.", 20)
        commits = server.events("input_audio_buffer.committed", "out")
        assert len(commits) == 1
        length = len(server.audio_received(item=commits[0].event["item_id"])) / 2 / 24_000
        assert length > (len(LAMP) + len(SILENCE) + len(FORWARD)) / 16_000
        await device.run_until(lambda: len(detections(server)) == 3, 20)
        assert detections(server)[1] is None
        assert detections(server)[2] == detections(server)[0] != None  # noqa: E711  given back
        assert device.problems == []

    run(test, Reply("Both."), turns=turns)


def test_after_a_held_turn_the_server_ends_the_next_one_again() -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.button(down=True)
        await device.run(0.5)
        await hear_paced(device, LAMP)
        device.button(down=False)
        await device.run_until(lambda: device.said == "First.", 20)
        await device.run_until(lambda: device.state is State.LISTENING, 20)
        await hear_paced(device, np.concatenate([FORWARD, SILENCE]))
        await device.run_until(lambda: device.said == "First.Second.", 20)
        assert creates(server) == 1
        assert len(server.events("response.created", "out")) == 2
        assert device.problems == []

    run(test, Reply("First."), Reply("Second."))


def test_follow_up_listening_works_and_ends_without_a_word() -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        for said in ("One.", "One.Two."):
            await hear_paced(device, np.concatenate([LAMP, SILENCE]))
            await device.run_until(lambda said=said: device.said == said, 20)  # type: ignore[misc]
            await device.run_until(lambda: device.state is State.LISTENING, 20)
        await device.run_until(lambda: device.state is State.IDLE, 20)
        chunks = len(server.chunks)
        await device.hear(LAMP)
        assert len(server.chunks) == chunks
        assert len(device.understood) == 2
        assert device.problems == []

    run(test, Reply("One."), Reply("Two."))


def test_a_typed_turn_works() -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.daemon.post(TextGiven("what time is it"))
        await device.run_until(lambda: device.said == "Noon.", 20)
        await device.run_until(lambda: device.state is State.IDLE, 20)
        assert creates(server) == 1
        assert device.problems == []

    run(test, Reply("Noon."))


def test_a_press_stops_the_answer_and_the_servers_next_one_is_heard() -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await hear_paced(device, np.concatenate([LAMP, SILENCE]))
        await device.run_until(lambda: device.state is State.SPEAKING, 20)
        device.press()
        await device.run(0.1)
        await hear_paced(device, np.concatenate([FORWARD, SILENCE]))
        await device.run_until(lambda: device.said.endswith("Short."), 20)
        assert len(server.events("response.created", "out")) == 2
        assert device.problems == []

    run(test, Reply("a long story " * 30, pace=Pace(speed=1.0)), Reply("Short."))


def test_a_drop_in_mid_utterance_costs_no_word_here_either() -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await hear_paced(device, LAMP[: len(LAMP) // 2])
        server.faults.drop()
        await device.run_until(lambda: not device.daemon.conversation.ready, 20)
        await device.run_until(lambda: device.daemon.conversation.ready, 20)
        await hear_paced(device, np.concatenate([LAMP[len(LAMP) // 2 :], SILENCE]))
        await device.run_until(lambda: device.said == "Whole.", 20)
        assert len(server.audio_received(session=2)) / 2 / 24_000 > len(LAMP) / 16_000
        assert len(device.problems) == 1

    run(test, Reply("Whole."))


def test_a_drop_while_it_thinks_is_answered_once() -> None:
    """The kept turn is complete: the next session must not wait for a silence that never comes."""

    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await hear_paced(device, np.concatenate([LAMP, SILENCE]))
        await server.wait_for(lambda: server.session.active)
        server.faults.drop()
        await device.run_until(lambda: device.said == "Again.", 20)
        assert device.problems == []
        assert len(server.events("response.created", "out", session=2)) == 1

    run(test, Reply("Never.", think_ms=60_000), Reply("Again."))
