"""One answer in the making: what is held back until the turn is really over, and what was heard of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from edge.core.events import Event, ReplyAudio, ReplyEnded
from edge.core.history import Exchange
from edge.core.spoken import Spoken
from edge.ports import Post


@dataclass(slots=True)
class Answer:
    """Events wait until `release`: work begun on a probable end of turn must not be noticed.

    `kept` stands in the history for it, as if all of the reply had been heard.
    """

    turn: int
    post: Post
    released: asyncio.Event = field(default_factory=asyncio.Event)
    question: str = ""
    spoken: Spoken = field(default_factory=Spoken)
    kept: Exchange | None = None
    _held: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Post, now or when the turn is over."""
        if isinstance(event, ReplyEnded):
            self.spoken.finish()
        if self.released.is_set():
            self.post(event)
        else:
            self._held.append(event)

    def release(self) -> None:
        """The turn is over: everything held goes out, in order."""
        if not self.released.is_set():
            self.released.set()
            for event in self._held:
                self.post(event)
            self._held.clear()

    def sound(self, sentence: str, pcm: bytes, rate: int) -> None:
        """The next piece of sound, with the sentence that begins with it, or "" where one goes on."""
        self.spoken.add(len(pcm) / 2 / rate, sentence)
        self.emit(ReplyAudio(self.turn, pcm, rate))
