"""Whether the words so far are all of a turn: what a listener knows while the other one pauses. English only.

Whisper ends nearly every text with a full stop, also one that was cut in the middle, so the words count for
more than the marks; three dots or a comma at the end are only written when the voice did not fall.
"""

from __future__ import annotations

import re

from edge.agents.local.understanding import intents, phrases
from edge.agents.local.understanding.commands import ASK_DURATION
from edge.agents.local.understanding.numerals import read_number

LOOK_BACK = 40  # words: only the last sentence matters

# Probabilities that nothing more comes. They set how long to wait (core/pauses), and are judgements, not counts:
# the recordings with a pause that could be counted are a dozen.
CERTAIN, LIKELY, UNKNOWN, OPEN, DOUBTFUL, UNLIKELY, IMPOSSIBLE = 1.0, 0.8, 0.5, 0.4, 0.3, 0.15, 0.0


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Nothing that a person says ends with these.
_OPEN = _set(
    "a an the my your our their its every and or but because although unless than if whether until "
    "um uh er erm uhm hmm ehm mhm very"
)
# These end a sentence only where a question was turned round ("where is it from?").
_PREPOSITIONS = _set("of for with from to at by into onto about between during without against towards toward in on")
_STRANDED = _set("who what where which")
_CAN_STRAND = _set("of for with from by about")  # but hardly "what is the weather like in?"
_AUXILIARIES = _set(
    "is are was were am be been will would could should shall can cannot may might must have has had do does did"
)
# Verbs that want something after them, as the last word of a short sentence.
_TRANSITIVE = _set(
    "want wants need needs tell give show set make put turn switch play remind find explain add create call let "
    "like think say said going trying"
)
_SHORT = 4  # words: "I want", "can you tell"; longer ones may well end in a verb ("tell me what it is")
_QUESTION_WORDS = _set("who what where when why how which whose")
_ASKING = _QUESTION_WORDS | _AUXILIARIES - _set("be been cannot")
_IMPERATIVES = _set(
    "tell give show set make put turn switch play remind find explain add create call start stop cancel pause say "
    "repeat read open close lock unlock describe translate spell count define list name help go recommend suggest"
)
_ANSWERS = _set("yes no okay yeah nope sure thanks right correct wrong exactly maybe never")
_SUBORDINATE = _set("if when because although while since unless after before whenever")
_COUNTED = _set("for and plus minus times point by")  # "a timer for twenty": its unit is to come
_OPERATORS = _set("plus minus times divided multiplied")
_TELLING = _set("tell give show remind get let")  # "can you tell me" ...
_PRONOUNS, _MODALS = _set("i you he she we they it"), _set("should can could would will shall do does did")
_LEADS = _set("so and but then well okay now oh yes no please")
_NAMES = _set("computer assistant alexa jarvis siri google")
_GREETINGS = _set("hey hi hello")
_ARTICLES = _set("a an the")
_TRAILING = re.compile(r"(?:\.\.\.|\u2026|[,;:\u2013\u2014-])[\"'\u201d]?$")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def judged(text: str, context: intents.Context) -> float:
    """Probability that the turn is complete with these words; UNKNOWN is no opinion."""
    intent = intents.match(text, context)
    return completeness(text, command=intent is not None and intent.reply != ASK_DURATION)


def completeness(text: str, *, command: bool = False) -> float:
    """The same by the form of the text alone; `command` if it is one that is known."""
    text = text.strip()
    sentence = _SENTENCE_END.split(text)[-1][-phrases.MAX_CHARS :]
    words = phrases.words(sentence)[-LOOK_BACK:]
    if not words:
        return UNKNOWN
    if words[-1] in _OPEN or _TRAILING.search(text):
        return IMPOSSIBLE
    if set(words) <= _NAMES | _GREETINGS:
        return UNKNOWN  # a call, or all that is wanted is an answer
    if command:
        return CERTAIN
    if set(words) <= _ANSWERS:
        return LIKELY
    unfinished = _unfinished(words, text)
    return _finished(words, text) if unfinished is None else unfinished


def _unfinished(words: tuple[str, ...], text: str) -> float | None:
    asks = text.endswith("?")
    last, bare = words[-1], _bare(words)
    turned = asks and last in _CAN_STRAND and bare and bare[0] in _STRANDED
    if last in _PREPOSITIONS and (not turned or _ARTICLES & {*words[-3:-2]}):  # "the capital of?"
        return DOUBTFUL if last in {"in", "on"} else UNLIKELY  # "turn it on" may be all
    if _is_number(words) or not bare:  # digits are read out in groups
        return OPEN
    if _wants_more(words[-2:], asks_how=bare[0] in _QUESTION_WORDS):
        return UNLIKELY
    if len(bare) <= _SHORT and last in _TRANSITIVE | _AUXILIARIES and words[0] not in _ANSWERS:
        return UNLIKELY
    if len(bare) > _SHORT and last in _STRANDED and bare[0] not in _STRANDED:
        return DOUBTFUL  # "a single hand in what", which Whisper takes for a question
    return DOUBTFUL if bare[0] in _SUBORDINATE and "," not in text and not asks else None


def _wants_more(pair: tuple[str, ...], *, asks_how: bool) -> bool:
    """Whether two last words need a third."""
    before, last = pair if len(pair) > 1 else ("", *pair)
    number_begun = before in _COUNTED and _is_number((last,))
    sum_begun = last in _OPERATORS and bool(before) and _is_number((before,))
    told_whom = last == "me" and before in _TELLING
    return number_begun or sum_begun or told_whom or (asks_how and last in _PRONOUNS and before in _MODALS)


def _finished(words: tuple[str, ...], text: str) -> float:
    bare = _bare(words)
    if not text.endswith((".", "?", "!")):  # Whisper leaves the mark out for a reason, but not after a word or two
        return UNLIKELY if len(bare) > 2 else UNKNOWN  # noqa: PLR2004
    asks = text.endswith("?") and bare[0] in _ASKING
    says = bare[0] in _IMPERATIVES
    return LIKELY if (asks and len(bare) > 2) or (says and len(bare) > 1) else UNKNOWN  # noqa: PLR2004


def _bare(words: tuple[str, ...]) -> tuple[str, ...]:
    """Without "okay, so" and the name of the device in front."""
    start = 0
    while start < len(words) and words[start] in _LEADS | _NAMES | _GREETINGS:
        start += 1
    return words[start:]


def _is_number(words: tuple[str, ...]) -> bool:
    """Nothing but numbers."""
    at = 0
    while at < len(words):
        found = read_number(words, at)
        if found is None:
            return False
        at = found[1]
    return True
