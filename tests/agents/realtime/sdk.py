"""The vendor's own event types, held to more than they ask: no unknown key anywhere, no coercion."""

from __future__ import annotations

import base64
from typing import Any, Literal, Union, get_args, get_origin

import pydantic
from hypothesis import strategies as st
from openai.types.realtime.realtime_client_event import RealtimeClientEvent
from openai.types.realtime.realtime_server_event import RealtimeServerEvent

CLIENT: pydantic.TypeAdapter[pydantic.BaseModel] = pydantic.TypeAdapter(RealtimeClientEvent)
SERVER: pydantic.TypeAdapter[pydantic.BaseModel] = pydantic.TypeAdapter(RealtimeServerEvent)


def members(union: Any) -> dict[str, type[pydantic.BaseModel]]:
    """The models of an annotated union by their `type`."""
    return {kind_of(model): model for model in get_args(get_args(union)[0])}


def kind_of(model: type[pydantic.BaseModel]) -> str:
    (kind,) = get_args(model.model_fields["type"].annotation)
    return str(kind)


SERVER_EVENTS = members(RealtimeServerEvent)
CLIENT_EVENTS = members(RealtimeClientEvent)


def strict(adapter: pydantic.TypeAdapter[pydantic.BaseModel], frame: str) -> pydantic.BaseModel:
    """The vendor's model of this frame; fails on wrong types and on keys the vendor does not know."""
    model = adapter.validate_json(frame, strict=True)
    assert not list(unknown_keys(model, type(model).__name__))
    return model


def unknown_keys(value: Any, where: str) -> Any:
    if isinstance(value, pydantic.BaseModel):
        yield from (f"{where}.{key}" for key in value.model_extra or {})
        for name in type(value).model_fields:
            yield from unknown_keys(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from unknown_keys(entry, f"{where}[{index}]")


# --- any event that the vendor's types allow ---------------------------------------------------------

BASE64 = st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode())
PLAIN = {
    str: st.text(max_size=12),
    int: st.integers(0, 100_000),
    float: st.floats(0, 1000),
    bool: st.booleans(),
    type(None): st.none(),
    object: st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
}


def anything(annotation: Any) -> st.SearchStrategy[Any]:
    """JSON values that this annotation allows."""
    args = get_args(annotation)
    if annotation in PLAIN:
        return PLAIN[annotation]
    if hasattr(annotation, "__metadata__"):
        return anything(args[0])
    composite = {
        Literal: lambda: st.sampled_from(args),
        Union: lambda: st.one_of([anything(arg) for arg in args]),
        list: lambda: st.lists(anything(args[0]), max_size=3),
        dict: lambda: st.dictionaries(st.text(max_size=4), anything(args[1]), max_size=2),
    }
    return composite.get(get_origin(annotation), lambda: event(annotation))()


def event(model: type[pydantic.BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Dictionaries that are this model: required fields always, optional ones now and then."""
    needed: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in model.model_fields.items():
        (needed if field.is_required() else optional)[name] = anything(field.annotation)
    if model is SERVER_EVENTS["response.output_audio.delta"]:
        needed["delta"] = BASE64
    return st.fixed_dictionaries(needed, optional=optional)
