"""One engine in another's place: whose turn it is, what is given again, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from edge.agents import failover
from edge.agents.failover import GRACE_S, Failover
from edge.core.events import (
    AgentLost,
    AgentReady,
    AgentWarned,
    Event,
    ReplyAudio,
    ReplyEnded,
    Spent,
    ToolCalled,
    TranscriptHeard,
)
from edge.ports import Fields, Post
from tests.waiting import wait_until

STALL_S = 0.05


class Engine:
    """Notes its calls, and posts what the test wants."""

    def __init__(self, name: str, post: Post) -> None:
        self.name, self.post = name, post
        self.calls: list[tuple[Any, ...]] = []

    async def open(self) -> None:
        self.calls.append(("open",))

    async def close(self) -> None:
        self.calls.append(("close",))

    def stats(self) -> Fields:
        return {"engine": self.name}

    def __getattr__(self, call: str) -> Callable[..., None]:
        return lambda *given, **named: self.calls.append((call, *given, *named.values()))


class Room:
    def __init__(self, count: int = 2) -> None:
        self.told: list[Event] = []
        self.now = 50.0
        self.engines: list[Engine] = []

        def maker(number: int) -> Callable[[Post], Any]:
            def make(post: Post) -> Engine:
                post(AgentWarned("too early"))
                self.engines.append(Engine("abc"[number], post))
                return self.engines[-1]

            return make

        self.agent = Failover([maker(number) for number in range(count)], self.told.append, lambda: self.now, STALL_S)
        assert self.told == []

    async def ready(self, *which: int) -> None:
        await self.agent.open()
        for number in which:
            self.engines[number].post(AgentReady())
        self.told.clear()

    def lose(self, number: int, *, retryable: bool = True) -> None:
        self.engines[number].post(AgentLost(f"{self.engines[number].name} is away.", retryable))

    def ask(self, turn: int) -> None:
        self.agent.audio(turn, b"one")
        self.agent.eager_end(turn)
        self.agent.turn_resumed(turn)
        self.agent.audio(turn, b"two")
        self.agent.end_of_turn(turn)

    def asked(self, number: int, turn: int) -> list[str]:
        return [call[0] for call in self.engines[number].calls if len(call) > 1 and call[1] == turn]


WHOLE = ["audio", "eager_end", "turn_resumed", "audio", "end_of_turn"]


def room(main: Callable[[Room], Awaitable[None]], count: int = 2) -> None:
    async def run() -> None:
        there = Room(count)
        await main(there)
        await there.agent.close()

    asyncio.run(run())


def test_one_that_works_is_the_only_one_that_is_opened_or_asked() -> None:
    async def main(there: Room) -> None:
        await there.agent.open()
        a, b = there.engines
        a.post(AgentReady(judges=True))
        there.ask(1)
        for event in (TranscriptHeard(1, "hello", final=True), ReplyAudio(1, b"", 1), ReplyEnded(1)):
            a.post(event)
        assert there.told == [
            AgentReady(judges=True), TranscriptHeard(1, "hello", final=True), ReplyAudio(1, b"", 1), ReplyEnded(1)
        ]  # fmt: skip
        assert there.asked(0, 1) == WHOLE
        assert b.calls == []
        assert there.agent.stats() == {"engine": "a", "order": ["a", "b"]}

    room(main)


def test_one_that_refuses_at_the_start_lets_the_next_one_in() -> None:
    async def main(there: Room) -> None:
        await there.agent.open()
        there.lose(0, retryable=False)
        await asyncio.sleep(0)
        assert there.engines[1].calls == [("open",)]
        assert there.told == []  # the other one has not said yet
        there.engines[1].post(AgentReady())
        assert there.told == [AgentWarned("a is away. The engine b answers now."), AgentReady()]
        there.ask(1)
        assert there.asked(1, 1) == WHOLE
        assert there.agent.name == "b"
        assert there.agent.stats()["problems"] == {"a": "a is away."}

    room(main)


def test_the_others_can_be_had_ready_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failover, "WARM_S", 0.01)

    async def main() -> None:
        made: list[Engine] = []

        def make(post: Post) -> Any:
            made.append(Engine("ab"[len(made)], post))
            return made[-1]

        agent = Failover([make, make], lambda _: None, lambda: 0.0, STALL_S, warm=True)
        await agent.open()
        assert made[1].calls == []
        await wait_until(lambda: made[1].calls == [("open",)])
        await agent.close()
        assert made[1].calls == [("open",), ("close",)]

    asyncio.run(main())


def test_with_nobody_left_the_loss_is_told() -> None:
    async def main(there: Room) -> None:
        await there.agent.open()
        there.lose(0)
        there.lose(1, retryable=False)
        assert there.told == [AgentLost("a is away.", retryable=True)]
        there.lose(0, retryable=False)
        assert there.told[-1] == AgentLost("a is away.", retryable=False)

    room(main)


def test_a_turn_that_fails_is_given_to_the_next_one_whole() -> None:
    async def main(there: Room) -> None:
        await there.ready(0, 1)
        there.ask(1)
        there.engines[0].post(ReplyEnded(1, "failed", "a has no money."))
        assert there.asked(1, 1) == WHOLE
        assert there.engines[0].calls[-1] == ("interrupt", 1, 0, False)
        assert there.told == [AgentWarned("a has no money. The engine b answers now."), AgentReady()]
        there.engines[0].post(ReplyAudio(1, b"late", 1))
        there.engines[1].post(ReplyAudio(1, b"yes", 1))
        there.engines[1].post(ReplyEnded(1))
        assert there.told[2:] == [ReplyAudio(1, b"yes", 1), ReplyEnded(1)]
        there.ask(2)  # a has failed of late
        assert there.asked(1, 2) == WHOLE
        there.engines[1].post(ReplyEnded(2))
        there.now += 1000
        there.ask(3)
        assert there.asked(0, 3) == WHOLE
        assert there.told[-2:] == [AgentWarned("The engine a answers now."), AgentReady()]

    room(main)


def test_one_that_says_nothing_is_left_and_one_that_has_begun_is_not() -> None:
    async def main(there: Room) -> None:
        await there.ready(0, 1)
        there.ask(1)
        await wait_until(lambda: there.asked(1, 1) == WHOLE)
        assert isinstance(there.told[0], AgentWarned)
        assert "a does not answer" in there.told[0].message
        there.engines[1].post(ReplyEnded(1))
        there.now += 1000
        there.ask(2)
        there.engines[0].post(ReplyAudio(2, b"yes", 1))
        await asyncio.sleep(STALL_S * 3)
        there.engines[0].post(ReplyEnded(2, "failed", "half"))
        assert there.told[-1] == ReplyEnded(2, "failed", "half")
        assert there.asked(1, 2) == []

    room(main)


def test_nobody_is_hurried_while_the_person_speaks_or_where_there_is_no_other() -> None:
    async def main(there: Room) -> None:
        await there.ready(0, 1)
        there.agent.audio(1, b"one")
        await asyncio.sleep(STALL_S * 3)
        assert there.asked(1, 1) == []
        there.lose(1, retryable=False)
        there.agent.end_of_turn(1)
        await asyncio.sleep(STALL_S * 3)
        assert there.asked(0, 1) == ["audio", "end_of_turn"]

    room(main)


def test_a_line_that_is_back_at_once_keeps_its_turn() -> None:
    async def main(there: Room) -> None:
        await there.ready(0, 1)
        there.agent.audio(1, b"one")
        there.lose(0)
        there.engines[0].post(AgentReady())
        await asyncio.sleep(GRACE_S * 1.3)
        assert there.asked(1, 1) == []
        there.lose(0)
        await wait_until(lambda: there.asked(1, 1) == ["audio"])
        there.agent.audio(1, b"two")
        assert there.asked(1, 1) == ["audio", "audio"]
        assert there.engines[0].calls[-1] == ("drop_turn", 1)

    room(main)


def test_a_line_that_is_lost_for_good_in_a_turn() -> None:
    async def main(there: Room) -> None:
        await there.ready(0, 1)
        there.agent.audio(1, b"one")
        there.lose(0, retryable=False)
        assert there.asked(1, 1) == ["audio"]
        there.engines[1].post(ToolCalled(1, "c", "set_timer"))
        there.agent.tool_result(1, "c", {})
        assert there.asked(1, 1) == ["audio", "tool_result"]
        there.lose(1, retryable=False)  # the tool has been run: nobody is asked again
        assert there.told[-2:] == [
            ReplyEnded(1, "failed", "b is away."), AgentLost("a is away.", retryable=False)
        ]  # fmt: skip

    room(main)


def test_the_last_one_keeps_what_it_is_to_send_again() -> None:
    async def main(there: Room) -> None:
        await there.ready(0)
        there.agent.audio(1, b"one")
        there.lose(0)
        assert there.told == [AgentLost("a is away.", retryable=True)]

    room(main, count=1)


def test_typed_words_and_announcements_are_given_again_too() -> None:
    async def main(there: Room) -> None:
        await there.ready(0, 1)
        for turn, call in enumerate(("text", "say"), 1):
            there.now += 1000
            getattr(there.agent, call)(turn, "Hello.")
            there.engines[0].post(ReplyEnded(turn, "failed", "no"))
            assert there.engines[1].calls[-1] == (call, turn, "Hello.")

    room(main)


def test_a_turn_that_was_interrupted_is_not_given_to_anybody() -> None:
    async def main(there: Room) -> None:
        await there.ready(0, 1)
        there.ask(1)
        there.agent.interrupt(1, 0, goes_on=True)
        there.engines[0].post(ReplyEnded(1, "failed", "late"))
        await asyncio.sleep(STALL_S * 3)
        assert there.asked(1, 1) == []
        there.agent.audio(2, b"x")
        there.agent.drop_turn(2)
        there.engines[0].post(AgentLost("gone", retryable=False))
        assert there.asked(1, 2) == []
        assert there.told[-1] == AgentReady()

    room(main)


def test_three_in_a_row() -> None:
    async def main(there: Room) -> None:
        await there.ready(0)
        there.ask(1)
        there.engines[0].post(ReplyEnded(1, "failed", "a: no"))
        there.engines[1].post(AgentLost("b: no", retryable=False))
        assert there.asked(2, 1) == WHOLE
        there.engines[2].post(ReplyEnded(1, "failed", "c: no"))
        assert there.told[-1] == ReplyEnded(1, "failed", "c: no")

    room(main, count=3)


def test_what_is_for_all_reaches_all_that_are_open_and_money_always_counts() -> None:
    async def main(there: Room) -> None:
        await there.ready(0)
        there.agent.forget()
        there.agent.connect()
        assert [call[0] for call in there.engines[0].calls] == ["open", "forget", "connect"]
        assert there.engines[1].calls == []
        there.engines[0].post(Spent(7))
        assert there.told == [Spent(7)]
        there.agent.hold(1)
        assert there.asked(0, 1) == ["hold"]

    room(main)
