"""Profiles of hardware and engines: pieces of edge-voice's own configuration, put together for each device."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edge.config import Config
from edge.config.checks import wrong
from edge.config.merging import merge
from edge.config.schema import TABLES
from edge.config.showing import path_of
from provision.fleeting.schema import Tables

HEAD = "# Made by provision/fleet from {origin}: what is changed here is lost at the next `apply`.\n"


def together(*parts: Tables) -> dict[str, dict[str, Any]]:
    """Later parts go before earlier ones, key by key; of sections with named entries, key by key in each entry."""
    whole: dict[str, dict[str, Any]] = {}
    for part in parts:
        for section, keys in part.items():
            there = whole.setdefault(section, {})
            for key, value in keys.items():
                deeper = isinstance(value, Mapping) and isinstance(there.get(key), Mapping)
                there[key] = {**there[key], **value} if deeper else value
    return whole


def mistakes(tables: Tables, origin: str) -> list[str]:
    """All of edge-voice's own complaints about a configuration."""
    problems: list[str] = []
    config = merge(Config(), tables, origin, problems)
    return problems or [f"{origin}: {problem}" for problem in wrong(config)]


def text(tables: Tables, origin: str) -> str:
    """The configuration file, in an order that does not change."""
    parts = [HEAD.format(origin=origin)]
    for section in sorted(tables):
        if section in TABLES:
            entries = tables[section]
            parts += [_section(path_of(section, name), entries[name]) for name in sorted(entries)]
        else:
            parts.append(_section(section, tables[section]))
    return "\n".join(parts)


def _section(name: str, keys: Mapping[str, Any]) -> str:
    return "".join([f"[{name}]\n", *(f"{key} = {_toml(keys[key])}\n" for key in sorted(keys))])


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        # TOML escapes as JSON does, and DEL too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else str(value)
