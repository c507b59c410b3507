"""What a reply says at which moment, so that the history holds only what was heard. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

CUT = " ..."  # what a language model reads where a reply was cut short
FASTEST = 25.0  # characters that are spoken in a second, at most: 15 is usual


@dataclass(slots=True)
class _Piece:
    text: str
    starts_ms: tuple[int, ...]
    begins_s: float
    seconds: float = 0.0


class Spoken:
    """A reply as far as it has been made into sound: `add` it as it comes."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        self._whole = False
        self.seconds = 0.0

    def finish(self) -> None:
        """No more sound will come."""
        self._whole = True

    def add(self, seconds: float, text: str = "", starts_ms: tuple[int, ...] = ()) -> None:
        """More sound. `text` begins with it, "" goes on; `starts_ms` as in chain.Sound: the text then is as it is.

        Text without times is taken for whole sentences or clauses, whose words come at an even pace.
        """
        if text or not self._pieces:
            self._pieces.append(_Piece(text if starts_ms else text + " ", starts_ms, self.seconds))
        self._pieces[-1].seconds += seconds
        self.seconds += seconds

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join("".join(piece.text for piece in self._pieces).split())

    def heard(self, heard_ms: int) -> str:
        """The words that were begun within that time; " ..." follows where more was to come."""
        said, whole = "", True
        for piece in self._pieces:
            more = piece is self._pieces[-1] and not self._whole
            part = _part(piece, heard_ms / 1000 - piece.begins_s, more=more)
            said += part
            whole = len(part) == len(piece.text)
            if not whole:
                break
        text = " ".join(said.split())
        return text if whole or not text else text + CUT


def _part(piece: _Piece, seconds: float, *, more: bool) -> str:
    """As much of the text as is heard within so many seconds of its beginning, in whole words.

    `more`: not all of its sound need have come yet.
    """
    if piece.starts_ms:
        count = bisect_left(piece.starts_ms, seconds * 1000)
        return piece.text[: _end_of_word(piece.text, count)] if count else ""
    all_of_it = max(piece.seconds, len(piece.text) / FASTEST) if more else piece.seconds
    if seconds >= all_of_it:
        return piece.text
    words = piece.text.split()
    return " ".join(words[: max(0, int(len(words) * seconds / all_of_it))])


def _end_of_word(text: str, at: int) -> int:
    """Where the word ends that the character before `at` belongs to."""
    while 0 < at < len(text) and not text[at - 1].isspace() and not text[at].isspace():
        at += 1
    return at
