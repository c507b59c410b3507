"""One attempt to answer a turn: its conversation with the model, what is held back, what was spoken. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from edge.agents.chained.orders import Order
from edge.core.chain import Call, Message, Role
from edge.core.clauses import Chunker
from edge.core.events import Event
from edge.core.history import Exchange
from edge.core.spoken import Spoken
from edge.ports import Fields

MOST_RESULT = 8000  # characters of a tool's result that a model is given: what it reads costs money and time


@dataclass(slots=True)
class Attempt:
    """`question` is "" for an announcement, which is nobody's reply. Events are held until `released`."""

    id: int
    turn: int
    question: str = ""
    released: bool = False
    thinking: bool = False
    speaking: bool = False  # the voice has been given something
    rounds: int = 0
    over: bool = False  # its end has been told
    failure: str = ""  # told when what could be said has been said
    held: list[Event] = field(default_factory=list)
    later: list[Order] = field(default_factory=list)  # what the voice is given when it is released
    messages: list[Message] = field(default_factory=list)
    chunker: Chunker = field(default_factory=Chunker)
    spoken: Spoken = field(default_factory=Spoken)
    text: str = ""  # of the model, in this round
    calls: list[Call] = field(default_factory=list)
    results: dict[str, Fields] = field(default_factory=dict)
    kept: Exchange | None = None  # stands in the history for it, as if all of the reply had been heard

    @property
    def waits_for_tools(self) -> bool:
        """Whether the model has asked for something that is not there yet."""
        return not self.thinking and any(call.id not in self.results for call in self.calls)

    def next_round(self) -> None:
        """Put the calls and their results into the conversation."""
        self.messages.append(Message(Role.ASSISTANT, self.text, tuple(self.calls)))
        for call in self.calls:
            result = _json(self.results[call.id])
            self.messages.append(Message(Role.TOOL, result, call=call.id, name=call.name))
        self.text, self.calls, self.results = "", [], {}
        self.rounds += 1


def _json(result: Fields) -> str:
    text = json.dumps(result, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_RESULT else text[:MOST_RESULT] + " ... (cut: too long)"
