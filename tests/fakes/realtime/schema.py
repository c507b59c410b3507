"""Every event against the types of the `openai` package, strictly, in both directions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from openai.types.realtime.realtime_client_event import RealtimeClientEvent
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import BaseModel, ValidationError

Event = dict[str, Any]
# The server's session object has these, though the package types it as the request that made it.
SERVER_EXTRAS = {"session.id", "session.object", "session.expires_at"}
NULLABLE = {
    *("turn_detection", "noise_reduction", "transcription", "tracing", "prompt", "include", "idle_timeout_ms"),
    *("metadata", "previous_item_id", "event_id"),
}
FREE = {"parameters", "metadata", "headers"}  # objects whose keys are the client's own
KINDS = {
    "string": "a string",
    "int": "an integer",
    "float": "a decimal",
    "bool": "a boolean",
    "list": "an array",
    "dict": "an object",
    "model": "an object",
}
TYPES = {
    "NoneType": "null",
    "str": "a string",
    "int": "an integer",
    "float": "a decimal",
    "bool": "a boolean",
    "list": "an array",
    "dict": "an object",
}


@dataclass(frozen=True)
class Problem:
    """Why an event is refused, in the words of the vendor's `error` event."""

    code: str
    message: str
    param: str | None = None
    type: str = "invalid_request_error"


@cache
def client_types() -> dict[str, type[BaseModel]]:
    """The client events by their name."""
    return _by_name(RealtimeClientEvent)


@cache
def server_types() -> dict[str, type[BaseModel]]:
    """The server events by their name."""
    return _by_name(RealtimeServerEvent)


def _by_name(union: object) -> dict[str, type[BaseModel]]:
    models = get_args(get_args(union)[0])
    return {name: model for model in models for name in get_args(model.model_fields["type"].annotation)}


def check_server(event: Event) -> None:
    """AssertionError when the fake itself is about to send what the vendor's types do not know."""
    model = server_types()[event["type"]].model_validate_json(json.dumps(event), strict=True)
    extras = set(unknown(model)) - SERVER_EXTRAS
    assert not extras, f"{event['type']} has {extras}"


def check_client(event: Event) -> Problem | None:
    """What is wrong with a client event."""
    name = event.get("type")
    if name is None:
        return missing("type")
    if not isinstance(name, str) or name not in client_types():
        return _unsupported(str(name), [*client_types()], "type")
    bare = _without_references(event)
    try:
        model = client_types()[name].model_validate_json(json.dumps(bare), strict=True)
    except ValidationError as error:
        return _explain(error, bare)
    for path in unknown(model):
        return Problem("unknown_parameter", f"Unknown parameter: '{path}'.", path)
    for path in nulls(bare):
        return Problem("invalid_type", f"Invalid type for '{path}': expected a value, but got null instead.", path)
    return None


def missing(path: str) -> Problem:
    """A required key is not there."""
    return Problem("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def unknown(value: object, path: str = "") -> Iterator[str]:
    """Paths of keys that the types do not know."""
    if isinstance(value, BaseModel):
        yield from (_join(path, key) for key in value.model_extra or {})
        for key in value.model_fields_set & set(type(value).model_fields):
            yield from unknown(getattr(value, key), _join(path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from unknown(part, f"{path}[{index}]")


def nulls(value: object, path: str = "") -> Iterator[str]:
    """Paths of nulls where the vendor wants the key left out."""
    if isinstance(value, dict):
        for key, part in value.items():
            if part is None and key not in NULLABLE:
                yield _join(path, key)
            elif key not in FREE:
                yield from nulls(part, _join(path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from nulls(part, f"{path}[{index}]")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _without_references(event: Event) -> Event:
    """`response.input` may hold item references, which the event's type in the package does not list."""
    params = event.get("response")
    if not isinstance(params, dict) or not isinstance(params.get("input"), list):
        return event
    items = [item for item in params["input"] if not (isinstance(item, dict) and item.get("type") == "item_reference")]
    return {**event, "response": {**params, "input": items}}


def _unsupported(value: object, supported: list[str], path: str) -> Problem:
    *most, last = (f"'{name}'" for name in supported)
    names = f"{', '.join(most)}, and {last}" if most else last
    return Problem("invalid_value", f"Invalid value: '{value}'. Supported values are: {names}.", path)


def _explain(error: ValidationError, event: Event) -> Problem:
    """The first complaint about a branch of a union that was meant: where the discriminator fits."""
    found = [(_located(details["loc"], event), details) for details in error.errors(include_url=False)]
    path, details = min(found, key=lambda pair: (_discriminates(pair[0], pair[1]["type"]), -len(pair[0])))
    name, value = _path(path), details["input"]
    if details["type"] == "missing":
        return missing(name)
    if details["type"] == "literal_error":
        return _unsupported(value, details["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", "), name)
    wanted = KINDS.get(details["type"].split("_")[0], "a valid value")
    got = TYPES[type(value).__name__]
    return Problem("invalid_type", f"Invalid type for '{name}': expected {wanted}, but got {got} instead.", name)


def _discriminates(path: tuple[str | int, ...], kind: str) -> bool:
    return kind == "literal_error" and path[-1] in {"type", "role"}


def _located(loc: tuple[str | int, ...], event: Any) -> tuple[str | int, ...]:
    """The place in the event, without the names of types that pydantic puts in between."""
    path: list[str | int] = []
    for at, part in enumerate(loc):
        inside = isinstance(event, dict) and part in event
        indexed = isinstance(event, list) and isinstance(part, int) and part < len(event)
        if inside or indexed:
            path.append(part)
            event = event[part]
        elif at == len(loc) - 1 and isinstance(event, dict):
            path.append(part)
    return tuple(path)


def _path(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text = f"{text}[{part}]" if isinstance(part, int) else _join(text, part)
    return text
