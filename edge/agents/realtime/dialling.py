"""One session after another, and how long to wait in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum

from edge.agents.realtime.refusal import Refused
from edge.core.retry import Backoff

FIRST_S, CEILING_S = 0.2, 30.0
WANTED_S = 1.0  # ceiling while somebody waits, or when the trouble is on this side: nobody else is bothered
PROVEN_S = 5.0  # a session that lasted so long was a success; a server that drops us at once is left in peace

_log = logging.getLogger(__name__)


class Ending(StrEnum):
    """Why a session is over."""

    LOST = "lost"  # dial again
    RENEWED = "renewed"  # it was getting old: dial again at once
    RESTED = "rested"  # nobody needs one now: wait until somebody does


class Dialling:
    """`session` opens one, and returns when it is over; it raises Refused when there is none to be had.

    `failed` is told of each refusal; `wanted` says whether somebody waits for a session now.
    """

    def __init__(
        self,
        session: Callable[[], Awaitable[Ending]],
        failed: Callable[[Refused], None],
        wanted: Callable[[], bool],
        backoff: Backoff | None = None,
    ) -> None:
        self._session, self._failed, self._wanted = session, failed, wanted
        self._backoff = backoff or Backoff(FIRST_S, CEILING_S)
        self._clock = asyncio.get_running_loop().time
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._began = self._not_before = 0.0

    def hurry(self) -> None:
        """Somebody wants a session: no back-off, only a server's own Retry-After is kept.

        Two tries are WANTED_S apart all the same, unless the back-off is shorter: trouble itself leads to hurry.
        """
        self._hurry.set()
        if not (self.trying or self._closed):
            self._task = asyncio.ensure_future(self._run())

    @property
    def trying(self) -> bool:
        """False before the first hurry, and from a refusal that only a person can help with to the next hurry."""
        return self._task is not None and not self._task.done()

    @property
    def held_off_s(self) -> float:
        """How long the server still wants to be left alone."""
        return max(0.0, self._not_before - self._clock())

    async def close(self) -> None:
        """End the session and dial no more. Idempotent."""
        self._closed = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        """Ends only when a person has to help first."""
        while True:
            self._began = self._clock()
            self._hurry.clear()
            result = await self._attempt()
            if isinstance(result, Refused):
                self._not_before = self._clock() + result.retry_after
                self._failed(result)
                if not result.retryable:
                    return
                await self._wait(local=result.local)
                continue
            self._hurry.clear()  # there was a session
            if self._clock() - self._began > PROVEN_S:
                self._backoff.reset()
            if result is Ending.LOST:
                await self._wait(local=False)
            elif result is Ending.RESTED and not self._wanted():  # somebody may have come while it was let go
                await self._hurry.wait()

    async def _attempt(self) -> Ending | Refused:
        try:
            return await self._session()
        except Refused as refused:
            return refused
        except Exception as error:  # noqa: BLE001  the task's boundary: a fault of ours ends a session, not the engine
            _log.exception("realtime_fault")
            return Refused(f"The engine has a fault ({type(error).__name__}); connecting again.", retryable=True)

    async def _wait(self, *, local: bool) -> None:
        delay = self._backoff.next()
        if local or self._wanted():
            delay = min(delay, WANTED_S)
        due = max(self._clock(), self._not_before) + delay  # spread, too, when a server sent everybody away at once
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._hurry.wait()
            due = min(due, self._began + WANTED_S)
        await asyncio.sleep(max(due, self._not_before) - self._clock())
