"""What a process has of Redis: scripts, messages in and out, and a clock that all processes share."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from edge.config import Config
from edge.relay.bus import scripts
from edge.relay.bus.port import Json
from edge.relay.logs import event
from edge.relay.shared import client

REDIS_S = 1.0  # that Redis may take; on one machine or in one network it takes 1 ms
QUIET_S = 12.0  # without a word, our own included (see RedisBus), the line is dead, whatever the kernel says
MOST_OUT = 4000  # messages waiting for Redis; when half full, levels are dropped
AGAIN_S = 0.5  # before Redis is tried again
BATCH = 250  # scripts or messages sent together

_log = logging.getLogger("edge-voice")


class RedisLine:
    """Without Redis for a while, what is asked for is None, and what is sent is dropped and counted."""

    def __init__(self, config: Config, node: str, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.own = scripts.NODE + node
        limits = {"socket_connect_timeout": REDIS_S, "decode_responses": True}
        self.redis = client(config, socket_timeout=REDIS_S, retry=_retry(1), **limits)  # an old connection may be dead
        self._ears = client(config, retry=_retry(0), **limits)  # a new one must be noticed: see listen
        texts = (("claim", scripts.CLAIM), ("release", scripts.RELEASE), ("watches", scripts.WATCHES))
        self._scripts = {name: self.redis.register_script(text) for name, text in texts}
        self._out: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MOST_OUT)
        self.offset: float | None = None  # Redis' clock less ours
        self.hears = False  # whether Redis brings us messages
        self.began = asyncio.Event()  # it has, once
        self.dropped = 0

    async def close(self) -> None:
        """Idempotent."""
        for one in (self.redis, self._ears):
            with suppress(Exception):
                await one.aclose()

    # --- in -----------------------------------------------------------------------------------------------

    async def listen(self, anew: Callable[[], None], heard: Callable[[str], None]) -> None:
        """For ever; `anew` is told of each new connection: Redis may have forgotten everything."""
        while True:
            try:
                async with self._ears.pubsub() as ears:
                    await ears.subscribe(self.own, scripts.ALL)
                    anew()
                    while (message := await ears.get_message(timeout=QUIET_S)) is not None:
                        self.hears = True
                        self.began.set()
                        if message["type"] == "message":
                            heard(message["data"])
            except Exception as error:  # noqa: BLE001  whatever a client makes of a server that is away
                if self.hears:
                    event(_log, logging.WARNING, "redis_lost", error=type(error).__name__)
            self.hears = False
            await asyncio.sleep(AGAIN_S)

    # --- out ----------------------------------------------------------------------------------------------

    def put(self, channel: str, told: Json, *, droppable: bool) -> None:
        """Send it soon. What Redis does not take is dropped; what is droppable, first."""
        if self._out.full() or (droppable and self._out.qsize() > MOST_OUT / 2):
            self.dropped += 1
        else:
            self._out.put_nowait((channel, json.dumps(told)))

    async def send_on(self) -> None:
        """For ever."""
        while True:
            batch = [await self._out.get()]
            while len(batch) < BATCH and not self._out.empty():
                batch.append(self._out.get_nowait())
            pipe = self.redis.pipeline(transaction=False)
            for channel, text in batch:
                pipe.publish(channel, text)
            if await self.attempt(pipe.execute) is None:
                self.dropped += len(batch)

    async def publish(self, channel: str, told: Json) -> int:
        """How many hear it."""
        return int(await self.attempt(lambda: self.redis.publish(channel, json.dumps(told))) or 0)

    async def run(self, name: str, keys: list[str], args: list[Any]) -> Any:
        """What a script returns."""
        return await self.attempt(lambda: self._scripts[name](keys=keys, args=args))

    async def attempt(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """None without Redis."""
        try:
            return await work()
        except Exception as error:  # noqa: BLE001  as above
            if self.hears:
                event(_log, logging.WARNING, "redis_failed", error=type(error).__name__)
            return None

    # --- the time -----------------------------------------------------------------------------------------

    async def look_at_time(self) -> None:
        """Also a word to ourselves, so that a dead line is noticed."""
        await self.publish(self.own, {"t": "beat"})
        before = self._clock()
        found = await self.attempt(self.redis.time)
        if found is not None:
            self.offset = found[0] + found[1] / 1e6 - (before + self._clock()) / 2

    def time(self) -> float | None:
        """By Redis' clock; None before it is known."""
        return None if self.offset is None else self._clock() + self.offset


def _retry(times: int) -> Any:
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Retry(NoBackoff(), times)
