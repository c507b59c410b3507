"""Limits that several processes share, on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from edge.relay.metrics import Metrics
from edge.relay.refused import Refused
from edge.relay.shared import SharedLimits
from tests.relay.redis_rig import RedisServer, needs_redis, redis_server
from tests.relay.rig import configured

pytestmark = needs_redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


class Nodes:
    """Two processes, as far as Redis can tell."""

    def __init__(self, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("edge.relay.shared.BEAT_S", 0.05)
        monkeypatch.setattr("edge.relay.shared.APART_S", 0.05)
        self._config = configured(redis=redis.url)
        self.metrics = Metrics()

    def make(self, node: str) -> SharedLimits:
        return SharedLimits(self._config, node, self.metrics)

    def run(self, work: Callable[[SharedLimits, SharedLimits], Awaitable[None]]) -> None:
        async def main() -> None:
            a, b = self.make("a"), self.make("b")
            async with a.living(), b.living():
                await work(a, b)

        asyncio.run(main())

    def apart(self) -> float:
        return sum(self.metrics.counter("limits_apart_total", "").values.values())


@pytest.fixture
def nodes(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    return Nodes(redis, monkeypatch)


def test_attempts_at_both_are_counted_together(nodes: Nodes) -> None:
    async def work(a: SharedLimits, b: SharedLimits) -> None:
        waits = [await one.take("login:x", 0.01, 3) for one in (a, b, a, b)]
        assert waits[:3] == [0, 0, 0]
        assert waits[3] == pytest.approx(100, abs=5)
        assert await b.take("login:y", 0.01, 3) == 0

    nodes.run(work)
    assert nodes.apart() == 0


def test_a_bucket_goes_when_it_is_full_again(nodes: Nodes, redis: RedisServer) -> None:
    async def work(a: SharedLimits, b: SharedLimits) -> None:
        await a.take("quick", 10, 1)
        assert await b.take("quick", 10, 1) > 0
        await asyncio.sleep(0.15)
        assert redis.command("keys", "*rate*") == ""
        assert await b.take("quick", 10, 1) == 0

    nodes.run(work)


def test_what_both_hold_is_counted_together(nodes: Nodes) -> None:
    async def work(a: SharedLimits, b: SharedLimits) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(a.hold("person:x", 3))
            await stack.enter_async_context(b.hold("person:x", 3))
            await stack.enter_async_context(b.hold("person:x", 3))
            for one in (a, b):
                with pytest.raises(Refused):
                    await stack.enter_async_context(one.hold("person:x", 3))
        async with a.hold("person:x", 1):
            pass

    nodes.run(work)
    assert nodes.apart() == 0


def test_what_a_dead_process_held_is_free_again(
    nodes: Nodes, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.relay.shared.ALIVE_S", 1)

    async def work(a: SharedLimits, b: SharedLimits) -> None:
        dead = nodes.make("dead")
        await dead._say()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(dead.hold("x", 1))
            with pytest.raises(Refused):
                await stack.enter_async_context(a.hold("x", 1))
            await asyncio.sleep(2.2)  # it says nothing any more; Redis counts whole seconds
            await stack.enter_async_context(b.hold("x", 1))
        await dead._redis.aclose()

    nodes.run(work)


def test_without_redis_each_counts_for_itself(nodes: Nodes, redis: RedisServer) -> None:
    async def work(a: SharedLimits, b: SharedLimits) -> None:
        redis.stop()
        assert [await a.take("x", 0.01, 1), await b.take("x", 0.01, 1)] == [0, 0]
        assert await a.take("x", 0.01, 1) > 0
        async with a.hold("y", 1):
            with pytest.raises(Refused):
                async with a.hold("y", 1):
                    raise AssertionError("one too many")

    nodes.run(work)
    assert nodes.apart() > 0


def test_after_redis_comes_back_empty_what_is_held_is_known_again(nodes: Nodes, redis: RedisServer) -> None:
    async def work(a: SharedLimits, b: SharedLimits) -> None:
        async with a.hold("x", 1):
            redis.stop()
            await a.take("x", 1, 1)
            redis.start()
            for _ in range(200):
                if redis.command("hget", "edge-voice:held:a", "x") == "1":
                    break
                await asyncio.sleep(0.02)
            with pytest.raises(Refused):
                async with b.hold("x", 1):
                    raise AssertionError("one too many")
        async with b.hold("x", 1):
            pass

    nodes.run(work)


def test_a_process_that_ends_well_leaves_nothing(nodes: Nodes, redis: RedisServer) -> None:
    async def work(a: SharedLimits, b: SharedLimits) -> None:
        async with a.hold("x", 1), b.hold("y", 1):
            assert set(redis.command("keys", "*").split()) == {
                "edge-voice:nodes", "edge-voice:held:a", "edge-voice:held:b",
            }  # fmt: skip

    nodes.run(work)
    assert redis.command("keys", "*") == ""
