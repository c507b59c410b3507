"""From TOML tables to structs; what does not fit is told in words, with the nearest right key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.config.merging import nearest, shown, words

Struct = TypeVar("Struct")


def fill(struct: Struct, path: str, given: object, problems: list[str]) -> Struct:
    """The struct with the good part of `given`; the rest is told in `problems`."""
    if not isinstance(given, Mapping):
        problems.append(f"{path} must be a section: [{path}].")
        return struct
    known = {field.name: field for field in fields(struct)}  # type: ignore[arg-type]  # all of ours are dataclasses
    hints = get_type_hints(type(struct))
    good: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            problems.append(f"[{path}] has no key {key}.{nearest(key, known)}")
        elif problem := _misfit(value, hints[key], known[key].metadata):
            problems.append(f"{path}.{key} = {shown(value)} {problem}.")
        else:
            good[key] = tuple(value) if isinstance(value, list) else hints[key](value)
    return replace(struct, **good)  # type: ignore[type-var]  # the same


def _misfit(value: object, kind: Any, limits: Mapping[str, Any]) -> str:
    """What is wrong with a value, or ""."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        fits = isinstance(value, list) and all(_is_a(item, inner) for item in value)
        return "" if fits else f"must be {words(kind)}"
    if not _is_a(value, kind):
        return f"must be {words(kind)}"
    if limits["low"] is not None and not limits["low"] <= value <= limits["high"]:
        return f"must be between {limits['low']:g} and {limits['high']:g}"
    return ""


def _is_a(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
