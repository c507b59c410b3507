"""Limits that several processes share through Redis.

Without Redis for a while, each process counts for itself: people can go on, and nobody is let in without any limit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from edge.config import Config, secret
from edge.relay.limits import Memory, too_many
from edge.relay.metrics import Metrics

ANSWER_S = 0.25  # that Redis may take; on one machine or in one network it takes 1 ms
APART_S = 2.0  # after a failure, before it is asked again
BEAT_S, ALIVE_S = 5.0, 20.0  # how often a process says that it lives, and for how long that holds
PREFIX = "edge-voice:"

# A token bucket, kept as the time (Redis' own) at which it is full again: see limits.Buckets.
TAKE = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local full_at = tonumber(redis.call('GET', KEYS[1]) or '0')
if full_at < now then full_at = now end
full_at = full_at + 1 / ARGV[1]
local wait = full_at - now - ARGV[2] / ARGV[1]
if wait > 0.000000001 then return tostring(wait) end
redis.call('SET', KEYS[1], string.format('%.6f', full_at), 'PX', math.ceil((full_at - now) * 1000) + 1)
return '0'
"""
# One more of what all living processes hold together; each has a hash of its own, which goes with it.
GRASP = """
local t = redis.call('TIME')
local held = 0
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], t[1], '+inf')) do
  held = held + tonumber(redis.call('HGET', ARGV[1] .. node, ARGV[3]) or '0')
end
if held >= tonumber(ARGV[4]) then return 0 end
redis.call('HINCRBY', ARGV[1] .. ARGV[2], ARGV[3], 1)
return 1
"""
# That a process lives, and all that it holds.
SAY = """
local t = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', t[1])
redis.call('ZADD', KEYS[1], t[1] + ARGV[2], ARGV[1])
redis.call('DEL', KEYS[2])
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[2], 3 * ARGV[2])
"""
RELEASE = """
if redis.call('HINCRBY', KEYS[1], ARGV[1], -1) <= 0 then redis.call('HDEL', KEYS[1], ARGV[1]) end
"""


class Script(Protocol):
    """A script of Redis, called by its digest."""

    async def __call__(self, keys: list[str], args: list[Any]) -> Any:
        """What it returns."""


def client(config: Config, **more: Any) -> Any:
    """Of redis-py, not yet connected; the password is the credential redis_password."""
    from redis.asyncio import Redis

    return Redis.from_url(config.server.redis, password=secret("redis_password") or None, **more)


class SharedLimits:
    """See limits.Limits."""

    def __init__(
        self, config: Config, node: str, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = client(config, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, decode_responses=True)
        self._node, self._clock = node, clock
        self._own = Memory(clock)
        self._apart_until = 0.0
        self._apart = metrics.counter("limits_apart_total", "limits that were counted without Redis")
        scripts = (self._redis.register_script(one) for one in (TAKE, GRASP, RELEASE, SAY))
        self._take, self._grasp, self._release, self._hold_all = scripts

    async def take(self, key: str, rate: float, burst: float) -> float:
        """See limits.Limits."""
        found = await self._ask(self._take, [f"{PREFIX}rate:{key}"], [rate, max(burst, 1.0)])
        return await self._own.take(key, rate, burst) if found is None else float(found)

    @asynccontextmanager
    async def hold(self, key: str, most: int) -> AsyncIterator[None]:
        """See limits.Limits."""
        asked = [f"{PREFIX}held:", self._node, key, most]
        if await self._ask(self._grasp, [f"{PREFIX}nodes"], asked) == 0 or not self._own.grasp(key, most):
            raise too_many()
        try:
            yield
        finally:
            self._own.release(key)
            await self._ask(self._release, [f"{PREFIX}held:{self._node}"], [key])

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Says that this process is there, and what it holds: after Redis has lost it, too."""
        await self._say()
        ends = asyncio.Event()
        beating = asyncio.ensure_future(self._beat(ends))
        try:
            yield
        finally:
            ends.set()
            await beating  # not cut off: what is said must not arrive after what follows
            with suppress(Exception):  # it goes by itself, too
                await self._redis.zrem(f"{PREFIX}nodes", self._node)
                await self._redis.delete(f"{PREFIX}held:{self._node}")
            await self._redis.aclose()

    async def _beat(self, ends: asyncio.Event) -> None:
        while not ends.is_set():
            await self._say()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await ends.wait()

    async def _say(self) -> None:
        pairs = [one for pair in self._own.held.items() for one in pair]
        args = [self._node, int(ALIVE_S), *pairs]
        await self._ask(self._hold_all, [f"{PREFIX}nodes", f"{PREFIX}held:{self._node}"], args)

    async def _ask(self, script: Script, keys: list[str], args: list[Any]) -> Any:
        """None without Redis."""
        if self._clock() >= self._apart_until:
            try:
                return await script(keys=keys, args=args)
            except Exception:  # noqa: BLE001  whatever a client makes of a server that is away
                self._apart_until = self._clock() + APART_S
        self._apart.add()
        return None
