"""A reply on its way to the voice: cut into sentences, and freed of what cannot be spoken. Pure."""

from __future__ import annotations

import re

LIMIT = 200  # characters of one chunk: some 12 s of speech, and what bounds the wait of a run-on text
_FENCE_LIMIT = 2000  # a block of code stays one chunk, as `speakable` has to see both its ends
_FIRST_CLAUSE = 25  # characters: shorter first pieces sound torn, longer ones start late
_FENCE = "```"
_CLOSERS = "\"'\u2019\u201d)]}*_`"
_ENDS = ".!?\u2026\u3002\uff01\uff1f"
_WIDE_ENDS = "\u3002\uff01\uff1f"  # no space follows these
_DASHES = "\u2014\u2013"
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'\u201c])(?:(?:dr|mr|mrs|ms|prof|st|mt|vs|approx|ca|cf|eg|ie|e\.g|i\.e|gen|col|sgt|capt"
    r"|lt|rev|hon|gov|sen|rep|dept|est|al|viz)|(?-i:[B-HJ-Z]))\.$",
    re.IGNORECASE,
)
_INITIALS = re.compile(r"(?:^|[\s(])(?:[a-z]\.){2,}$", re.IGNORECASE)  # U.S. and p.m.: better late than torn
_LIST_NUMBER = re.compile(r"(?:^|: )\d{1,3}\.$")
_BEFORE_NUMBER = re.compile(r"\b(?:nos?|figs?|vol|p|pp|ch)\.$", re.IGNORECASE)


class Chunker:
    """Collects the pieces of a reply and gives whole sentences; the first piece may be a clause, to sound early.

    Every character but white space comes out exactly once and in order, however the text was cut on the way in.
    """

    def __init__(self) -> None:
        self._held = ""
        self._first = True

    def feed(self, token_text: str) -> list[str]:
        """Take the next piece of text; give the chunks that are complete with it."""
        return [chunk for char in token_text for chunk in self._step(char)]

    def flush(self) -> list[str]:
        """Give what is left at the end of the text; ready for the next text."""
        rest = self._cut(len(self._held))
        self._first = True
        return rest

    def _step(self, char: str) -> list[str]:
        fenced = self._held.count(_FENCE) % 2 == 1
        if char.isspace() and not fenced:
            return self._space(char)
        ready = [] if fenced or not self._ends_before(char) else self._cut(len(self._held))
        self._held += char
        return ready + self._overflow(_FENCE_LIMIT if fenced else LIMIT)

    def _space(self, char: str) -> list[str]:
        """Hold one space for many; a line that ends is complete."""
        if char == "\n":
            return self._cut(len(self._held))
        if self._held and not self._held[-1].isspace():
            self._held += " "
        return self._overflow(LIMIT)

    def _ends_before(self, char: str) -> bool:
        """Decide whether what is held is complete, now that the character after it is known."""
        text = self._held.rstrip()
        spaced = len(text) < len(self._held)
        if text.endswith(_FENCE) and text.count(_FENCE) % 2 == 0:
            return True
        if ends_sentence(text, char) and (spaced or text[-1] in _WIDE_ENDS):
            return True
        clause = text[-1:] in {*_DASHES} or (spaced and text[-1:] in {*",;:"})
        return self._first and clause and len(text) >= _FIRST_CLAUSE

    def _overflow(self, limit: int) -> list[str]:
        if len(self._held) < limit:
            return []
        comma = max(self._held.rfind(mark) for mark in (", ", "; ", ": ")) + 1
        return self._cut(comma if comma > limit // 2 else max(self._held.rfind(" "), 0) or limit)

    def _cut(self, at: int) -> list[str]:
        chunk, self._held = self._held[:at].strip(), self._held[at:].lstrip()
        self._first = self._first and not chunk
        return [chunk] if chunk else []


def ends_sentence(text: str, after: str) -> bool:
    """Tell whether the text ends a sentence when this character comes next after the space."""
    bare = text.rstrip(_CLOSERS)
    if not bare or bare[-1] not in _ENDS or after.islower():
        return False
    if bare[-1] != "." or bare.endswith(".."):
        return True
    if after.isdigit() and _BEFORE_NUMBER.search(bare):
        return False
    return not any(kind.search(bare) for kind in (_ABBREVIATION, _INITIALS, _LIST_NUMBER))


_UNSPEAKABLE = (
    (re.compile(r"```.*?(?:```|\Z)", re.DOTALL), " "),  # code, closed or not
    (re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)"), r"\1"),
    (re.compile(r"https?://(?:www\.)?([\w.-]{1,100})[^\s<>()]*", re.ASCII), r"\1"),
    (re.compile(r"</?[a-zA-Z][^<>]{0,100}>"), " "),
    (re.compile(r"^[ \t]*(?:#{1,6}|>+|[-*+\u2022])[ \t]+", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$", re.MULTILINE), ""),
    # emphasis, but not the star of 2 * 3 or 2**10, nor the stroke of snake_case
    (
        re.compile(
            r"`+|~~|(?<!\d)\*{2,}|\*{2,}(?!\d)|(?<![\w\s*])\*(?!\*)|(?<!\*)\*(?![\w\s*])|(?<!\S)\*(?=\S)|(?<=\S)\*(?!\S)"
        ),
        "",
    ),
    (re.compile(r"(?<!\w)_+(?=\w)|(?<=[^\W_])_+(?!\w)"), ""),
    (re.compile(r"\|"), " "),
    (
        re.compile(  # emoji with their joiners, tones and flags; arrows and dingbats
            "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u27bf\u2900-\u2bff\ufe0e\ufe0f\u200d\u20e3"
            "\U000e0020-\U000e007f]"
        ),
        " ",
    ),
)
_GAP_BEFORE_MARK = re.compile(r" (?=[.,!?;:](?: |$))")


def speakable(text: str) -> str:
    """Drop code, markup, addresses' tails and emoji; empty when nothing is left to say."""
    for pattern, instead in _UNSPEAKABLE:
        text = pattern.sub(instead, text)
    text = _GAP_BEFORE_MARK.sub("", " ".join(text.split()))
    return text if any(char.isalnum() for char in text) else ""
