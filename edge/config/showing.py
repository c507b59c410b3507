"""The configuration as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from edge.config.schema import SECTIONS, TABLES, Config


def show(config: Config) -> str:
    """The effective configuration as TOML, each key with what it means."""
    parts: list[list[str]] = []
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name in SECTIONS:
            parts.append([f"[{field.name}]", *_keys(value)])
        elif field.name in TABLES:
            parts += _table(field.name, value, field.metadata)
    return "\n\n".join("\n".join(lines) for lines in parts)


def path_of(section: str, entry: str) -> str:
    """The name of an entry's section, in quotes where TOML wants them."""
    return f"{section}.{entry if re.fullmatch('[A-Za-z0-9_-]+', entry) else _toml(entry)}"


def _table(section: str, entries: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[list[str]]:
    """What the section is for, and its entries; an example of one when there are none."""
    about = f"# [{section}.{metadata['placeholder']}]: {metadata['about']}"
    if not entries:
        return [[about, *(f"# {line}" for line in _keys(TABLES[section]()))]]
    return [[about], *([f"[{path_of(section, name)}]", *_keys(entry)] for name, entry in entries.items())]


def _keys(struct: Any) -> list[str]:
    return [f"{f.name} = {_toml(getattr(struct, f.name))}  # {f.metadata['about']}" for f in fields(struct)]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace(
            "\x7f", "\\u007f"
        )  # TOML escapes as JSON does, and DEL too
    return str(value)
