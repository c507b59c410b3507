"""What the tasks of one turn have to say, as one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from edge.core.chain import Heard, Standing, Used

MOST_WAITING = 64  # beyond it a PARTIAL is left out: the next one holds its words, too


class Outlet:
    """`say` from the tasks; whoever listens iterates over `stream`, once."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[Heard | Used | Exception] = asyncio.Queue()

    def say(self, item: Heard | Used) -> None:
        """The next item. What is not a PARTIAL is never left out; of these a turn has few."""
        partial = isinstance(item, Heard) and item.standing is Standing.PARTIAL
        if not partial or self._said.qsize() < MOST_WAITING:
            self._said.put_nowait(item)

    def fail(self, error: Exception) -> None:
        """There will be nothing more: whoever listens gets this."""
        self._said.put_nowait(error)

    async def stream(self, *works: Coroutine[Any, Any, None]) -> AsyncGenerator[Heard | Used]:
        """Do these works and give what they say, up to OVER; raises what one of them raises."""
        tasks = [asyncio.create_task(self._guarded(work)) for work in works]
        try:
            while True:
                item = await self._said.get()
                if isinstance(item, Exception):
                    raise item
                yield item
                if isinstance(item, Heard) and item.standing is Standing.OVER:
                    return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """A task's boundary: its error is the listener's."""
        try:
            await work
        except Exception as error:  # noqa: BLE001
            self._said.put_nowait(error)
