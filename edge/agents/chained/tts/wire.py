"""One connection to a voice service, in the background: telling it to stop never waits for the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from edge.agents.chained.faults import Service, unreadable
from edge.agents.chained.sockets import Json, Line
from edge.core.chain import Fault, StageFailed

CLOSE_S = 0.3
MOST_UNSENT = 500  # messages; a line that takes none of so many is dead


class Wire:
    """`receive` is called with each message, and raises ValueError for one that is not of the protocol.

    `lost` is called once with the reason when the line ends before `close` or `hang_up`.
    """

    def __init__(
        self,
        service: Service,
        line: Line,
        receive: Callable[[Json], None],
        lost: Callable[[StageFailed], None],
    ) -> None:
        self._service, self._line, self._receive, self._lost = service, line, receive, lost
        self._unsent: asyncio.Queue[Json | None] = asyncio.Queue(MOST_UNSENT)
        self._ended = False
        self._tasks = [asyncio.ensure_future(self._read_on()), asyncio.ensure_future(self._send_on())]

    @property
    def alive(self) -> bool:
        """Whether it can be used, as far as is known."""
        return not self._ended and self._line.alive

    def send(self, *messages: Json) -> None:
        """Queue messages, in this order; nothing on a line that has ended."""
        for message in messages:
            self._put(message)

    def hang_up(self) -> None:
        """End it at once."""
        self._ended = True
        self._line.hang_up()
        self._tasks[1].cancel()

    async def close(self) -> None:
        """Send what is queued, then close; within half a second. Idempotent."""
        self._put(None)
        self._ended = True
        await asyncio.wait(self._tasks, timeout=CLOSE_S)
        self._line.hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _put(self, message: Json | None) -> None:
        if self._ended:
            return
        try:
            self._unsent.put_nowait(message)
        except asyncio.QueueFull:
            self._line.hang_up()  # the reader tells

    async def _send_on(self) -> None:
        with suppress(StageFailed):  # the reader tells
            while (message := await self._unsent.get()) is not None:
                await self._line.send(message)
            await self._line.close()

    async def _read_on(self) -> None:
        failure = await self._read()
        if not self._ended:
            self.hang_up()
            self._lost(failure)

    async def _read(self) -> StageFailed:
        try:
            async for message in self._line.messages():
                self._receive(message)
        except StageFailed as failure:
            return failure
        except ValueError as error:
            return unreadable(self._service, str(error))
        reason = self._service.said(self._line.ending[1])
        return StageFailed(f"{self._service.name} hung up{reason}.", Fault.SERVICE)
