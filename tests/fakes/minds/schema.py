"""The vendors' own types, held to more than they ask: no key that they do not know, anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pydantic

from tests.fakes.minds.sse import Refused


def taken(adapter: pydantic.TypeAdapter[Any], body: object) -> None:
    """A request against typed dictionaries, which drop what they do not know: so all must still be there."""
    try:
        kept = plain(adapter.validate_python(body))
    except pydantic.ValidationError as wrong:
        first = wrong.errors()[0]
        raise Refused(400, f"Invalid {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if kept != body:
        raise Refused(400, f"Unknown parameter: {unlike(kept, body)}")


def plain(value: Any) -> Any:
    """Iterables are validated as they are read, so read them."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(entry) for entry in value]
    return value


def unlike(kept: Any, body: Any, where: str = "body") -> str:
    """Where the two differ first."""
    if isinstance(kept, dict) and isinstance(body, dict):
        for key in body:
            if key not in kept or kept[key] != body[key]:
                return unlike(kept.get(key), body[key], f"{where}.{key}")
    if isinstance(kept, list) and isinstance(body, list):
        for at, (one, other) in enumerate(zip(kept, body, strict=False)):
            if one != other:
                return unlike(one, other, f"{where}[{at}]")
    return where


def sent(adapter: pydantic.TypeAdapter[Any], event: dict[str, Any]) -> None:
    """An event against the vendor's models."""
    model = adapter.validate_python(event)
    unknown = list(unknown_keys(model, type(model).__name__))
    assert not unknown, unknown


def unknown_keys(value: Any, where: str) -> Any:
    if isinstance(value, pydantic.BaseModel):
        yield from (f"{where}.{key}" for key in value.model_extra or {})
        for name in type(value).model_fields:
            yield from unknown_keys(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from unknown_keys(entry, f"{where}[{index}]")
