"""The bus of several processes: presence and messages through Redis, one channel for each process.

Without Redis the links that are there stay, and serve whoever comes to their own process. When it is back, empty or
not, each process says again what it has. A command is never kept: what its reader gets too late is thrown away, by a
clock that all processes have from Redis.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from edge.config import Config
from edge.relay.bus import scripts
from edge.relay.bus.line import BATCH, REDIS_S, RedisLine
from edge.relay.bus.memory import Epochs
from edge.relay.bus.port import ANSWER_S, KEPT_S, RENEW_S, Gone, Json, Listener, NoAnswer, Place
from edge.relay.logs import event

TICK_S = 0.5  # between rounds of saying what is due
TELL_S = 3.0  # how often a watcher says that it watches: after Redis has lost it, too
WATCH_S = 15.0  # and for how long that holds
TIME_S = 5.0  # between looks at Redis' clock, and words to ourselves
TOO_LATE_S = ANSWER_S + 0.5  # whoever asked has given up
MOST_ASKED = 1000  # commands of other processes at work

_log = logging.getLogger("edge-voice")


@dataclass(slots=True)
class _Held:
    """A device that is linked here."""

    epoch: int
    about: Json
    due: float  # when Redis is told again
    watchers: dict[str, float] = field(default_factory=dict)  # node -> until when


class RedisBus:
    """See port.Bus."""

    def __init__(self, config: Config, node: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._node, self._clock = node, clock
        self.line = RedisLine(config, node, clock)
        self._epochs = Epochs()
        self._held: dict[str, _Held] = {}
        self._watches: dict[str, float] = {}  # devices watched here, with the time when Redis is told again
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._asked: set[asyncio.Task[None]] = set()
        self._number = 0
        self._listener: Listener | None = None

    @property
    def dropped(self) -> int:
        """Messages that Redis did not take, or that came too late."""
        return self.line.dropped

    def attach(self, listener: Listener) -> None:
        """See port.Bus."""
        self._listener = listener

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """See port.Bus."""
        line = self.line
        works = (line.listen(self._say_all_again, self._heard), self._round(), line.send_on())
        tasks = [asyncio.ensure_future(work) for work in works]
        with suppress(TimeoutError):
            async with asyncio.timeout(REDIS_S):
                await line.began.wait()
        try:
            yield
        finally:
            await _ended([*tasks, *self._asked])
            for device, held in list(self._held.items()):
                await self.release(device, held.epoch)
            await line.close()

    # --- what is linked here ------------------------------------------------------------------------------

    async def claim(self, device: str, about: Json) -> int:
        """See port.Bus."""
        args = [scripts.NODE, self._node, device, json.dumps(about), int(KEPT_S * 1000)]
        found = await self.line.run("claim", [scripts.DEVICE + device, scripts.WATCH + device], args)
        now = self._clock()
        epoch, watchers = (int(found[0]), found[1]) if found is not None else (self._epochs.next(), [])
        held = _Held(epoch, about, now + RENEW_S if found is not None else now)
        held.watchers = {node: now + WATCH_S for node in watchers if node != self._node}
        self._held[device] = held
        return epoch

    async def release(self, device: str, epoch: int) -> None:
        """See port.Bus."""
        found = self._held.get(device)
        if found is not None and found.epoch <= epoch:
            del self._held[device]
        await self.line.run("release", [scripts.DEVICE + device], [self._node, epoch])

    def describe(self, device: str, epoch: int, about: Json) -> None:
        """See port.Bus."""
        found = self._held.get(device)
        if found is not None and found.epoch == epoch and found.about != about:
            found.about, found.due = about, self._clock()

    async def where(self, devices: Iterable[str]) -> dict[str, Place]:
        """See port.Bus. Without Redis, those that are linked here."""
        wanted = list(devices)
        own = {one: Place(self._node, self._held[one].epoch, self._held[one].about) for one in wanted
               if one in self._held}  # fmt: skip
        found: dict[str, Place] = {}
        others = [one for one in wanted if one not in own]
        for start in range(0, len(others), BATCH):
            part = others[start : start + BATCH]
            pipe = self.line.redis.pipeline(transaction=False)
            for one in part:
                pipe.hmget(scripts.DEVICE + one, "node", "epoch", "about")
            rows = await self.line.attempt(pipe.execute)
            found |= {one: _place(row) for one, row in zip(part, rows or (), strict=False) if row[0]}
        return {**found, **own}

    # --- commands -----------------------------------------------------------------------------------------

    async def ask(self, device: str, request: Json) -> Json:
        """See port.Bus."""
        place = (await self.where([device])).get(device)
        if place is None or place.node == self._node:
            raise Gone("The device is offline.")
        self._number += 1
        number = f"{self._node}-{self._number}"
        answered: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        told = {"t": "ask", "n": number, "from": self._node, "device": device, "epoch": place.epoch,
                "at": self.line.time(), "request": request}  # fmt: skip
        try:
            async with asyncio.timeout(ANSWER_S):
                if not await self.line.publish(scripts.NODE + place.node, told):
                    raise Gone("The device is offline.")  # its process has died, and the entry runs out
                answer = await answered
        except TimeoutError:
            raise NoAnswer("The device has not answered.") from None
        finally:
            self._waiting.pop(number, None)
        if "gone" in answer:
            raise Gone(str(answer["gone"]))
        if "silent" in answer:
            raise NoAnswer(str(answer["silent"]))
        return answer

    async def _answer(self, told: Json) -> None:
        assert self._listener is not None
        try:
            answer = await self._listener.asked(str(told["device"]), int(told["epoch"]), told["request"])
        except Gone as gone:
            answer = {"gone": str(gone)}
        except NoAnswer as silent:
            answer = {"silent": str(silent)}
        await self.line.publish(scripts.NODE + told["from"], {"t": "answer", "n": told["n"], "answer": answer})

    def _is_late(self, at: float | None) -> bool:
        now = self.line.time()
        return at is not None and now is not None and now - at > TOO_LATE_S

    # --- watching -----------------------------------------------------------------------------------------

    def watch(self, device: str) -> None:
        """See port.Bus."""
        self._watches[device] = self._clock()

    def unwatch(self, device: str) -> None:
        """See port.Bus."""
        if self._watches.pop(device, None) is not None:
            task = asyncio.ensure_future(self._say_watch(device, 0))
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)

    def is_watched(self, device: str) -> bool:
        """See port.Bus."""
        return bool(self._watchers(device))

    def pass_on(self, device: str, text: str, *, droppable: bool) -> None:
        """See port.Bus. What Redis does not take is dropped and counted; levels first."""
        for node in self._watchers(device):
            self.line.put(scripts.NODE + node, {"t": "event", "device": device, "text": text}, droppable=droppable)

    async def spread(self, what: str, device: str) -> None:
        """See port.Bus."""
        if not await self.line.publish(scripts.ALL, {"t": "told", "what": what, "device": device}):
            assert self._listener is not None
            self._listener.told(what, device)

    def _watchers(self, device: str) -> list[str]:
        found = self._held.get(device)
        if found is None or not found.watchers:
            return []
        now = self._clock()
        if any(until < now for until in found.watchers.values()):
            found.watchers = {node: until for node, until in found.watchers.items() if until >= now}
        return list(found.watchers)

    async def _say_watch(self, device: str, seconds: float) -> None:
        args = [scripts.NODE, self._node, device, int(seconds * 1000)]
        await self.line.run("watches", [scripts.DEVICE + device, scripts.WATCH + device], args)

    # --- from Redis ---------------------------------------------------------------------------------------

    def _say_all_again(self) -> None:
        now = self._clock()
        for held in self._held.values():
            held.due = now
        for device in self._watches:
            self._watches[device] = now

    def _heard(self, data: str) -> None:
        listener = self._listener
        if listener is None:
            return
        try:
            told = json.loads(data)
            device = str(told.get("device", ""))
            match told["t"]:
                case "ask":
                    self._begin(told)
                case "answer":
                    waiting = self._waiting.pop(told["n"], None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(told["answer"])
                case "event":
                    listener.happened(device, told["text"])
                case "replaced":
                    self._is_replaced(device, int(told["epoch"]))
                case "watch":
                    self._is_watched_by(device, told["node"], told["ms"] / 1000)
                case "told":
                    listener.told(told["what"], device)
        except (ValueError, KeyError, TypeError, AttributeError):  # of a newer relay's, or of somebody else's
            event(_log, logging.WARNING, "bus_unreadable")

    def _begin(self, told: Json) -> None:
        if len(self._asked) >= MOST_ASKED or self._is_late(told["at"]):
            self.line.dropped += 1
            return
        task = asyncio.ensure_future(self._answer(told))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    def _is_replaced(self, device: str, epoch: int) -> None:
        held = self._held.get(device)
        if held is not None and held.epoch < epoch and self._listener is not None:
            del self._held[device]
            self._listener.replaced(device, epoch)

    def _is_watched_by(self, device: str, node: str, seconds: float) -> None:
        held = self._held.get(device)
        if held is None or self._listener is None:
            return
        if seconds > 0:
            held.watchers[node] = self._clock() + seconds
        else:
            held.watchers.pop(node, None)
        self._listener.watched(device)

    # --- to Redis -----------------------------------------------------------------------------------------

    async def _round(self) -> None:
        looked = 0.0
        while True:
            now = self._clock()
            if self.line.hears:
                await self._keep([one for one, held in self._held.items() if held.due <= now], now)
                for device in [one for one, due in self._watches.items() if due <= now]:
                    self._watches[device] = now + TELL_S
                    await self._say_watch(device, WATCH_S)
                if now - looked > TIME_S:
                    looked = now
                    await self.line.look_at_time()
            await asyncio.sleep(TICK_S)

    async def _keep(self, due: list[str], now: float) -> None:
        for start in range(0, len(due), BATCH):
            part = [(one, self._held[one]) for one in due[start : start + BATCH] if one in self._held]
            pipe = self.line.redis.pipeline(transaction=False)
            for one, held in part:
                args = [scripts.NODE, self._node, one, json.dumps(held.about), int(KEPT_S * 1000), held.epoch]
                pipe.eval(scripts.KEEP, 1, scripts.DEVICE + one, *args)
                held.due = now + RENEW_S
            for (one, held), kept in zip(part, await self.line.attempt(pipe.execute) or (), strict=False):
                if kept == 0:
                    self._is_replaced(one, held.epoch + 1)


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    """Cancelled until they are over: redis-py may take a cancellation for a timeout of its own."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.1)


def _place(row: list[str]) -> Place:
    with suppress(ValueError, TypeError):
        return Place(row[0], int(row[1]), json.loads(row[2]))
    return Place(row[0], 0)
