"""Which of this project's engines answers where there is no vendor's key, and how its conversations share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from edge.config import Config, secret
from edge.core.history import History
from edge.engines import CHAINED_KEYS
from edge.ports import Agent, Post
from edge.relay.voice.own.floor import Floor, Make, Seat

IDLE_S = 600.0  # after which the offline engine's 1 GB is given back

Specs = Sequence[Mapping[str, Any]]


class Engines:
    """The offline engine is one worker, shared a turn at a time; the chained engine is made for each conversation."""

    def __init__(self, config: Config, make: Make | None = None) -> None:
        self._config, self._given = config, make
        self._shared: Floor | None = None
        self._floors: set[Floor] = set()
        self._resting: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._kind: str | None = None

    @property
    def kind(self) -> str:
        """local, chained, or "" when neither can be had."""
        if self._kind is None:
            self._kind = self._given_kind() if self._given is None else "local"
        return self._kind

    @property
    def problem(self) -> str:
        """Why nobody answers, "" if somebody does."""
        if self.kind:
            return ""
        from edge.agents.local.setup import problem

        wanted = self._config.server.engine
        why = f"{'; '.join(_unchained(self._config))}" if wanted == "chained" else problem(self._config.local)
        return f"The relay has no vendor's key and no engine of its own. {why}".strip()

    async def sit(self, post: Post, timers: Callable[[], int], brief: Callable[[], tuple[str, Specs]]) -> Seat:
        """For a new conversation; `brief` gives its instructions and tools, as they are now."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if self.kind == "chained":
            floor = Floor(lambda told, history, _: self._chained(told, history, brief))
        else:
            floor = self._shared = self._shared or Floor(self._given or self._local)
        self._floors.add(floor)
        await floor.open()
        return floor.sit(post, timers)

    async def leave(self, seat: Seat) -> None:
        """The conversation is over."""
        seat.leave()
        floor = seat.floor
        if floor is not self._shared:
            self._floors.discard(floor)
            await floor.close()
        elif not floor.seats:
            self._resting = asyncio.get_running_loop().call_later(IDLE_S, self._rest)

    async def close(self) -> None:
        """End all of them. Idempotent."""
        if self._resting is not None:
            self._resting.cancel()
        floors, self._floors = self._floors, set()
        for floor in floors:
            with suppress(asyncio.CancelledError):
                await floor.close()

    @property
    def is_briefed(self) -> bool:
        """Whether instructions and tools of a conversation make a difference to the engine."""
        return self.kind == "chained"

    def _rest(self) -> None:
        if self._shared is not None and not self._shared.seats:
            task = asyncio.ensure_future(self._shared.close())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _given_kind(self) -> str:
        from edge.agents.local.setup import problem

        wanted = self._config.server.engine
        keys = any(secret(key) for key in CHAINED_KEYS)
        if wanted == "chained" or (wanted == "auto" and keys):
            if not _unchained(self._config):
                return "chained"
            if wanted == "chained":
                return ""
        return "" if wanted == "realtime" or problem(self._config.local) else "local"

    def _local(self, post: Post, history: History, timers: Callable[[], int]) -> Agent:
        from edge.agents.local.setup import local_agent

        return local_agent(self._config.local, post, timers, history)

    def _chained(self, post: Post, history: History, brief: Callable[[], tuple[str, Specs]]) -> Agent:
        from edge.agents.chained.setup import Beside, chained_agent

        instructions, tools = brief()
        config = self._config
        if instructions:
            config = replace(config, chained=replace(config.chained, instructions=instructions))
        # not the offline stages: each would be a worker of 1 GB
        return chained_agent(config, post, Beside(tools=tools, history=history))


def _unchained(config: Config) -> list[str]:
    from edge.agents.chained.setup import missing

    return missing(config, local=False)
