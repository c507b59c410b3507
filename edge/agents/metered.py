"""An engine that costs money, kept within the day's budget: what it costs is added up, and it ends politely."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from enum import StrEnum

from edge.core.budget import Budget
from edge.core.events import AgentLost, AgentReady, AgentWarned, Event, ReplyEnded, SayGiven, Spent
from edge.ports import Agent, Fields, Post

FAREWELL = "Today's budget for talking is used up. I can talk again tomorrow."
NOTICE = "Talking has cost {spent:.2f} {currency} today."
LOOK_S = 60.0  # how often to look whether it is tomorrow

Today = Callable[[], date]


class State(StrEnum):
    """How much may still be spent."""

    OPEN = "open"
    LEAVING = "leaving"  # the turn at hand is answered, then the farewell is said, and nothing more
    SHUT = "shut"  # until tomorrow


class Metered:
    """The Agent port around another engine, which `make` makes with the Post given to it.

    `spent` is told whenever the budget has changed, so that it can be kept over a restart.
    """

    def __init__(
        self,
        make: Callable[[Post], Agent],
        budget: Budget,
        post: Post,
        spent: Callable[[Budget], None],
        today: Today = date.today,
    ) -> None:
        self._post, self._budget, self._spent, self._today = post, budget, spent, today
        self._agent = make(self._event)
        self._message = (
            f"Today's budget of {budget.daily:.2f} {budget.currency} is used up (budget.daily); "
            "it begins anew at midnight."
        )
        self._state = State.OPEN
        self._newest = self._last = self._farewell = 0  # turns: the newest, the last to be answered, the farewell
        self._back: AgentReady | None = None  # what the engine said last of being ready
        self._waiting: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Of the engine behind it, which may be one of several."""
        return self._agent.name

    # --- what the engine says -----------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        if isinstance(event, AgentReady | AgentLost):
            self._back = event if isinstance(event, AgentReady) else None
            if self._state is State.SHUT:
                return
        if isinstance(event, Spent):
            event = self._count(event)
        self._post(event)
        if isinstance(event, ReplyEnded) and event.turn == self._farewell:
            self._shut()

    def _count(self, event: Spent) -> Spent:
        self._budget.spend(event.cost or 0.0, self._today())
        if self._budget.warns():
            self._warn()
        self._spent(self._budget)
        if self._budget.used_up and self._state is State.OPEN:
            self._state, self._last = State.LEAVING, self._newest
            self._wait_for_tomorrow()
            self._post(SayGiven(FAREWELL))
        return replace(event, today=self._budget.spent)

    def _warn(self) -> None:
        budget = self._budget
        notice = NOTICE.format(spent=budget.spent, currency=budget.currency)
        most = f"; at {budget.daily:.2f} it ends for the day" if budget.daily else ""
        self._post(AgentWarned(f"{notice[:-1]} (budget.warn = {budget.warn:.2f}{most})."))
        if budget.aloud:
            self._post(SayGiven(notice))

    # --- the day ------------------------------------------------------------------------------------

    def _shut(self) -> None:
        self._state = State.SHUT
        self._wait_for_tomorrow()
        self._post(AgentLost(self._message, retryable=False))

    def _wait_for_tomorrow(self) -> None:
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(self._tomorrow())

    async def _tomorrow(self) -> None:
        while self._budget.used_up:
            await asyncio.sleep(LOOK_S)
            self._budget.turn_to(self._today())
        self._waiting = None
        was, self._state = self._state, State.OPEN
        if was is State.SHUT:
            await self._agent.open()
            if self._back is not None:
                self._post(self._back)

    def _refused(self, turn: int) -> bool:
        """Whether this turn is one too many."""
        self._newest = max(self._newest, turn)
        return self._state is not State.OPEN and turn > self._last and turn != self._farewell

    # --- the Agent port -----------------------------------------------------------------------------

    async def open(self) -> None:
        """See ports.Agent."""
        self._budget.turn_to(self._today())
        if self._budget.used_up:
            self._shut()
        else:
            await self._agent.open()

    async def close(self) -> None:
        """See ports.Agent."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
        await self._agent.close()

    def connect(self) -> None:
        """See ports.Agent."""
        if self._state is State.SHUT:
            self._post(AgentLost(self._message, retryable=False))
        else:
            self._agent.connect()

    def audio(self, turn: int, pcm: bytes) -> None:
        """See ports.Agent."""
        if not self._refused(turn):
            self._agent.audio(turn, pcm)

    def hold(self, turn: int) -> None:
        """See ports.Agent."""
        if not self._refused(turn):
            self._agent.hold(turn)

    def eager_end(self, turn: int) -> None:
        """See ports.Agent."""
        if not self._refused(turn):
            self._agent.eager_end(turn)

    def turn_resumed(self, turn: int) -> None:
        """See ports.Agent."""
        if not self._refused(turn):
            self._agent.turn_resumed(turn)

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        if self._refused(turn):
            self._post(ReplyEnded(turn, "failed", self._message))
        else:
            self._agent.end_of_turn(turn)

    def drop_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self._agent.drop_turn(turn)

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """See ports.Agent."""
        self._agent.interrupt(turn, heard_ms, goes_on=goes_on)
        if turn == self._farewell:
            self._shut()

    def tool_result(self, turn: int, call: str, result: Fields) -> None:
        """See ports.Agent."""
        self._agent.tool_result(turn, call, result)

    def text(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        if self._refused(turn):
            self._post(ReplyEnded(turn, "failed", self._message))
        else:
            self._agent.text(turn, text)

    def say(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        if self._state is State.LEAVING and text == FAREWELL:
            self._farewell = turn
        if self._refused(turn):
            self._post(ReplyEnded(turn, "failed", self._message))
        else:
            self._agent.say(turn, text)

    def forget(self) -> None:
        """See ports.Agent."""
        self._agent.forget()

    def stats(self) -> Fields:
        """See ports.Agent."""
        budget = self._budget
        spent = {"spent_today": round(budget.spent, 4), "budget": budget.daily or None, "budget_state": budget.state}
        return {**self._agent.stats(), **spent}
