"""Whether the services can be reached at all, found out without using them: a connection that is closed at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from edge.core.chain import Fault
from edge.core.retry import Backoff

LIMIT_S = 2.0  # a service that takes longer to connect to than this is as good as away
FIRST_S, CEILING_S = 1.0, 30.0

Place = tuple[str, int]  # host and port


class Reach:
    """`stages` are the places of each stage's services, any one of which will do; an empty place is this device.

    `changed(there)` is called at the first answer and whenever it changes. At rest nothing is sent.
    """

    def __init__(self, stages: Sequence[Sequence[Place | None]], backoff: Backoff | None = None) -> None:
        self._stages = stages
        self._backoff = backoff or Backoff(FIRST_S, CEILING_S)
        self.changed: Callable[[bool], None] = lambda _there: None
        self.there: bool | None = None
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Find out, and go on until they are there."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._look())

    def hurry(self) -> None:
        """Somebody waits, or the network has changed: no back-off."""
        self._hurry.set()
        if self.there is not True:
            self.open()

    def doubt(self, fault: Fault) -> None:
        """A stage has failed: find out whether the network is gone, if it may be that."""
        if fault is Fault.NETWORK:
            self.open()

    async def close(self) -> None:
        """Look no more. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _look(self) -> None:
        while True:
            self._hurry.clear()
            there = all(await asyncio.gather(*(self._any(places) for places in self._stages)))
            if there is not self.there:
                self.there = there
                self.changed(there)
            if there:
                self._backoff.reset()
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(self._backoff.next()):
                    await self._hurry.wait()

    async def _any(self, places: Sequence[Place | None]) -> bool:
        if None in places:
            return True
        answers = [asyncio.ensure_future(_answers(*place)) for place in places if place is not None]
        try:
            for answer in asyncio.as_completed(answers):
                if await answer:
                    return True
        finally:
            for answer in answers:
                answer.cancel()
        return False


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(LIMIT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError, UnicodeError):
        return False
    writer.close()
    return True
