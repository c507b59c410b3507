"""Limits of one process, by a clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.relay.limits import MOST_KEYS, Buckets, Memory, need
from edge.relay.refused import Refused


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    assert [buckets.take("a", 2.0, 3) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a", 2.0, 3) == pytest.approx(0.5)
    assert buckets.take("b", 2.0, 3) == 0  # somebody else's
    clock.now += 0.5
    assert buckets.take("a", 2.0, 3) == 0
    assert buckets.take("a", 2.0, 3) == pytest.approx(0.5)


@given(st.floats(0.1, 100), st.integers(1, 50), st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_more_than_burst_and_rate_ever(rate: float, burst: int, pauses: list[float]) -> None:
    clock = Clock()
    buckets, taken, began = Buckets(clock), 0, clock.now
    for pause in pauses:
        clock.now += pause
        wait = buckets.take("a", rate, burst)
        taken += wait == 0
        assert taken <= burst + rate * (clock.now - began) + 1e-3
        if wait > 0:
            clock.now += wait
            assert buckets.take("a", rate, burst) == 0  # what was promised
            taken += 1


def test_memory_is_bounded_and_those_who_wait_are_not_forgotten_for_the_others() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    for number in range(2 * MOST_KEYS):
        buckets.take(f"old{number}", 0.001, 1)
    assert len(buckets._full_at) <= MOST_KEYS
    newest = f"old{2 * MOST_KEYS - 1}"
    assert buckets.take(newest, 0.001, 1) > 0


def test_those_that_are_full_again_are_cleared_first() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    buckets.take("slow", 0.0001, 1)
    for number in range(MOST_KEYS):
        buckets.take(f"quick{number}", 1000.0, 1)
        clock.now += 0.01
    assert buckets.take("slow", 0.0001, 1) > 0


def test_so_many_at_once() -> None:
    async def main() -> None:
        limits = Memory()
        async with limits.hold("a", 2), limits.hold("a", 2):
            with pytest.raises(Refused) as caught:
                async with limits.hold("a", 2):
                    raise AssertionError("one too many")
            assert (caught.value.status, caught.value.code) == (429, "too_many")
            async with limits.hold("b", 1):
                pass
        async with limits.hold("a", 1):
            assert limits.held == {"a": 1}
        assert not limits.held

    asyncio.run(main())


def test_what_is_held_comes_back_after_a_fault() -> None:
    async def main() -> None:
        limits = Memory()
        with pytest.raises(ZeroDivisionError):
            async with limits.hold("a", 1):
                raise ZeroDivisionError
        async with limits.hold("a", 1):
            pass

    asyncio.run(main())


def test_need_says_how_long_to_wait() -> None:
    async def main() -> None:
        limits = Memory(Clock())
        await need(limits, "a", 0.1, 1)
        with pytest.raises(Refused, match="10 seconds") as caught:
            await need(limits, "a", 0.1, 1)
        assert caught.value.wait_s == pytest.approx(10)

    asyncio.run(main())
