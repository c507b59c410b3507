"""The engine on the wire with servers that do not do all that the vendor's does."""

from __future__ import annotations

import pytest

from edge.agents.realtime import client, session
from edge.core.events import AgentLost, ReplyText
from tests.agents.realtime.bench import Bench, run
from tests.fakes.realtime.schema import Event
from tests.fakes.realtime.script import Pace, Reply
from tests.fakes.realtime.server import FakeRealtime

SLOW = Reply("a long story " * 30, pace=Pace(speed=4.0))
TEXT = session.Settings(modality="text")


def said(bench: Bench, turn: int) -> str:
    return "".join(event.text for event in bench.of(ReplyText) if event.turn == turn).strip()


def never_done(server: FakeRealtime) -> None:
    """The first session's responses have no end."""

    def quirk(event: Event) -> Event | None:
        return None if event["type"] == "response.done" and server.session.number == 1 else event

    server.faults.quirk = quirk


def mute(server: FakeRealtime) -> None:
    server.faults.quirk = lambda event: None if event["type"] == "response.output_audio.delta" else event


def test_a_session_that_is_stuck_is_given_up_and_the_turn_is_answered_in_the_next(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "BLOCKED_S", 0.1)

    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "tell me a story")
        await bench.until(lambda: bench.sound(1))
        bench.agent.interrupt(1, 50, goes_on=False)
        bench.agent.text(2, "what time is it")
        assert (await bench.ended(2)).outcome == "done"
        assert said(bench, 2) == "Noon."
        assert bench.of(AgentLost) == []
        assert bench.dialled() == 2

    run(test, SLOW, Reply("Noon."), before=never_done)
    assert "realtime_blocked" in caplog.text


def test_a_cancelled_response_that_is_done_in_time_costs_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BLOCKED_S", 0.3)

    async def test(bench: Bench) -> None:
        await bench.ready()
        for turn in range(1, 6):
            bench.agent.text(turn, "tell me a story")
            await bench.until(lambda turn=turn: bench.sound(turn))  # type: ignore[misc]
            bench.agent.interrupt(turn, 50, goes_on=False)
        bench.agent.text(6, "what time is it")
        assert (await bench.ended(6)).outcome == "done"
        assert bench.agent._stuck is None
        assert bench.dialled() == 1

    run(test, *[SLOW] * 5, Reply("Noon."))


def test_a_stuck_session_that_is_gone_anyway_is_not_hung_up() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        await bench.agent.close()
        bench.agent._unblock()
        assert bench.of(AgentLost) == []

    run(test)


@pytest.mark.parametrize(("settings", "outcome"), [(session.Settings(), "failed"), (TEXT, "done")])
def test_text_without_sound_is_no_spoken_answer(settings: session.Settings, outcome: str) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "what time is it")
        end = await bench.ended(1)
        assert said(bench, 1) == "Noon."
        assert end.outcome == outcome
        assert ("in text only" in end.message) is (outcome == "failed")

    run(test, Reply("Noon."), settings=settings, before=mute)
