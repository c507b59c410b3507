"""Both buses, and what only the one through Redis can meet: another process, a restart of Redis, a late command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.relay.bus import Gone, MemoryBus, NoAnswer, open_bus
from edge.relay.bus.port import Json
from edge.relay.bus.shared import RedisBus
from tests.relay.redis_rig import RedisServer, needs_redis, redis_server
from tests.relay.rig import configured
from tests.waiting import wait_until


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@dataclass
class Process:
    """A listener that has links, and notes what it is told."""

    bus: RedisBus
    answer: Json | Exception = field(default_factory=lambda: {"ok": True})
    epochs: dict[str, int] = field(default_factory=dict)
    log: list[tuple[object, ...]] = field(default_factory=list)
    pause: float = 0.0

    async def asked(self, device: str, epoch: int, request: Json) -> Json:
        if self.epochs.get(device) != epoch:
            raise Gone("The device is offline.")
        self.log.append(("asked", device, request))
        await asyncio.sleep(self.pause)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def replaced(self, device: str, epoch: int) -> None:
        self.log.append(("replaced", device, epoch))

    def happened(self, device: str, text: str) -> None:
        self.log.append(("happened", device, text))

    def watched(self, device: str) -> None:
        self.log.append(("watched", device, self.bus.is_watched(device)))

    def told(self, what: str, device: str) -> None:
        self.log.append(("told", what, device))

    async def claim(self, device: str) -> int:
        self.epochs[device] = await self.bus.claim(device, {"version": "1"})
        return self.epochs[device]

    def of(self, kind: str) -> list[tuple[object, ...]]:
        return [one for one in self.log if one[0] == kind]


class Processes:
    """As many as are needed, on one Redis."""

    def __init__(self, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.redis, self.monkeypatch = redis, monkeypatch
        self._stack = AsyncExitStack()
        for name, seconds in (("shared.TICK_S", 0.05), ("line.AGAIN_S", 0.05), ("shared.TIME_S", 0.1)):
            self.set(name, seconds)

    def set(self, name: str, seconds: float) -> None:
        self.monkeypatch.setattr(f"edge.relay.bus.{name}", seconds)

    async def start(self, node: str) -> Process:
        bus = open_bus(configured(redis=self.redis.url), node)
        assert isinstance(bus, RedisBus)
        process = Process(bus)
        bus.attach(process)
        await self._stack.enter_async_context(bus.living())
        return process

    def run(self, work: Callable[[Process, Process], Awaitable[None]]) -> None:
        async def main() -> None:
            async with self._stack:
                await work(await self.start("a"), await self.start("b"))

        asyncio.run(main())


@pytest.fixture
def processes(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Processes:
    return Processes(redis, monkeypatch)


def test_in_one_process_an_old_link_takes_nothing_from_a_new_one() -> None:
    async def main() -> None:
        bus = MemoryBus("a")
        first, second = await bus.claim("D", {}), await bus.claim("D", {"version": "2"})
        assert second > first
        await bus.release("D", first)
        assert (await bus.where(["D", "E"]))["D"].epoch == second
        bus.describe("D", first, {"version": "old"})
        assert (await bus.where(["D"]))["D"].about == {"version": "2"}
        await bus.release("D", second)
        assert await bus.where(["D"]) == {}
        with pytest.raises(Gone):
            await bus.ask("D", {})

    asyncio.run(main())


@needs_redis
def test_a_command_reaches_the_process_that_has_the_device(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        await a.claim("D")
        b_sees = await b.bus.where(["D", "E"])
        assert {device: place.node for device, place in b_sees.items()} == {"D": "a"}
        assert b_sees["D"].about == {"version": "1"}
        a.answer = {"ok": True, "result": {"percent": 60}}
        assert await b.bus.ask("D", {"command": "volume"}) == a.answer
        with pytest.raises(Gone):
            await b.bus.ask("E", {"command": "volume"})
        for error in (Gone("The device has gone."), NoAnswer("The device has not answered.")):
            a.answer = error
            with pytest.raises(type(error), match=str(error)):
                await b.bus.ask("D", {"command": "press"})

    processes.run(work)


@needs_redis
def test_a_device_that_comes_to_another_process_is_taken_from_the_first(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        old = await a.claim("D")
        new = await b.claim("D")
        assert new > old
        await wait_until(lambda: a.of("replaced") == [("replaced", "D", new)])
        await a.bus.release("D", old)  # comes late, and takes nothing away
        assert (await a.bus.where(["D"]))["D"].node == "b"

    processes.run(work)


@needs_redis
def test_a_command_is_for_the_link_that_the_asker_has_seen(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        await a.claim("D")
        a.epochs["D"] += 1  # it has come anew meanwhile
        with pytest.raises(Gone):
            await b.bus.ask("D", {"command": "say"})
        assert a.of("asked") == []

    processes.run(work)


@needs_redis
def test_a_command_that_its_reader_gets_late_is_not_carried_out(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        processes.set("shared.ANSWER_S", 0.1)
        await a.claim("D")
        await wait_until(lambda: a.bus.line.offset is not None and b.bus.line.offset is not None)
        processes.set("shared.TIME_S", 100)
        await asyncio.sleep(0.2)  # no look at the clock is under way
        assert b.bus.line.offset is not None
        b.bus.line.offset -= 10  # as if it had been sent ten seconds ago
        with pytest.raises(NoAnswer):
            await b.bus.ask("D", {"command": "say"})
        assert a.of("asked") == []
        assert a.bus.dropped == 1

    processes.run(work)


@needs_redis
def test_a_process_that_has_died_answers_at_once_that_the_device_is_gone(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        processes.redis.command("HSET", "edge-voice:device:D", "node", "dead", "epoch", "1", "about", "{}")
        began = asyncio.get_running_loop().time()
        with pytest.raises(Gone):
            await b.bus.ask("D", {"command": "press"})
        assert asyncio.get_running_loop().time() - began < 1.0  # it has not waited for the answer

    processes.run(work)


@needs_redis
def test_messages_follow_a_watched_device_from_process_to_process(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        c = await processes.start("c")
        await a.claim("D")
        assert not a.bus.is_watched("D")
        c.bus.watch("D")
        await wait_until(lambda: a.bus.is_watched("D"))
        a.bus.pass_on("D", "one", droppable=False)
        await wait_until(lambda: c.of("happened") == [("happened", "D", "one")])
        await b.claim("D")
        b.bus.pass_on("D", "two", droppable=False)
        await wait_until(lambda: ("happened", "D", "two") in c.log)
        c.bus.unwatch("D")
        await wait_until(lambda: not b.bus.is_watched("D"))
        assert b.log[-1] == ("watched", "D", False)

    processes.run(work)


@needs_redis
def test_what_concerns_all_is_told_to_all(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        await a.bus.spread("revoked", "D")
        told = [("told", "revoked", "D")]
        await wait_until(lambda: a.of("told") == b.of("told") == told)

    processes.run(work)


@needs_redis
def test_after_a_restart_of_redis_devices_and_watchers_are_known_again(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        await a.claim("D")
        b.bus.watch("D")
        await wait_until(lambda: a.bus.is_watched("D"))
        processes.redis.stop()
        await wait_until(lambda: not a.bus.line.hears and not b.bus.line.hears)
        assert (await a.bus.where(["D"]))["D"].node == "a"  # its own it knows all the same
        assert await b.bus.where(["D"]) == {}
        epoch = await a.claim("E")  # comes while Redis is away
        with pytest.raises(Gone):
            await b.bus.ask("D", {})
        processes.redis.start()
        began = asyncio.get_running_loop().time()

        async def found(device: str) -> None:
            while device not in await b.bus.where([device]):  # noqa: ASYNC110  asked, not told
                await asyncio.sleep(0.02)

        async with asyncio.timeout(10):
            await found("D")
            await found("E")
        assert asyncio.get_running_loop().time() - began < 10
        assert (await b.bus.where(["E"]))["E"].epoch == epoch
        assert await b.bus.ask("D", {"command": "press"}) == {"ok": True}
        await wait_until(lambda: processes.redis.command("ZRANGE", "edge-voice:watch:D", "0", "-1") == "b")

    processes.run(work)


@needs_redis
def test_two_that_have_a_device_after_redis_was_away_agree_on_one(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        processes.redis.stop()
        await wait_until(lambda: not a.bus.line.hears and not b.bus.line.hears)
        await a.claim("D")
        await asyncio.sleep(0.01)
        await b.claim("D")
        processes.redis.start()
        await wait_until(lambda: bool(a.of("replaced")))
        assert b.of("replaced") == []
        assert (await a.bus.where(["D"]))["D"].node == "b"

    processes.run(work)


@needs_redis
def test_what_is_shown_of_a_device_is_told_and_runs_out_with_its_process(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        epoch = await a.claim("D")
        a.bus.describe("D", epoch, {"version": "1", "state": "speaking"})

        async def state() -> object:
            return (await b.bus.where(["D"]))["D"].about.get("state")

        async with asyncio.timeout(5):
            while await state() != "speaking":  # noqa: ASYNC110  asked, not told
                await asyncio.sleep(0.02)
        left = int(processes.redis.command("PTTL", "edge-voice:device:D"))
        assert 40_000 < left <= 45_000

    processes.run(work)


@needs_redis
def test_what_redis_does_not_take_is_bounded_and_levels_go_first(processes: Processes) -> None:
    async def work(a: Process, b: Process) -> None:
        processes.set("line.MOST_OUT", 10)
        a.bus.line._out = asyncio.Queue(10)
        await a.claim("D")
        b.bus.watch("D")
        await wait_until(lambda: a.bus.is_watched("D"))
        for _ in range(20):
            a.bus.pass_on("D", "level", droppable=True)
        assert a.bus.line._out.qsize() <= 6
        for _ in range(20):
            a.bus.pass_on("D", "turn", droppable=False)
        assert a.bus.line._out.full()
        assert a.bus.dropped >= 14 + 16

    processes.run(work)


@needs_redis
@pytest.mark.parametrize("data", ["{", "[]", "7", "{}", '{"t": "ask"}', '{"t": "watch", "device": "D"}', '{"t": "x"}'])
def test_what_cannot_be_read_harms_nobody(processes: Processes, data: str) -> None:
    async def work(a: Process, b: Process) -> None:
        await a.claim("D")
        processes.redis.command("PUBLISH", "edge-voice:node:a", data)
        assert await b.bus.ask("D", {"command": "press"}) == {"ok": True}

    processes.run(work)
