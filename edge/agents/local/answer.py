"""One answer in the making: what is held back until the turn is really over, and what was heard of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from edge.core.events import Event, ReplyAudio
from edge.ports import Post


@dataclass(slots=True)
class Answer:
    """Events wait until `release`: work begun on a probable end of turn must not be noticed."""

    turn: int
    post: Post
    released: asyncio.Event = field(default_factory=asyncio.Event)
    question: str = ""
    spoken: list[tuple[str, float]] = field(default_factory=list)  # (sentence, its seconds)
    _held: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Post, now or when the turn is over."""
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
        """Part of a sentence as sound."""
        seconds = len(pcm) / 2 / rate
        if self.spoken and self.spoken[-1][0] == sentence:
            self.spoken[-1] = (sentence, self.spoken[-1][1] + seconds)
        else:
            self.spoken.append((sentence, seconds))
        self.emit(ReplyAudio(self.turn, pcm, rate))

    def all_text(self) -> str:
        """The whole reply so far."""
        return " ".join(sentence for sentence, _ in self.spoken)

    def heard(self, heard_ms: int) -> str:
        """The words heard in that time: whole sentences, then words in proportion."""
        left, words = heard_ms / 1000, list[str]()
        for sentence, seconds in self.spoken:
            parts = sentence.split()
            count = len(parts) if left >= seconds else int(len(parts) * left / seconds)
            words += parts[:count]
            if count < len(parts):
                return " ".join(words) + " ..." if words else ""
            left -= seconds
        return " ".join(words)
