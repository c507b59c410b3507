"""How often and how many at once: of a person, a device, an address. In this process, or shared through Redis."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import ceil
from typing import TYPE_CHECKING, Protocol

from edge.relay.refused import Refused

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

MOST_KEYS = 50_000  # of this process' memory: about 10 MB


class Limits(Protocol):
    """Keys say what is counted and whose, such as "login:203.0.113.7"."""

    async def take(self, key: str, rate: float, burst: float) -> float:
        """One more, at `rate` a second in the long run and `burst` at once: 0 if it may, else seconds to wait."""

    def hold(self, key: str, most: int) -> AbstractAsyncContextManager[None]:
        """While inside, one of at most `most`. Refused (429) when they are all taken."""


async def need(limits: Limits, key: str, rate: float, burst: float) -> None:
    """`take`, or Refused (429) with the time to wait."""
    wait = await limits.take(key, rate, burst)
    if wait > 0:
        raise too_often(wait)


def too_often(wait_s: float) -> Refused:
    """For whoever comes too often."""
    return Refused(429, "too_often", f"Too many attempts. Please wait {ceil(wait_s)} seconds.", wait_s=wait_s)


def too_many() -> Refused:
    """For one too many at once."""
    return Refused(429, "too_many", "Too many connections are open already. Please close one and try again.", wait_s=5)


class Buckets:
    """Token buckets, kept as the time at which each is full again (GCRA)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def take(self, key: str, rate: float, burst: float) -> float:
        """See Limits."""
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + 1 / rate
        wait = full_at - now - max(burst, 1.0) / rate
        if wait > 1e-9:  # noqa: PLR2004  of floating point
            return wait
        if key not in self._full_at and len(self._full_at) >= MOST_KEYS:
            self._make_room(now)
        self._full_at[key] = full_at
        return 0.0

    def _make_room(self, now: float) -> None:
        """Those that are full say nothing; else the oldest go."""
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        for key in list(self._full_at)[: max(0, len(self._full_at) - MOST_KEYS // 2)]:
            del self._full_at[key]


class Memory:
    """Limits of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = Buckets(clock)
        self.held: Counter[str] = Counter()

    async def take(self, key: str, rate: float, burst: float) -> float:
        """See Limits."""
        return self._buckets.take(key, rate, burst)

    @asynccontextmanager
    async def hold(self, key: str, most: int) -> AsyncIterator[None]:
        """See Limits."""
        if not self.grasp(key, most):
            raise too_many()
        try:
            yield
        finally:
            self.release(key)

    def grasp(self, key: str, most: int) -> bool:
        """The first half of `hold`, for what is no coroutine."""
        if self.held[key] >= most:
            return False
        self.held[key] += 1
        return True

    def release(self, key: str) -> None:
        """The second half."""
        self.held[key] -= 1
        if self.held[key] <= 0:
            del self.held[key]
