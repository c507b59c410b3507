"""Decisions of two runs beside each other: which are the same, which come at another time, which only one has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from edge.core.notation import Plain

# What people call the effects that are decisions; the others carry sound and words about.
NAMES = {
    "SetPatience": "patience", "EagerEnd": "perhaps the end", "TurnResumed": "no end after all",
    "EndTurn": "end of turn", "DropTurn": "turn dropped", "CancelReply": "reply cancelled", "HoldTurn": "turn held",
    "FinishPlay": "end of reply", "Chime": "chime", "Report": "report", "Hush": "hush", "RunTool": "tool",
    "SendText": "typed turn", "SendSay": "announcement", "ClearHistory": "forget", "CloseMic": "microphone closed",
    "Connect": "connect", "SendToolResult": "tool result",
}  # fmt: skip
HEARD = {
    "SpeechStarted": "speech", "SpeechPaused": "pause", "SpeechResumed": "speech goes on", "SpeechEnded": "silence",
    "BargedIn": "barged in",
}  # fmt: skip


class Decision(NamedTuple):
    """At `t` on the device's clock; `kind` is what it is called, `detail` all there is to it."""

    t: float
    kind: str
    detail: str


class Row(NamedTuple):
    """A difference: the times of both, None for one that has not decided so."""

    theirs: Decision | None
    ours: Decision | None

    @property
    def at(self) -> float:
        """Its place in the table."""
        times = [one.t for one in self if one is not None]
        return min(times)


def of_front(lines: Iterable[Plain]) -> Iterator[Decision]:
    """What a front end has found, at the times of the frames."""
    for line in lines:
        if line.get("front") == "judged":
            yield Decision(float(line["at"]), f"reply: {line['verdict']}", "")
        elif line.get("front") == "heard":
            [(name, fields)] = line["event"].items()
            if name in HEARD:
                yield Decision(float(line["at"]), HEARD[name], _detail(fields))


def of_core(t: float, effects: Iterable[Plain]) -> Iterator[Decision]:
    """What the core has decided to do at `t`."""
    for effect in effects:
        [(name, fields)] = effect.items()
        if name in NAMES:
            yield Decision(t, NAMES[name], _detail(fields))
        elif name == "Publish" and fields["event"] == "state":
            yield Decision(t, f"state {fields['fields']['state']}", "")


def of_run(lines: Iterable[Plain]) -> list[Decision]:
    """All decisions of a simulation, in order of time."""
    found: list[Decision] = []
    for line in lines:
        found += of_core(float(line["t"]), line["effects"]) if "effects" in line else of_front([line])
    return sorted(found, key=lambda one: one.t)


def _detail(fields: Plain) -> str:
    return json.dumps(fields, sort_keys=True)


def compared(theirs: list[Decision], ours: list[Decision]) -> list[Row]:
    """Every difference, in order; none when both have decided the same at the same times."""
    kinds = [one.kind for one in theirs], [one.kind for one in ours]
    rows: list[Row] = []
    for what, a, b, c, d in SequenceMatcher(None, *kinds, autojunk=False).get_opcodes():
        if what == "equal":
            pairs = zip(theirs[a:b], ours[c:d], strict=True)
            rows += [Row(one, other) for one, other in pairs if one != other]
        else:
            rows += [Row(one, None) for one in theirs[a:b]] + [Row(None, one) for one in ours[c:d]]
    return sorted(rows, key=lambda row: row.at)


def sounds(lines: Iterable[Plain]) -> list[int]:
    """A check sum of each piece of sound that the front end handed over."""
    return [int(line["crc"]) for line in lines if "crc" in line]
