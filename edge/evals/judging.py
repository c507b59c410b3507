"""Whether a turn has gone as it should: what came of it against what was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.evals.scenario import Turn

Fields = Mapping[str, Any]
_WORD = re.compile(r"[^\W_]+")


@dataclass(slots=True)
class Observed:
    """What came of one turn. `cut`: the reply before it was interrupted. `problems`: errors the device told."""

    heard: str = ""
    said: str = ""
    tools: list[tuple[str, Fields]] = field(default_factory=list)
    latency_ms: Fields = field(default_factory=dict)
    cut: bool = False
    problems: list[str] = field(default_factory=list)


def judge(turn: Turn, observed: Observed, before: Observed | None) -> list[str]:
    """What is not as it should be, a line each; nothing if all is well."""
    said = normal(observed.said)
    wrong = list(observed.problems)
    if turn.into_reply_s is not None and not observed.cut:
        wrong.append("the reply before it was not interrupted")
    wrong += [f"{one!r} was not understood" for one in turn.heard if not _has(normal(observed.heard), one)]
    if turn.tools is not None:
        wrong += _tools(turn, observed)
    if not turn.answered:
        return [*wrong, f"it was answered: {observed.said.strip()!r}"] if said else wrong
    if not said:
        return [*wrong, "there was no answer"]
    wrong += [f"the reply lacks {one!r}" for one in turn.words if not _has(said, one)]
    wrong += [f"the reply has {one!r}" for one in turn.not_words if _has(said, one)]
    if turn.again and (before is None or said != normal(before.said)):
        wrong.append("the reply before it was not said again")
    return wrong + _latency(turn, observed)


def _latency(turn: Turn, observed: Observed) -> list[str]:
    if turn.latency_ms is None:
        return []
    took = observed.latency_ms.get("first_sound")
    if took is None:
        return ["no sound of the reply was timed"]
    return [f"the first sound came after {took} ms, not {turn.latency_ms:g}"] if took > turn.latency_ms else []


def _tools(turn: Turn, observed: Observed) -> list[str]:
    wanted = turn.tools or ()
    same = len(wanted) == len(observed.tools) and all(
        call.name == name and call.arguments.items() <= dict(arguments).items()
        for call, (name, arguments) in zip(wanted, observed.tools, strict=True)
    )
    if same:
        return []
    ours = told([(call.name, call.arguments) for call in wanted])
    return [f"tools: {told(observed.tools)}, wanted: {ours}"]


def told(calls: list[tuple[str, Fields]]) -> str:
    """Calls in a line."""
    return ", ".join(f"{name}({_arguments(arguments)})" for name, arguments in calls) or "none"


def _arguments(arguments: Fields) -> str:
    return ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())


def normal(text: str) -> str:
    """Words alone, in small letters, with one space around each; "" where there is none."""
    words = _WORD.findall(text.casefold())
    return " ".join(["", *words, ""]) if words else ""


def _has(said: str, wanted: str) -> bool:
    return any(normal(one) in said for one in wanted.split("|"))
