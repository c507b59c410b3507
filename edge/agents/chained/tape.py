"""What a stage was given, kept so that another one can be given it too; and whether the first one has stalled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from edge.core.chain import Fault, StageFailed

T = TypeVar("T")


class Tape(Generic[T]):
    """Reads `source` once, as it comes; `play` gives all of it from the beginning, as often as wanted."""

    def __init__(self, source: AsyncIterator[T]) -> None:
        self.items: list[T] = []
        self.ended = False
        self._more = asyncio.Event()
        self._given: Callable[[T | None], None] = lambda _: None
        self._reading = asyncio.ensure_future(self._read(source))

    async def _read(self, source: AsyncIterator[T]) -> None:
        try:
            async for item in source:
                self.items.append(item)
                self._given(item)
                self._more.set()
        finally:
            self.ended = True
            self._given(None)
            self._more.set()

    def tell(self, given: Callable[[T | None], None], start: int = 0) -> None:
        """`given` is told of each item from `start` on, and of the end as None, taken by anybody or not."""
        self._given = given
        for item in self.items[start:]:
            given(item)
        if self.ended:
            given(None)

    async def play(self, start: int = 0) -> AsyncGenerator[T]:
        """From item `start` on."""
        at = start
        while True:
            while at < len(self.items):
                at += 1
                yield self.items[at - 1]
            if self.ended:
                return
            self._more.clear()
            await self._more.wait()

    async def close(self) -> None:
        """Read no more."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading


class Stall:
    """A limit that is set again and again: `passed` returns when one has run out."""

    def __init__(self) -> None:
        self._due: float | None = None
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def expect(self, within_s: float) -> None:
        """Something has to come by then."""
        self._due = self._loop.time() + within_s
        self._changed.set()

    def expect_nothing(self) -> None:
        """It may take its time."""
        self._due = None
        self._changed.set()

    async def passed(self) -> None:
        """Wait until a limit has run out."""
        while True:
            self._changed.clear()
            left = None if self._due is None else self._due - self._loop.time()
            if left is not None and left <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()


async def watched(items: AsyncGenerator[T], stall: Stall, name: str) -> AsyncGenerator[T]:
    """The items as they come; raises StageFailed when the limit runs out."""
    silence = asyncio.ensure_future(stall.passed())
    item: asyncio.Future[T] | None = None
    try:
        while True:
            item = asyncio.ensure_future(anext(items))
            await asyncio.wait({item, silence}, return_when=asyncio.FIRST_COMPLETED)
            if not item.done():
                raise StageFailed(f"{name} does not answer.", Fault.STALLED)
            try:
                got = item.result()
            except StopAsyncIteration:
                return
            yield got
    finally:
        for task in (silence, item):  # a generator can only be closed when nobody waits for its next item
            if task is not None and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, StageFailed, StopAsyncIteration):
                    await task
