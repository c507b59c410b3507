"""A pipeline without any service: its orders are collected, and the stages answer by hand."""

from __future__ import annotations

from edge.agents.chained.answering import Settings
from edge.agents.chained.orders import Order, Tell, Think
from edge.agents.chained.pipeline import Pipeline
from edge.core.chain import Heard, Sound, Standing
from edge.core.events import Event
from edge.core.history import History

RATE = 1000
SECOND = bytes(2 * RATE)


class Desk:
    """A pipeline, and what it has ordered since the last look."""

    def __init__(self, *, service: bool = False, judge=None, rounds: int = 6) -> None:
        self.history = History()
        self.pipeline = Pipeline(self.history, Settings("Be brief.", most_rounds=rounds), judge)
        self.pipeline.service_ends_turns = service
        self.ask = self.pipeline.answering

    def orders(self) -> list[Order]:
        return [order for order in self.pipeline.take() if not isinstance(order, Tell)]

    def told(self) -> list[Event]:
        return [order.event for order in self.pipeline.take() if isinstance(order, Tell)]

    def heard(self, turn: int, text: str, standing: Standing = Standing.PARTIAL) -> None:
        self.pipeline.heard(turn, Heard(text, standing))

    def spoken_turn(self, turn: int, text: str) -> int:
        """A turn up to the released question; returns the attempt."""
        self.pipeline.listen(turn)
        self.pipeline.end(turn)
        self.heard(turn, text, Standing.OVER)
        (think,) = [order for order in self.orders() if isinstance(order, Think)]
        return think.attempt

    def reply(self, attempt: int, text: str, seconds: int = 1) -> None:
        self.ask.thought(attempt, text)
        self.ask.thought_over(attempt)
        self.ask.sounded(attempt, Sound(SECOND * seconds, text.strip()), RATE)
        self.ask.spoken_over(attempt)
