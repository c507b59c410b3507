"""The conversation as every vendor takes it, and what comes back from a model as text that should be JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from edge.core.chain import Call, Message, Role

# What is behind the name of a call that cannot be read.
UNREADABLE = "unreadable"
MOST_UNREADABLE = 200


@dataclass(frozen=True, slots=True)
class Round:
    """One message of a person or of the model; `results` has the answer to each of its calls, in their order."""

    role: Role
    text: str
    calls: tuple[Call, ...] = ()
    results: tuple[Message, ...] = ()


def rounds(messages: Iterable[Message]) -> list[Round]:
    """The messages with each call beside its result.

    A call without result, a result without call and a message without content are left out: one of them would make
    a service refuse this request and all later ones. Empty when there is nothing to answer.
    """
    found: list[tuple[Message, dict[str, Message]]] = []
    for message in messages:
        if message.role is not Role.TOOL:
            found.append((message, {}))
        else:
            _answer(found, message)
    settled = [kept for message, results in found if (kept := _round(message, results)) is not None]
    return settled if settled and (settled[-1].role is Role.USER or settled[-1].calls) else []


def _answer(found: list[tuple[Message, dict[str, Message]]], result: Message) -> None:
    """Ids come again with some servers: a result is the last such call's."""
    for message, results in reversed(found):
        if any(call.id == result.call for call in message.calls):
            results.setdefault(result.call, result)
            return


def _round(message: Message, results: Mapping[str, Message]) -> Round | None:
    calls = tuple(call for call in message.calls if call.id in results)
    if not calls and not message.text.strip():
        return None
    return Round(message.role, message.text, calls, tuple(results[call.id] for call in calls))


def from_person(settled: list[Round]) -> list[Round]:
    """Without what was said before the person's first message: some services take no conversation that begins so."""
    first = next((at for at, one in enumerate(settled) if one.role is Role.USER), len(settled))
    return settled[first:]


def called(call: str, name: str, written: str) -> Call:
    """A call from the arguments that a model has written.

    If they are no JSON object, no tool must run on a guess: the call is for one that there is not, so that its result
    is an error, which the model reads and tries again.
    """
    try:
        read = json.loads(written or "{}")
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, dict):
        return Call(call, name, read)
    return Call(call, f"{name}_{UNREADABLE}", {UNREADABLE: written[:MOST_UNREADABLE]})


def readable(call: Call) -> bool:
    """Whether the model's arguments were a JSON object."""
    return not call.name.endswith(f"_{UNREADABLE}")


def as_object(result: str) -> dict[str, object]:
    """A tool's result for a service that takes only objects."""
    try:
        read = json.loads(result)
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) else {"output": result}


def echoing(calls: list[Call], vendor: str, echo: str) -> list[Call]:
    """The calls of one reply, the first with what its vendor wants to see again."""
    if not calls or not echo:
        return calls
    return [replace(calls[0], echo=f"{vendor}:{echo}"), *calls[1:]]


def echoed(call: Call, vendor: str) -> str:
    """What this vendor gave with the call; "" when another one made it."""
    whose, _, echo = call.echo.partition(":")
    return echo if whose == vendor else ""


def last_question(settled: list[Round]) -> int:
    """Where the person's last message is. What a model thought before it need not, and often may not, be sent again."""
    return max((at for at, one in enumerate(settled) if one.role is Role.USER), default=-1)
