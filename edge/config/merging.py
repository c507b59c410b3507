"""What was given, put over what is there, and what is wrong with it in words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, get_args, get_origin, get_type_hints

from edge.config.schema import SECTIONS, TABLES, Config
from edge.config.showing import path_of

MOST_SHOWN = 60  # characters of a wrong value
_NAME = re.compile(r"[\w.:/@+-]{1,100}")  # a model's id, a label


def merge(config: Config, given: Mapping[str, Any], origin: str, problems: list[str]) -> Config:
    """The configuration with the good part of `given`; the rest is told in `problems`."""
    known = [*SECTIONS, *TABLES]
    changed: dict[str, Any] = {}
    for name, values in given.items():
        if name not in known:
            problems.append(f"{origin}: there is no section [{name}].{nearest(name, known)}")
        elif not isinstance(values, Mapping):
            problems.append(f"{origin}: {name} must be a section: [{name}].")
        else:
            fill = _fill_table if name in TABLES else _fill
            changed[name] = fill(getattr(config, name), name, values, origin, problems)
    return replace(config, **changed)


def _fill_table(
    table: Mapping[str, Any], section: str, given: Mapping[str, Any], origin: str, problems: list[str]
) -> Mapping[str, Any]:
    """An entry that is there already is changed only in the keys given."""
    entries = dict(table)
    for name, values in given.items():
        path = path_of(section, name)
        if not _NAME.fullmatch(name):
            problems.append(f"{origin}: [{section}] cannot have an entry named {shown(name)}.")
        elif not isinstance(values, Mapping):
            problems.append(f"{origin}: {path} must be a section: [{path}].")
        elif inner := [key for key, value in values.items() if isinstance(value, Mapping)]:
            meant = path_of(section, f"{name}.{inner[0]}")
            problems.append(f"{origin}: [{path}] has no section {inner[0]}; a name with a dot needs quotes: [{meant}].")
        else:
            entries[name] = _fill(entries.get(name, TABLES[section]()), path, values, origin, problems)
    return entries


def _fill(struct: Any, path: str, given: Mapping[str, Any], origin: str, problems: list[str]) -> Any:
    known = {f.name: f for f in fields(struct)}
    hints = get_type_hints(type(struct))
    good: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            problems.append(f"{origin}: [{path}] has no key {key}.{nearest(key, known)}")
            continue
        fitting, problem = _fit(value, hints[key], known[key].metadata)
        if problem:
            problems.append(f"{origin}: {path}.{key} = {shown(value)} {problem}.")
        else:
            good[key] = fitting
    return replace(struct, **good)


def _fit(value: Any, kind: Any, limits: Mapping[str, Any]) -> tuple[Any, str]:
    """The value in the wanted type, or what is wrong with it."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        value = (value,) if isinstance(value, inner) else value
        good = isinstance(value, (list, tuple)) and all(
            isinstance(item, inner) and not isinstance(item, bool) for item in value
        )
        return (tuple(value), "") if good else (None, f"must be {words(kind)}")
    wide = (int, float) if kind is float else kind
    if not isinstance(value, wide) or (kind is not bool and isinstance(value, bool)):
        return None, f"must be {words(kind)}"
    if limits["choices"] and value not in limits["choices"]:
        return None, f"must be one of {', '.join(limits['choices'])}"
    if limits["low"] is not None and not limits["low"] <= value <= limits["high"]:
        return None, f"must be between {limits['low']:.10g} and {limits['high']:.10g}"
    return kind(value), ""


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that may have been meant, or all of them."""
    close = difflib.get_close_matches(name, known := list(known), 1, 0.5)
    return f" Did you mean {close[0]}?" if close else f" There are: {', '.join(known)}."


def shown(value: object) -> str:
    """A wrong value, at most the beginning of it."""
    try:
        text = repr(value)
    except ValueError:  # Python's own limit
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def words(kind: Any) -> str:
    """A type as a person calls it."""
    known: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text",
                             tuple[int, ...]: "a list of whole numbers"}  # fmt: skip
    return known.get(kind, "a list of texts")
