"""Commands with a slot: timers, volume, time and date. Each rule is one anchored pattern over the token string."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from edge.agents.local.understanding.meaning import Context, Intent
from edge.agents.local.understanding.numerals import Tokens, read_number
from edge.agents.local.understanding.times import read_clock, read_duration

ASK_DURATION = "For how long?"


@dataclass(frozen=True)
class Slots:
    """The quantities that stood in the phrase, in order, where the pattern sees DUR, CLOCK and NUM."""

    phrase: str
    durations: tuple[Fraction, ...] = ()
    numbers: tuple[Fraction, ...] = ()


Build = Callable[[re.Match[str], Slots, Context], Intent | None]
Rule = tuple[re.Pattern[str], Build]


def slots_of(tokens: Tokens) -> Slots:
    """Replace the quantities in a phrase by placeholders."""
    at, shown = 0, []
    durations, numbers = [], []
    while at < len(tokens):
        if span := read_clock(tokens, at):
            shown.append("CLOCK")
            durations.append(span[0])
        elif span := read_duration(tokens, at):
            shown.append("DUR")
            durations.append(span[0])
        elif span := read_number(tokens, at):
            shown.append("NUM")
            numbers.append(span[0])
        else:
            shown.append(tokens[at])
        at = span[1] if span else at + 1
    return Slots(" ".join(shown), tuple(durations), tuple(numbers))


def compiled(patterns: Iterable[tuple[str, Build]]) -> tuple[Rule, ...]:
    """Compile a table of rules, in which the branches of one pattern may name the same group (re refuses that)."""
    number = count()

    def unique(named: re.Match[str]) -> str:
        return f"(?P<{named[1]}_{next(number)}>"

    return tuple((re.compile(re.sub(r"\(\?P<(\w+)>", unique, pattern)), build) for pattern, build in patterns)


def group(found: re.Match[str], name: str) -> str:
    """Give what the first branch with this group has matched, or nothing."""
    return next((text for key, text in found.groupdict().items() if text and key.startswith(f"{name}_")), "")


def match(tokens: Tokens, context: Context, rules: tuple[Rule, ...]) -> Intent | None:
    """Give what the first rule that covers the whole phrase makes of it."""
    slots = slots_of(tokens)
    for pattern, build in rules:
        found = pattern.fullmatch(slots.phrase)
        intent = build(found, slots, context) if found else None
        if intent:
            return intent
    return None
