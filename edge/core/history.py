"""What was said, as the person experienced it: replies hold only what was heard. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

MOST_TOKENS = 2000  # of all exchanges together: ten minutes of talk
BYTES_A_TOKEN = 4  # of English; other scripts have more bytes and more tokens to a character
CUT = " …"  # one token of four bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn of the conversation; `reply` is what the person heard of it."""

    user: str
    reply: str

    @property
    def tokens(self) -> int:
        """About how many a language model makes of it."""
        return tokens(self.user) + tokens(self.reply)


@dataclass(slots=True, eq=False)
class Ledger:
    """What the histories of several engines have in common; `changed` is called after each change of `done`.

    `dropped` counts exchanges that had to go, `cut` those that were too long to be kept whole.
    """

    most: int = 8
    most_tokens: int = MOST_TOKENS
    dropped: int = 0
    cut: int = 0
    changed: Callable[[], None] = field(default=lambda: None)


class History:
    """The last exchanges, bounded in number and length; an unanswered turn is joined to the next one.

    When there are too many, the older half goes at once: a language model reads a conversation that
    begins as it did before from its cache, and one that slides along it reads anew every time.

    A person who goes on talking while the device thinks has cut their own turn in two: the first
    half was never answered, so both halves are one turn.
    """

    def __init__(self, most: int = 8, most_tokens: int = MOST_TOKENS, beside: History | None = None) -> None:
        """With `beside`, the exchanges are those of the other one; what is unanswered is this one's own."""
        self.ledger: Ledger = Ledger(most, most_tokens) if beside is None else beside.ledger
        self._done: list[Exchange] = [] if beside is None else beside.shared
        self._open = ""

    @property
    def shared(self) -> list[Exchange]:
        """The exchanges themselves, for a history beside this one."""
        return self._done

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Answered turns, oldest first."""
        return tuple(self._done)

    @property
    def tokens(self) -> int:
        """About how many all exchanges are."""
        return sum(past.tokens for past in self._done)

    def joined(self, text: str) -> str:
        """The whole turn that these words complete: words still unanswered come first."""
        return f"{self._open} {text}".strip()

    def asked_whole(self, whole: str) -> None:
        """The person's turn, as `joined` gave it, is complete."""
        self._open = whole

    def answered(self, heard: str) -> None:
        """The reply to the open turn, as far as it was heard. Nothing heard leaves the turn open."""
        if self._open and heard:
            whole, self._open = self._open, ""
            self.note(whole, heard)

    def note(self, user: str, reply: str) -> Exchange:
        """Keep an exchange, whatever is open; gives it as it is kept."""
        ledger, half = self.ledger, self.ledger.most_tokens // 2
        kept = Exchange(shortened(user, half), shortened(reply, half))
        ledger.cut += (kept.user, kept.reply) != (user, reply)
        self._done.append(kept)
        if len(self._done) > ledger.most:
            self._drop(ledger.most // 2)
        if self.tokens > ledger.most_tokens:
            left, keep = ledger.most_tokens // 2, len(self._done) - 1
            while keep > 0 and sum(past.tokens for past in self._done[keep - 1 :]) <= left:
                keep -= 1
            self._drop(keep)
        ledger.changed()
        return kept

    def take_back(self, kept: Exchange) -> None:
        """An exchange is to be told otherwise, or not at all."""
        self._done[:] = [past for past in self._done if past is not kept]

    def restore(self, exchanges: Iterable[Exchange]) -> None:
        """What was said before a restart."""
        for past in exchanges:
            self.note(past.user, past.reply)

    def abandon(self) -> None:
        """The open turn is not to be answered any more."""
        self._open = ""

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._open = ""
        self.ledger.changed()

    def _drop(self, oldest: int) -> None:
        del self._done[:oldest]
        self.ledger.dropped += oldest


def tokens(text: str) -> int:
    """About how many a language model makes of it."""
    return -(-len(text.encode(errors="replace")) // BYTES_A_TOKEN)


def shortened(text: str, most: int) -> str:
    """Its beginning, of at most so many tokens."""
    if tokens(text) <= most:
        return text
    return text.encode(errors="replace")[: (most - 1) * BYTES_A_TOKEN].decode(errors="ignore") + CUT
