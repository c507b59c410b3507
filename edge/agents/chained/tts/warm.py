"""The connections of one voice: opened when a turn begins, used by the next reply, none kept at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from edge.core.chain import Fault, StageFailed

REST_S = 20.0  # a line of which nobody wants anything for so long is let go


class Line(Protocol):
    """A connection that lets go of itself after REST_S of nothing."""

    @property
    def alive(self) -> bool:
        """Whether it can be used, as far as is known."""

    @property
    def room(self) -> bool:
        """For one more reply."""

    def touch(self) -> None:
        """It will be wanted soon."""

    async def close(self) -> None:
        """Within a second. Idempotent."""


L = TypeVar("L", bound=Line)


class Warm(Generic[L]):
    """`dial` opens a line; it raises StageFailed."""

    def __init__(self, dial: Callable[[], Awaitable[L]]) -> None:
        self._dial = dial
        self._lines: list[L] = []
        self._dialling: asyncio.Task[L] | None = None
        self._waiting = 0
        self._prepared = False

    def prepare(self) -> None:
        """Have a line with room by the time that it is wanted. Failing is silent: whoever wants it tries again."""
        line = self._free()
        if line is None:
            self._prepared = True
            self._start()
        else:
            line.touch()

    async def take(self) -> L:
        """A line with room, to be used before anything else is awaited; raises StageFailed."""
        while True:
            line = self._free() or await self._dialled()
            if line.room or not line.alive:  # a dead one tells whoever uses it why
                return line

    async def close(self) -> None:
        """Close all lines, and what is being dialled. Idempotent."""
        lines, self._lines = self._lines, []
        dialling = self._dialling
        if dialling is not None:
            dialling.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.wait({dialling})
        await asyncio.gather(*(line.close() for line in lines))

    def _free(self) -> L | None:
        self._lines = [line for line in self._lines if line.alive]
        return next((line for line in self._lines if line.room), None)

    def _start(self) -> asyncio.Task[L]:
        if self._dialling is None:
            self._dialling = asyncio.ensure_future(self._open())
            self._dialling.add_done_callback(self._over)
        return self._dialling

    async def _open(self) -> L:
        line = await self._dial()
        self._lines.append(line)
        return line

    def _over(self, task: asyncio.Task[L]) -> None:
        self._dialling, self._prepared = None, False
        if not task.cancelled():
            task.exception()  # has been told to whoever waits, if anybody does

    async def _dialled(self) -> L:
        task = self._start()
        self._waiting += 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if task.cancelled() and me is not None and not me.cancelling():
                raise StageFailed("The voice was closed.", Fault.SERVICE) from None
            raise
        finally:
            self._waiting -= 1
            if not self._waiting and not self._prepared:
                task.cancel()  # without effect on one that is done
