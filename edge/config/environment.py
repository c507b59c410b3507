"""EDGE_VOICE_SECTION__KEY and EDGE_VOICE_SECTION__NAME__KEY."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from edge.config.merging import words
from edge.config.schema import SECTIONS, TABLES, Config

PREFIX = "EDGE_VOICE_"


def from_env(env: Mapping[str, str], config: Config, problems: list[str]) -> dict[str, Any]:
    """What the variables give, in the form of a file.

    A variable cannot be named after every entry: gpt-realtime-2.1 of `config` is meant by GPT_REALTIME_2_1 too.
    """
    table: dict[str, Any] = {}
    for name, text in env.items():
        section, mark, rest = name.removeprefix(PREFIX).lower().partition("__")
        if not name.startswith(PREFIX) or not mark:
            continue
        entry, _, key = rest.rpartition("__") if section in TABLES else ("", "", rest)
        kind = get_type_hints((SECTIONS | TABLES).get(section, object)).get(key, str)
        value = _parse(text, kind)
        if section in TABLES and not entry:
            problems.append(f"{name}: [{section}] has named entries: {PREFIX}{section.upper()}__NAME__KEY.")
        elif value is None:
            problems.append(f"{name}: {text!r} is not {words(kind)}.")
        else:
            place = table.setdefault(section, {})
            if entry:
                place = place.setdefault(_known(entry, getattr(config, section)), {})
            place[key] = value
    return table


def _known(entry: str, names: Iterable[str]) -> str:
    """The entry that is there already and is written the same but for case and signs."""
    return next((name for name in names if _plain(name) == _plain(entry)), entry)


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name.lower())


def _parse(text: str, kind: Any) -> Any:
    if not text.isascii() and text != text.encode(errors="replace").decode():
        return None  # bytes that are no UTF-8
    if kind is bool:
        return {"true": True, "1": True, "yes": True, "on": True,
                "false": False, "0": False, "no": False, "off": False}.get(text.strip().lower())  # fmt: skip
    try:
        if get_origin(kind) is tuple:
            return [get_args(kind)[0](item.strip()) for item in text.split(",") if item.strip()]
        return kind(text)
    except ValueError:
        return None
