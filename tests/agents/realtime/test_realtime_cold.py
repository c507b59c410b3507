"""A cold line has a session only while it is used; a warm one is kept, renewed, and sends nothing at rest."""

from __future__ import annotations

import asyncio
import time

import pytest

from edge.agents.realtime import client as client_module
from edge.agents.realtime import line as line_module
from edge.agents.realtime.dialling import Ending
from edge.agents.realtime.options import Options
from edge.core.conversation import State
from edge.core.events import AgentLost, AgentReady
from edge.testing import SimulatedDevice
from tests.agents.realtime.bench import SPEECH, Bench, on_device, run
from tests.fakes.realtime.faults import UNAVAILABLE
from tests.fakes.realtime.script import Pace, Reply
from tests.fakes.realtime.server import FakeRealtime

COLD = Options(cold=True, idle_s=0.2)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PING_S": 0.05, "PONG_S": 0.5, "QUIET_PING_S": 0.2}.items():
        monkeypatch.setattr(line_module, name, value)


async def rests(bench: Bench) -> None:
    """Wait until nothing is open."""
    await bench.until(lambda: not bench.server.links and not bench.agent._dialogue.online)


# --- cold ----------------------------------------------------------------------------------------------


def test_at_rest_nothing_is_open_and_the_device_is_ready_all_the_same() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        await rests(bench)
        await asyncio.sleep(0.3)
        assert bench.dialled() == 1
        assert bench.agent.stats()["ready"]
        assert not bench.agent.stats()["online"]
        assert bench.troubles() == []

    run(test, options=COLD)


def test_words_from_before_the_handshake_arrive_whole_and_once() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        await rests(bench)
        bench.server.faults.connect_delay = 0.2
        for _ in range(10):
            bench.speak(1, 0.1)
            await asyncio.sleep(0.04)
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"
        assert bench.heard_s() == pytest.approx(1.0, abs=0.02)
        assert bench.dialled() == 2
        assert len(bench.of(AgentReady)) == 1
        assert bench.troubles() == []
        await rests(bench)

    run(test, Reply("Good."), options=COLD)


def test_the_whole_device_on_a_cold_line() -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        await server.wait_for(lambda: not server.links)
        device.press()
        await device.run(0.1)
        assert device.state is State.LISTENING  # not a word about connecting
        await device.hear(SPEECH / "livingroom_lamp.flac", then=0.2)
        await device.run_until(lambda: device.said == "It is on.", 20)
        await device.run_until(lambda: device.state is State.IDLE, 20)
        await server.wait_for(lambda: not server.links)
        assert device.problems == []
        assert len(server.attempts) == 2

    on_device(test, [Reply("It is on.")], options=COLD)


def test_a_typed_turn_and_an_announcement_open_it_too() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        for turn in (1, 2):
            await rests(bench)
            (bench.agent.text if turn == 1 else bench.agent.say)(turn, "hello")
            assert (await bench.ended(turn)).outcome == "done"
            assert bench.dialled() == turn + 1

    run(test, options=COLD)


def test_what_was_said_is_put_back_when_it_is_opened_again() -> None:
    async def test(bench: Bench) -> None:
        bench.agent.text(1, "my name is Ada")
        await bench.ended(1)
        await rests(bench)
        bench.agent.text(2, "what is my name")
        await bench.ended(2)
        items = [str(seen.event) for seen in bench.server.events("conversation.item.create", "in", session=2)]
        assert [text for item in items for text in ("is Ada", "Hello Ada", "what is") if text in item] == [
            "is Ada",
            "Hello Ada",
            "what is",
        ]

    run(test, Reply("Hello Ada."), Reply("Ada."), options=COLD)


def test_it_is_not_let_go_of_while_somebody_talks_or_listens() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        for _ in range(8):
            bench.speak(1, 0.1)
            await asyncio.sleep(0.1)
        bench.agent.end_of_turn(1)
        await bench.ended(1)
        assert bench.dialled() == 1

    run(test, Reply("one two three four five six", pace=Pace(speed=1.0)), options=COLD)


def test_who_comes_while_it_is_let_go_of_loses_no_word() -> None:
    """The closing handshake takes a while; what is said in it belongs to the next session."""

    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.server.faults.freeze()  # so that it takes all the time it may
        await bench.until(lambda: bench.agent._line is not None and bench.agent._line._ending is Ending.RESTED)
        bench.speak(1, 0.5)
        bench.agent.end_of_turn(1)
        await bench.until(lambda: bench.agent._line is None)
        bench.server.faults.thaw()
        assert (await bench.ended(1)).outcome == "done"
        assert bench.dialled() == 2
        assert bench.heard_s() == pytest.approx(0.5, abs=0.02)
        assert bench.troubles() == []

    run(test, Reply("Good."), options=COLD)


def test_a_wrong_key_is_found_at_the_start() -> None:
    def another_key(server: FakeRealtime) -> None:
        server.settings.api_keys = {"another"}

    async def test(bench: Bench) -> None:
        lost = await bench.lost()
        assert not lost.retryable
        assert not bench.agent.stats()["ready"]

    run(test, options=COLD, before=another_key)


def test_a_server_that_is_away_for_a_moment_at_the_press_costs_nothing() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        await rests(bench)
        bench.server.faults.refuse(UNAVAILABLE, times=2)
        bench.agent.text(1, "hello")
        assert (await bench.ended(1)).outcome == "done"
        assert bench.troubles() == []

    run(test, options=COLD)


def test_one_that_stays_away_is_told_after_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PATIENCE_S", 0.3)

    async def test(bench: Bench) -> None:
        await bench.ready()
        await rests(bench)
        await bench.server.down()
        asked = time.monotonic()
        bench.agent.text(1, "hello")
        assert (await bench.lost()).retryable
        assert time.monotonic() - asked > 0.3
        await bench.server.up()
        await bench.ready(2)
        assert len(bench.of(AgentLost)) == 1

    run(test, options=COLD)


# --- warm ----------------------------------------------------------------------------------------------


def test_a_warm_line_sends_no_audio_at_rest() -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        await device.hear(SPEECH / "livingroom_lamp.flac", then=30.0)
        await asyncio.sleep(0.5)  # several pings
        assert server.links
        assert [seen.kind for seen in server.events(direction="in")] == ["session.update"]

    on_device(test)


def test_a_session_is_renewed_between_turns_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "RENEW_S", 0.4)

    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "my name is Ada")
        await bench.until(lambda: bench.sound(1))
        await bench.ended(1)  # 0.6 s
        assert bench.dialled() == 1  # not in the middle of a reply
        await bench.until(lambda: bench.dialled() == 3)
        bench.agent.text(2, "what is my name")
        await bench.ended(2)
        texts = str(bench.sent("conversation.item.create"))
        assert texts.count("Hello Ada") >= 2
        assert bench.troubles() == []
        assert len(bench.of(AgentReady)) == 1

    run(test, Reply("Hello Ada and good evening to you", pace=Pace(speed=1.0)), Reply("Ada."))


def test_a_turn_begun_in_the_gap_between_two_sessions_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "RENEW_S", 0.1)

    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.server.faults.connect_delay = 0.3
        await bench.until(lambda: not bench.agent._dialogue.online)
        monkeypatch.setattr(line_module, "RENEW_S", 3000.0)
        bench.speak(1, 0.5)
        await asyncio.sleep(0.4)
        bench.speak(1, 0.5)
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"
        assert bench.heard_s() == pytest.approx(1.0, abs=0.03)
        assert len(bench.sent("input_audio_buffer.commit")) == 1
        assert bench.troubles() == []
        bench.server.faults.connect_delay = 0.0

    run(test, Reply("Whole."))
