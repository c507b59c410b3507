"""An engine within its budget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date

import pytest

from edge.agents import metered
from edge.agents.metered import FAREWELL, Metered
from edge.core.budget import Budget
from edge.core.events import AgentLost, AgentReady, AgentWarned, Event, ReplyEnded, SayGiven, Spent
from edge.ports import Post
from edge.testing import Reply, ScriptedAgent
from tests.waiting import wait_until

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


class Bench:
    """The engine in its purse, and what the device was told."""

    def __init__(self, daily: float = 1.0, spent: float = 0.0) -> None:
        self.day = MONDAY
        self.events: list[Event] = []
        self.kept: list[float] = []
        self.inner = ScriptedAgent([Reply("question")] * 9)
        self.budget = Budget(daily, "EUR", MONDAY, spent)
        self.agent = Metered(
            self._make, self.budget, self.events.append, lambda budget: self.kept.append(budget.spent), lambda: self.day
        )

    def _make(self, post: Post) -> ScriptedAgent:
        self.inner.post = post
        return self.inner

    def pay(self, cost: float | None, turn: int = 1) -> None:
        self.inner.post(Spent(turn, {"output_audio": 10}, cost))

    def lost(self) -> list[AgentLost]:
        return [event for event in self.events if isinstance(event, AgentLost)]

    def refused(self, turn: int) -> bool:
        failed = [event for event in self.events if isinstance(event, ReplyEnded) and event.outcome == "failed"]
        return any(event.turn == turn and "used up" in event.message for event in failed)

    def leave(self) -> None:
        """Turn 1 has cost everything, and the farewell is said as turn 2."""
        self.agent.audio(1, bytes(640))
        self.agent.end_of_turn(1)
        self.pay(1.2)
        self.agent.say(2, FAREWELL)


def run(test: Callable[[Bench], Awaitable[None]], *, spent: float = 0.0, daily: float = 1.0) -> None:
    async def main() -> None:
        bench = Bench(daily, spent)
        await bench.agent.open()
        try:
            await test(bench)
        finally:
            await bench.agent.close()

    asyncio.run(main())


def test_costs_are_added_up_told_and_kept() -> None:
    """The day's sum goes with each of them; what has no price counts nothing."""

    async def test(bench: Bench) -> None:
        for cost in (0.25, None, 0.5):
            bench.pay(cost)
        told = [(event.cost, event.today) for event in bench.events if isinstance(event, Spent)]
        assert told == [(0.25, 0.25), (None, 0.25), (0.5, 0.75)]
        assert bench.kept == [0.25, 0.25, 0.75]
        assert bench.agent.stats() == {
            "engine": "scripted", "spent_today": 0.75, "budget": 1.0, "budget_state": "open"
        }  # fmt: skip

    run(test)


def test_the_end_of_the_money_is_said_and_then_nothing_more() -> None:
    """The turn that cost it is answered to its end, tools and all; then the farewell; then the engine is gone."""

    async def test(bench: Bench) -> None:
        bench.agent.audio(1, bytes(640))
        bench.pay(1.2)
        assert bench.events[-2:] == [SayGiven(FAREWELL), Spent(1, {"output_audio": 10}, 1.2, 1.2)]
        bench.agent.tool_result(1, "call", {"sun": True})
        bench.agent.end_of_turn(1)
        assert ("end_of_turn", 1) in bench.inner.calls
        assert bench.inner.results == [{"sun": True}]
        assert not bench.lost()
        bench.agent.say(2, FAREWELL)
        assert not bench.lost()[0].retryable
        assert "1.00 EUR is used up" in bench.lost()[0].message

    run(test)


def test_a_turn_before_the_farewell_is_refused_in_words() -> None:
    """Whoever is quicker than the farewell costs nothing more."""

    async def test(bench: Bench) -> None:
        bench.agent.audio(1, bytes(640))
        bench.pay(1.2)
        bench.agent.audio(2, bytes(640))
        bench.agent.hold(2)
        bench.agent.eager_end(2)
        bench.agent.turn_resumed(2)
        bench.agent.end_of_turn(2)
        bench.agent.text(3, "hello")
        bench.agent.say(4, "tea is ready")
        assert 2 not in bench.inner.heard
        assert [name for name, turn in bench.inner.calls if turn > 1] == []
        assert [bench.refused(turn) for turn in (1, 2, 3, 4)] == [False, True, True, True]

    run(test)


def test_a_farewell_that_is_interrupted_was_the_last_word_too() -> None:
    """Nobody gets a free turn by a press."""

    async def test(bench: Bench) -> None:
        bench.inner.say = lambda turn, text: None  # type: ignore[method-assign]  # goes on speaking
        bench.leave()
        assert not bench.lost()
        bench.agent.interrupt(2, 300, goes_on=False)
        assert bench.inner.interrupted == [(2, 300)]
        assert len(bench.lost()) == 1

    run(test)


def test_a_press_on_a_used_up_day_is_told_why() -> None:
    """Each time, at once."""

    async def test(bench: Bench) -> None:
        bench.leave()
        bench.agent.connect()
        assert [lost.message for lost in bench.lost()] == [bench.lost()[0].message] * 2
        bench.inner.come()
        assert AgentReady() not in bench.events[-1:]

    run(test)


def test_a_restart_gives_no_second_budget() -> None:
    """And the engine is not even opened."""

    async def test(bench: Bench) -> None:
        assert not bench.lost()[0].retryable
        assert bench.events == bench.lost()

    run(test, spent=1.0)


@pytest.mark.parametrize("spent", [0.0, 1.0])
def test_at_midnight_it_begins_anew(spent: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, whether it was used up in this run or before it."""
    monkeypatch.setattr(metered, "LOOK_S", 0.01)

    async def test(bench: Bench) -> None:
        if not spent:
            bench.leave()
        ready = bench.events.count(AgentReady())
        bench.day = TUESDAY
        await wait_until(lambda: bench.events.count(AgentReady()) > ready, 5)
        bench.agent.audio(9, bytes(640))
        assert 9 in bench.inner.heard

    run(test, spent=spent)


def test_everything_else_goes_through() -> None:
    """A purse is no engine."""

    async def test(bench: Bench) -> None:
        agent = bench.agent
        agent.hold(1)
        agent.eager_end(1)
        agent.turn_resumed(1)
        agent.drop_turn(1)
        agent.forget()
        agent.connect()
        assert bench.inner.calls == [
            ("hold", 1), ("eager_end", 1), ("turn_resumed", 1), ("drop_turn", 1), ("forget", 0),
        ]  # fmt: skip
        assert bench.events == [AgentReady(), AgentReady()]
        agent.say(2, FAREWELL)  # only words, while there is money
        assert not bench.lost()

    run(test, daily=0.0)


@pytest.mark.parametrize("aloud", [True, False])
def test_what_has_been_spent_is_said_once_a_day(*, aloud: bool) -> None:
    """Shown in any case."""

    async def test(bench: Bench) -> None:
        bench.budget.warn, bench.budget.aloud = 0.5, aloud
        for cost in (0.4, 0.2, 0.2):
            bench.pay(cost)
        said = [event.text for event in bench.events if isinstance(event, SayGiven)]
        shown = [event.message for event in bench.events if isinstance(event, AgentWarned)]
        assert said == ["Talking has cost 0.60 EUR today."] * aloud
        assert shown == ["Talking has cost 0.60 EUR today (budget.warn = 0.50; at 1.00 it ends for the day)."]
        bench.day = TUESDAY
        bench.pay(0.5)
        assert len([event for event in bench.events if isinstance(event, AgentWarned)]) == 2

    run(test)
