"""Which of the text given to a voice begins with which piece of its sound. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NEAR = 80  # characters: how far ahead the two are matched again after a word that the service reads otherwise
LONGEST = 24  # characters of the rest of a word
LEAST = 3  # characters of a word that are enough for that

_TAG = re.compile(r"\[[^\[\]]{1,80}\]")  # what Eleven v3 takes for a direction: [whispers]
_SPACED_TAG = re.compile(rf"\s*({_TAG.pattern})")


class Aligned:
    """The text as it was given stays the truth; what a service says of its characters only tells their times.

    So all of it is told once and in order, whatever the service leaves out (emoji, directions in brackets) or
    reads in another way. What it leaves out begins with the next character that it speaks. A word is told whole
    with the piece that it begins in, though the service cuts its sound anywhere.
    """

    def __init__(self) -> None:
        self._text = ""
        self._at = 0
        self._due = ""  # what is listed next, and is not to be looked for: the end of a word, a direction

    def given(self, text: str) -> None:
        """More text has been sent."""
        self._text += text

    def take(self, chars: Sequence[str], starts_ms: Iterable[int]) -> tuple[str, tuple[int, ...]]:
        """What begins with a piece of sound, by the service's list of characters, and when each begins in it."""
        spoken = [(char, start) for chunk, start in zip(chars, starts_ms, strict=False) for char in chunk]
        told, times, latest = "", [], 0
        for index, (char, start) in enumerate(spoken):
            end = self._end(char, spoken[index : index + NEAR])
            latest = max(latest, start)
            times += [latest] * (end - self._at)
            told += self._text[self._at : end]
            self._at = end
        tail = self._tail() if told and not told[-1].isspace() else ""
        self._at += len(tail)
        self._due += tail
        return told + tail, (*times, *(latest for _ in tail))

    def rest(self) -> str:
        """What has not been told yet."""
        rest, self._at = self._text[self._at :], len(self._text)
        return rest

    def _tail(self) -> str:
        """The rest of the word at hand, if it is one: some languages write without spaces."""
        rest = self._text[self._at : self._at + LONGEST].split(maxsplit=1)
        inside = rest and not self._text[self._at].isspace() and len(rest[0]) < LONGEST
        return rest[0] if inside else ""

    def _end(self, char: str, ahead: Sequence[tuple[str, int]]) -> int:
        """Where the text has got to with this character of the service's."""
        if self._due.startswith(char):
            self._due = self._due[len(char) :]
            return self._at
        self._due = ""
        if char.isspace():
            return self._at
        if char == "[" and (tag := _SPACED_TAG.match(self._text, self._at)):  # listed, though it has no sound
            self._due = tag[1][1:]
            return self._at
        at = self._passing_over(char)
        if at < 0:
            word = "".join(char for char, _ in ahead).split(maxsplit=1)[0]
            found = self._text.find(word, self._at, self._at + NEAR) if len(word) >= LEAST else -1
            return self._at if found < 0 else found + 1
        return at + 1

    def _passing_over(self, char: str) -> int:
        """Where the character comes next, if there is nothing before it that must be spoken; else -1."""
        at = self._at
        while at < len(self._text):
            here = self._text[at]
            if here == char:
                return at
            if tag := _TAG.match(self._text, at):
                at = tag.end()
            elif here.isalnum():
                break
            else:
                at += 1
        return -1
