"""A spoken yes before something that cannot be undone. Pure.

Only the person's own words of the turn after the question count; a model has no way to give them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.core.languages import LANGUAGES

STALE_S = 60.0  # a yes that comes later is to something else

_YES = "|".join(language.yes for language in LANGUAGES.values())
_BESIDE = "|".join(language.beside for language in LANGUAGES.values())
_CONSENT = re.compile(rf"(?:(?:{_BESIDE}) )*(?:{_YES})(?: (?:{_YES}|{_BESIDE}))*")


def is_yes(text: str) -> bool:
    """Whether these words are a yes and nothing but a yes, in English, German, French or Spanish."""
    words = re.findall(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*", text.lower())
    return bool(re.fullmatch(_CONSENT, " ".join(words).replace("\u2019", "'"))) and "?" not in text


@dataclass(slots=True)
class _Asked:
    call: object
    turn: int
    at: float
    answered_in: int | None = None
    yes: bool = False


class Consent:
    """What the person has been asked last, and the answer. A call is anything that can be compared."""

    def __init__(self) -> None:
        self._asked: _Asked | None = None

    def ask(self, call: object, turn: int, now: float) -> None:
        """The person is about to be asked whether this may be done."""
        self._asked = _Asked(call, turn, now)

    def heard(self, turn: int, text: str) -> None:
        """The person's whole words of a turn: the first ones after the question answer it."""
        asked = self._asked
        if asked is not None and asked.answered_in is None and turn > asked.turn:
            asked.answered_in, asked.yes = turn, is_yes(text)
            if not asked.yes:
                self._asked = None

    def waits(self, call: object, turn: int, now: float) -> bool:
        """Whether this has been asked, and the words of this turn, which answer it, are still to come."""
        return self._is_of(call, turn, now) and self._asked is not None and self._asked.answered_in is None

    def take(self, call: object, turn: int, now: float) -> bool:
        """Whether it may be done now; a yes is good once, and for the turn in which it was said."""
        granted = self._is_of(call, turn, now) and self._asked is not None and self._asked.answered_in == turn
        if granted:
            self._asked = None
        return granted

    def _is_of(self, call: object, turn: int, now: float) -> bool:
        asked = self._asked
        return asked is not None and asked.call == call and turn > asked.turn and now - asked.at < STALE_S
