"""What every part of a session shares: its configuration, its conversation, and a way to send."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine
from typing import Any

from tests.fakes.realtime.config import Settings, new_session
from tests.fakes.realtime.conversation import Conversation
from tests.fakes.realtime.schema import Event, Problem, check_server

TOKENS_A_MINUTE = 40_000


class Stage:
    """`number` counts the sessions from 1; `spoken` is true once audio was sent, which fixes the voice."""

    def __init__(self, number: int, model: str, send: Callable[[Event], None], settings: Settings) -> None:
        self.number, self.settings = number, settings
        self._send, self._ids = send, 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.bugs: list[BaseException] = []
        self.config = new_session(self.new_id("sess"), model)
        self.conversation = Conversation(self.new_id("conv"))
        self.spoken = False
        self.read_before = (0, 0)  # text and audio tokens of the last response's input: cached for the next

    def new_id(self, kind: str) -> str:
        """As the vendor's ids look; an item's may have at most 32 characters."""
        self._ids += 1
        return f"{kind}_F{self.number:03d}x{self._ids:016d}"

    def emit(self, kind: str, **fields: Any) -> None:
        """Send an event, after a look at the vendor's types."""
        event = {"type": kind, "event_id": self.new_id("event"), **copy.deepcopy(fields)}
        check_server(event)
        self._send(event)

    def error(self, problem: Problem, cause: str | None = None) -> None:
        """Send an `error` event; `cause` is the client's event_id."""
        error = {"type": problem.type, "code": problem.code, "message": problem.message, "param": problem.param}
        self.emit("error", error={**error, "event_id": cause})

    def rate_limits(self, when: str) -> None:
        """Send rate_limits.updated if it belongs here."""
        if when == self.settings.rate_limits:
            left = self.settings.tokens_left
            seconds = round((TOKENS_A_MINUTE - left) * 60 / TOKENS_A_MINUTE, 3)
            tokens = {"name": "tokens", "limit": TOKENS_A_MINUTE, "remaining": left, "reset_seconds": seconds}
            self.emit("rate_limits.updated", rate_limits=[tokens])

    def open(self) -> None:
        """The first event."""
        self.emit("session.created", session=self.config)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run until done or until the session closes; what goes wrong in it is a bug of the fake, and is told."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.bugs.append(error)

    async def close(self) -> None:
        """Stop all that runs."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
