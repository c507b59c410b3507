"""How the results of `doctor` look: for people, and as JSON. Pure: results in, text out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from edge.doctor.checks import Result, Results, State
from edge.panel.clean import clean

INDENT = 23  # the widths of the first two columns
WIDEST = 100  # longer lines are hard to read
COLOURS = {State.WELL: "32", State.WARN: "33", State.FAIL: "31;1", State.SKIPPED: "2"}
WORDS = {State.WELL: "well", State.WARN: "warn", State.FAIL: "FAIL", State.SKIPPED: "-"}


def lines(name: str, results: Results, width: int, *, colour: bool) -> list[str]:
    """Of one check; the name stands once."""
    return [line for i, one in enumerate(results) for line in _lines("" if i else name, one, width, colour=colour)]


def _lines(name: str, result: Result, width: int, *, colour: bool) -> list[str]:
    word = WORDS[result.state]
    head = f"{word:6}"
    if colour:
        head = head.replace(word, f"\x1b[{COLOURS[result.state]}m{word}\x1b[0m")
    first, *more = _wrapped(result.found, width)
    todo = _wrapped(result.todo, width - 3) if result.todo else []
    marked = [("-> " if i == 0 else "   ") + line for i, line in enumerate(todo)]
    return [f"  {head}{name:15}{first}".rstrip(), *(f"{'':{INDENT}}{line}" for line in (*more, *marked))]


def _wrapped(text: str, width: int) -> list[str]:
    """A path or a command is not broken, however long."""
    room = max(20, min(width, WIDEST) - INDENT)
    return textwrap.wrap(clean(text), room, break_long_words=False, break_on_hyphens=False) or [""]


def summary(results: Results) -> str:
    """The last line."""
    counts = [(sum(one.state is state for one in results), word)
              for state, word in ((State.FAIL, "failure"), (State.WARN, "warning"))]  # fmt: skip
    told = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    return f"{' and '.join(told)}." if told else "All is well."


def as_json(found: Sequence[tuple[str, Results]], code: int) -> dict[str, Any]:
    """Everything, for programs; `code` is the exit code."""
    rows = [
        {"check": name, "state": str(one.state), "found": one.found, "todo": one.todo}
        for name, results in found
        for one in results
    ]
    return {"exit_code": code, "results": rows}
