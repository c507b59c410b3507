"""A request for each clause, and the next one in good time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from edge.agents.chained.tts import clauses as clauses_module
from edge.agents.chained.tts.clauses import in_turn, pieces, whole_samples
from edge.core.chain import Sound, Used
from tests.agents.chained.tts.benches import Dictated, ours, text
from tests.waiting import wait_until


class Service:
    """Speaks clauses as far as the test lets it."""

    def __init__(self, sounds: int = 1) -> None:
        self.asked: list[str] = []
        self.stopped: list[str] = []
        self.go = asyncio.Event()
        self.failing: set[str] = set()
        self._sounds = sounds

    async def speak(self, clause: str) -> AsyncGenerator[Sound | Used]:
        self.asked.append(clause)
        try:
            for n in range(self._sounds):
                yield Sound(b"", f"{clause}{n}")
            await self.go.wait()
            _ = 1 // (clause not in self.failing)
        except BaseException:
            self.stopped.append(clause)
            raise


async def spoken(service: Service, *clauses: str) -> list[str]:
    async with aclosing(in_turn(text(clauses), service.speak, 100)) as items:
        return [item.text async for item in items if isinstance(item, Sound)]


def test_the_next_clause_is_asked_for_while_one_is_coming_and_no_other() -> None:
    async def main() -> None:
        service = Service()
        task = asyncio.ensure_future(spoken(service, "a", "b", "c", "d"))
        await wait_until(lambda: len(service.asked) == 2)
        await asyncio.sleep(0.02)
        assert service.asked == ["a", "b"]
        service.go.set()
        assert await task == ["a0", "b0", "c0", "d0"]

    asyncio.run(main())


def test_what_comes_first_is_told_first_whichever_is_ready() -> None:
    async def main() -> None:
        service = Service(sounds=5)
        service.go.set()
        assert await spoken(service, "a", "b", "c") == [f"{clause}{n}" for clause in "abc" for n in range(5)]

    asyncio.run(main())


def test_stopping_stops_both_requests() -> None:
    async def main() -> None:
        service = Service()
        items = in_turn(text("abc"), service.speak, 100)
        assert await anext(items) == Sound(b"", "a0")
        await wait_until(lambda: len(service.asked) == 2)
        await items.aclose()
        assert sorted(service.stopped) == ["a", "b"]
        assert not ours()

    asyncio.run(main())


def test_a_failure_comes_in_its_place() -> None:
    async def main() -> None:
        service = Service()
        service.failing = {"b"}
        service.go.set()
        heard: list[Sound | Used] = []

        async def listen() -> None:
            async with aclosing(in_turn(text("abc"), service.speak, 100)) as items:
                async for item in items:
                    heard.append(item)  # noqa: PERF401  what came before the failure is what counts

        with pytest.raises(ZeroDivisionError):
            await listen()
        assert heard == [Sound(b"", "a0"), Sound(b"", "b0")]
        assert not ours()

    asyncio.run(main())


def test_a_clause_that_nobody_takes_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clauses_module, "MOST_PIECES", 3)

    async def main() -> None:
        service = Service(sounds=50)
        items = in_turn(text("ab"), service.speak, 100)
        first = [await anext(items) for _ in range(4)]
        assert first == [Sound(b"", f"a{n}") for n in range(4)]
        service.go.set()
        assert len([item async for item in items]) == 96

    asyncio.run(main())


def test_clauses_are_waited_for() -> None:
    async def main() -> None:
        service, given = Service(), Dictated()
        service.go.set()
        items = in_turn(given.__aiter__(), service.speak, 100)
        for clause in "abc":
            given.give(clause)
            assert await anext(items) == Sound(b"", f"{clause}0")
        given.give(None)
        assert await anext(items, None) is None

    asyncio.run(main())


def test_what_is_too_long_is_cut_between_words() -> None:
    assert [*pieces("one two three four", 9)] == ["one two", "three", "four"]
    assert [*pieces("one two", 7)] == ["one two"]
    assert [*pieces("abcdefghij", 4)] == ["abcd", "efgh", "ij"]
    assert [*pieces("", 4)] == []


def test_samples_are_put_together_again() -> None:
    cut = whole_samples()
    assert [cut(data) for data in (b"a", b"bc", b"", b"def", b"g")] == [b"", b"ab", b"", b"cdef", b""]
