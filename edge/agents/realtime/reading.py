"""Reading fields out of a vendor's JSON: a value of the right type, a default for what is absent, or WireError.

Absent and null are the same: servers that others wrote leave out what they do not know. A value of the
wrong type is never guessed at. Messages name keys and types only: a value may be what somebody said.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from edge.errors import AgentError

Json = dict[str, Any]
T = TypeVar("T")

MOST_INTEGER = 1 << 53  # beyond it a JSON number is no longer exact, nor any time or count of ours


class WireError(AgentError):
    """The other side has sent something that is no event, or we were about to."""


def _refuse(constant: str) -> NoReturn:
    raise WireError(f"{constant} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)  # made once: json.loads would make one for every frame


def parse(source: str) -> Any:
    """The value that this JSON text holds; raises WireError for anything else, however deep or odd."""
    try:
        return _DECODER.decode(source)
    except (ValueError, RecursionError) as wrong:
        raise WireError(f"no JSON: {type(wrong).__name__}") from None


def clean(value: str) -> str:
    """The text with lone surrogates replaced, so that it can be printed, stored and sent on as UTF-8."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def text(body: Json, key: str) -> str:
    """A string, "" when absent."""
    value = body.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    raise _wrong(key, value, "text")


def needed(body: Json, key: str) -> str:
    """A string that the event makes no sense without, though it may be empty."""
    if body.get(key) is None:
        raise WireError(f"{key} is missing")
    return text(body, key)


def number(body: Json, key: str) -> float:
    """A finite number, 0 when absent."""
    value = body.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(key, value, "a number")
    if abs(value) > MOST_INTEGER:  # 1e999 reads as infinity
        raise WireError(f"{key} is out of range")
    return value


def integer(body: Json, key: str) -> int:
    """A whole number, 0 when absent; a fraction is cut off (some servers count milliseconds in floats)."""
    return int(number(body, key))


def count(body: Json, key: str) -> int:
    """A number of tokens and the like: bookkeeping, so nonsense counts as 0 and loses no turn."""
    return max(0, int(_forgiven(number, body, key, 0.0)))


def measure(body: Json, key: str) -> float:
    """The same with a fraction: seconds."""
    return max(0.0, _forgiven(number, body, key, 0.0))


def label(body: Json, key: str, most: int = 1000) -> str:
    """A word or message of an error or a statistic, cut to `most`; numbers as text, nonsense as ""."""
    value = body.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST_INTEGER:
        return str(value)
    return clean(value[:most]) if isinstance(value, str) else ""


def table(body: Json, key: str) -> Json:
    """An object, empty when absent."""
    value = body.get(key)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise _wrong(key, value, "an object")


def maybe_table(body: Json, key: str) -> Json:
    """An object, empty when it is anything else: for bookkeeping, like `count`."""
    return _forgiven(table, body, key, {})


def tables(body: Json, key: str) -> list[Json]:
    """A list of objects, empty when absent."""
    value = body.get(key)
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return value
    raise _wrong(key, value, "a list of objects")


def _forgiven(read: Callable[[Json, str], T], body: Json, key: str, instead: T) -> T:
    try:
        return read(body, key)
    except WireError:
        return instead


def _wrong(key: str, value: object, wanted: str) -> WireError:
    return WireError(f"{key} is {type(value).__name__}, not {wanted}")
