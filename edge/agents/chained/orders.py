"""What the pipeline has done: imperatives to the stages, carried out by the client in the order given."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.chain import Mark, Request
from edge.core.events import Event


@dataclass(frozen=True, slots=True)
class Order:
    """Base of all orders."""


@dataclass(frozen=True, slots=True)
class Hear(Order):
    """Start to transcribe a turn; `on`: again, since the service has ended it and the button is still held."""

    turn: int
    on: bool = False


@dataclass(frozen=True, slots=True)
class Note(Order):
    """Tell the transcriber what the device makes of a silence."""

    turn: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class EndHearing(Order):
    """There is no more audio of this turn."""

    turn: int


@dataclass(frozen=True, slots=True)
class StopHearing(Order):
    """Nobody waits for the transcript any more."""

    turn: int


@dataclass(frozen=True, slots=True)
class Think(Order):
    """Put this to the language model; one at a time in an attempt."""

    attempt: int
    request: Request


@dataclass(frozen=True, slots=True)
class Speak(Order):
    """Give the voice the next clause; the first one starts it."""

    attempt: int
    clause: str


@dataclass(frozen=True, slots=True)
class EndSpeaking(Order):
    """There are no more clauses."""

    attempt: int


@dataclass(frozen=True, slots=True)
class StopAnswering(Order):
    """Stop thinking and speaking of this attempt, now."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Tell(Order):
    """Post this event."""

    event: Event
