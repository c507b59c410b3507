"""What a reply says at which moment, so that the history holds only what was heard. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

CUT = " ..."  # what a language model reads where a reply was cut short


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
        self.seconds = 0.0

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
            part = _part(piece, heard_ms / 1000 - piece.begins_s)
            said += part
            whole = len(part) == len(piece.text)
            if not whole:
                break
        text = " ".join(said.split())
        return text if whole or not text else text + CUT


def _part(piece: _Piece, seconds: float) -> str:
    """As much of the text as is heard within so many seconds of its beginning, in whole words."""
    if piece.starts_ms:
        count = bisect_left(piece.starts_ms, seconds * 1000)
        return piece.text[: _end_of_word(piece.text, count)] if count else ""
    if seconds >= piece.seconds:
        return piece.text
    words = piece.text.split()
    return " ".join(words[: max(0, int(len(words) * seconds / piece.seconds))])


def _end_of_word(text: str, at: int) -> int:
    """Where the word ends that the character before `at` belongs to."""
    while 0 < at < len(text) and not text[at - 1].isspace() and not text[at].isspace():
        at += 1
    return at
