"""What was said, as the person experienced it: replies hold only what was heard. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn of the conversation; `reply` is what the person heard of it."""

    user: str
    reply: str


class History:
    """The last exchanges, bounded; an unanswered turn is joined to the next one.

    When there are `most`, the older half goes at once: a language model reads a conversation that
    begins as it did before from its cache, and one that slides along it reads anew every time.

    A person who goes on talking while the device thinks has cut their own turn in two: the first
    half was never answered, so both halves are one turn.
    """

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._done: list[Exchange] = []
        self._open = ""

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Answered turns, oldest first."""
        return tuple(self._done)

    def joined(self, text: str) -> str:
        """The whole turn that these words complete: words still unanswered come first."""
        return f"{self._open} {text}".strip()

    def asked_whole(self, whole: str) -> None:
        """The person's turn, as `joined` gave it, is complete."""
        self._open = whole

    def answered(self, heard: str) -> None:
        """The reply to the open turn, as far as it was heard. Nothing heard leaves the turn open."""
        if not self._open or not heard:
            return
        self._done.append(Exchange(self._open, heard))
        if len(self._done) > self._most:
            del self._done[: self._most // 2]
        self._open = ""

    def abandon(self) -> None:
        """The open turn is not to be answered any more."""
        self._open = ""

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._open = ""
