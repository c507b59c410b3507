"""The line breaks: no word is lost, the trouble is told once, and the next press works."""

from __future__ import annotations

import asyncio
import time

import pytest

from edge.agents.realtime import client as client_module
from edge.agents.realtime import dialling as dialling_module
from edge.agents.realtime import line as line_module
from edge.core.conversation import State
from edge.core.events import AgentLost, AgentReady, Event
from edge.testing import SimulatedDevice
from tests.agents.realtime.bench import SPEECH, Bench, on_device, run
from tests.fakes.realtime.faults import UNAVAILABLE, too_many
from tests.fakes.realtime.script import Pace, Reply
from tests.fakes.realtime.server import FakeRealtime

LAMP = SPEECH / "livingroom_lamp.flac"
NEVER = Reply("Never heard.", think_ms=60_000)
STORY = "one two three four five six seven eight nine ten eleven twelve"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PING_S": 0.2, "PONG_S": 0.2, "PROBE_S": 0.1, "QUIET_PING_S": 1.0}.items():
        monkeypatch.setattr(line_module, name, value)


@pytest.fixture
def proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every session counts as one that has lasted."""
    monkeypatch.setattr(client_module, "PROVEN_S", -1.0)
    monkeypatch.setattr(dialling_module, "PROVEN_S", -1.0)


# --- half-open -----------------------------------------------------------------------------------------


def test_a_line_that_freezes_in_mid_utterance_costs_no_word() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.speak(1, 0.5)
        await bench.server.wait_for(lambda: bench.heard_s() > 0.4)
        bench.server.faults.freeze()
        frozen = time.monotonic()
        bench.speak(1, 0.5)
        await bench.lost()
        assert time.monotonic() - frozen < 1.0
        bench.server.faults.thaw()
        await bench.ready(2)
        bench.speak(1, 0.5)
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"
        assert bench.heard_s(2) == pytest.approx(1.5, abs=0.03)
        assert bench.sound(1) == Reply("Heard.").audio

    run(test, Reply("Heard."))


def test_a_press_on_a_line_that_has_died_at_rest() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.server.faults.freeze()
        pressed = time.monotonic()
        bench.speak(1, 0.5)
        bench.agent.end_of_turn(1)
        await asyncio.sleep(0.15)
        bench.server.faults.thaw()
        assert (await bench.ended(1)).outcome == "done"
        assert time.monotonic() - pressed < 2.0
        assert bench.heard_s(2) == pytest.approx(0.5, abs=0.03)
        assert bench.of(AgentLost) == []  # it waits for its answer, and nobody has to know

    run(test, Reply("Here."))


def test_a_reply_that_freezes_in_the_middle_is_gone_on_with() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.speak(1)
        bench.agent.end_of_turn(1)
        await bench.until(lambda: len(bench.sound(1)) > 9600)
        bench.server.faults.freeze()
        await bench.until(lambda: not bench.agent._dialogue.online)
        bench.server.faults.thaw()
        assert (await bench.ended(1)).outcome == "done"
        assert bench.sound(1).endswith(Reply("And so on.").audio)
        assert bench.of(AgentLost) == []

    run(test, Reply(STORY, pace=Pace(speed=2.0)), Reply("And so on."))


# --- drops ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True])
def test_a_drop_in_mid_reply_is_not_heard(*, reset: bool) -> None:
    """The whole device: what came before and after the drop is played, to its end."""

    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await device.hear(LAMP, then=0.2)
        await device.until("speaking", 20)
        server.faults.drop(reset=reset)
        await device.run_until(lambda: device.said.endswith("And that was it."), 20)
        await device.run_until(lambda: device.state is not State.SPEAKING, 20)
        assert device.problems == []
        assert device.state is State.LISTENING  # the follow-up: the reply ended well
        assert len(server.events("session.updated", "out")) == 2

    on_device(test, [Reply(STORY, pace=Pace(speed=1.0)), Reply("And that was it.")])


def test_recovery_after_a_short_outage_is_quick() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "hello")
        await bench.thinks()
        await bench.server.down()
        bench.server.faults.drop()
        await asyncio.sleep(0.5)
        await bench.server.up()
        back = time.monotonic()
        assert (await bench.ended(1)).outcome == "done"
        assert time.monotonic() - back < 1.5
        assert bench.troubles() == []

    run(test, NEVER, Reply("Hello."))


@pytest.mark.parametrize("expires", [False, True])
@pytest.mark.usefixtures("proven")
def test_a_session_that_is_over_after_its_hour_is_replaced_unnoticed(*, expires: bool) -> None:
    async def test(bench: Bench) -> None:
        async def over() -> None:
            await (bench.server.faults.expire() if expires else bench.server.faults.close())

        await bench.ready()
        await over()  # at rest
        await bench.sessions(2)
        bench.agent.text(1, "hello")
        await bench.thinks()
        await over()  # while it thinks
        assert (await bench.ended(1)).outcome == "done"
        bench.speak(2, 0.5)
        await bench.server.wait_for(lambda: bench.heard_s(3) > 0.4)
        await over()  # while somebody speaks
        await bench.sessions(4)
        bench.speak(2, 0.5)
        bench.agent.end_of_turn(2)
        assert (await bench.ended(2)).outcome == "done"
        assert bench.heard_s(4) == pytest.approx(1.0, abs=0.03)
        assert len(bench.of(AgentLost)) <= 1  # in mid-utterance the device keeps what comes until there is a line

    run(test, NEVER, Reply("Hello."), Reply("Heard."))


def test_an_expiry_between_the_question_and_the_first_word_fails_no_turn() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.server.settings.accept_ms = 60_000  # no response.created: the error could be taken for its refusal
        bench.agent.text(1, "hello")
        await bench.thinks()
        bench.server.settings.accept_ms = 0
        await bench.server.faults.expire()
        end = await bench.ended(1)
        assert (end.outcome, end.message) == ("done", "")

    run(test, NEVER, Reply("Hello."))


@pytest.mark.usefixtures("proven")
def test_a_line_that_drops_at_rest_is_nobodys_business() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        for count in (2, 3, 4):
            bench.server.faults.drop()
            await bench.sessions(count)
        assert bench.troubles() == []
        assert len(bench.of(AgentReady)) == 1

    run(test)


@pytest.mark.usefixtures("proven")
def test_unless_it_does_not_come_back() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        await bench.server.down()
        bench.server.faults.drop()
        lost = await bench.lost()
        assert lost == AgentLost("The voice service cannot be reached: Connection refused.", retryable=True)
        await bench.server.up()
        await bench.ready(2)

    run(test)


def test_a_server_that_accepts_and_drops_at_once_is_not_hammered() -> None:
    """Though the device asks for a session each time it is told that there is none."""

    async def test(bench: Bench) -> None:
        real = bench.events.append

        def device(event: Event) -> None:
            real(event)
            if isinstance(event, AgentLost):
                asyncio.get_running_loop().call_soon(bench.agent.connect)

        bench.agent._post = bench.agent._standing._post = device
        await bench.ready()
        bench.speak(1, 0.5)
        for _ in range(150):
            if bench.server.links:
                bench.server.faults.drop_all()
            await asyncio.sleep(0.01)
        assert 3 <= bench.dialled() <= 12  # in 1.5 s, with somebody waiting

    run(test)


# --- outages -------------------------------------------------------------------------------------------


def test_a_question_is_given_up_after_patience_and_the_next_press_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PATIENCE_S", 0.5)

    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await device.hear(LAMP, then=0.2)
        await server.wait_for(lambda: server.session.active)
        await server.down()
        server.faults.drop()
        await device.until("idle", 20)
        assert device.problems == ["The voice service cannot be reached: Connection refused."]
        await asyncio.sleep(0.6)  # it goes on trying, and says no more
        await device.run(0.1)
        assert len(device.problems) == 1
        await server.up()
        device.press()
        await device.hear(LAMP, then=0.2)
        await device.run_until(lambda: device.said == "Good again.", 20)
        assert len(device.problems) <= 2  # a press in the outage may be reminded of it

    on_device(test, [NEVER, Reply("Good again.")])


def test_within_patience_nothing_is_told() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "hello")
        await bench.thinks()
        bench.server.faults.refuse(UNAVAILABLE, times=2)
        bench.server.faults.drop()
        assert (await bench.ended(1)).outcome == "done"
        assert bench.dialled() == 4
        assert bench.troubles() == []

    run(test, NEVER, Reply("Hello."))


def test_a_retry_after_beyond_patience_is_told_at_once() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "hello")
        await bench.thinks()
        bench.server.faults.refuse(too_many("60"))
        bench.server.faults.drop()
        lost = await bench.lost()
        assert "too many requests" in lost.message
        assert "Trying again in 60 s." in lost.message
        assert lost.retryable

    run(test, NEVER)


def test_a_wrong_key_after_a_drop_ends_the_turn() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "hello")
        await bench.thinks()
        bench.server.settings.api_keys = {"another"}
        bench.server.faults.drop()
        assert not (await bench.lost()).retryable
        dialled = bench.dialled()
        await asyncio.sleep(0.5)
        assert bench.dialled() == dialled
        bench.agent.connect()  # a press: it may have been mended
        await bench.until(lambda: len(bench.of(AgentLost)) == 2)
        bench.server.settings.api_keys = None
        bench.agent.connect()
        await bench.ready(2)

    run(test, NEVER)
