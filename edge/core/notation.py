"""Events and effects as plain data that JSON can hold, and back. Pure.

{"SpeechStarted": {"onset": 12.3}}: the kind, and its fields. Sound is not in it, only how many bytes it was, for
nothing that is decided looks at more.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from edge.core import events
from edge.core.effects import Effect
from edge.core.events import Event

Plain = dict[str, Any]

_INFINITE = {"inf": math.inf, "-inf": -math.inf}  # which JSON has no word for


def written(thing: Event | Effect) -> Plain:
    """An event or an effect as {kind: fields}."""
    kind: Any = type(thing)
    return {kind.__name__: {name: plain(getattr(thing, name)) for name in _fields(kind)}}


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def plain(value: object) -> object:
    """As JSON can hold it: numbers without end as words, sound as its length, all that is odd as text."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, tuple | list | deque) else str(value)


def number(value: float | str) -> float:
    """A number as `plain` has written it; raises ValueError for what is none."""
    return _INFINITE[value] if isinstance(value, str) and value in _INFINITE else float(value)


def read_event(noted: Mapping[str, Mapping[str, object]]) -> Event:
    """An event as `written` gave it, with silence for its sound; raises ValueError for what is none.

    A field that this version does not know is left out, and one that it has and the other had not is as usual.
    """
    for name, given in noted.items():
        kind: Any = _kinds().get(name)
        if kind is None:
            raise ValueError(f"no event is called {name}")
        known = {key: _back(value) for key, value in given.items() if key in _fields(kind)}
        try:
            event: Event = kind(**known)
        except TypeError as error:
            raise ValueError(f"{name}: {error}") from None
        return event
    raise ValueError("no event at all")


@cache
def _kinds() -> dict[str, type[Event]]:
    edges = (events.ButtonDown, events.ButtonUp)
    return {kind.__name__: kind for kind in (*events.kinds(), *edges)}


def _back(value: object) -> object:
    if isinstance(value, Mapping) and set(value) == {"bytes"} and isinstance(value["bytes"], int):
        return bytes(value["bytes"])
    return value
