"""A spoken scenario: one TOML file, read with all its mistakes at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.config.merging import nearest, shown

MODES = ("say", "audio", "type")  # how a person's turn is given
NEEDS = ("language_model",)
MOST_S = 60.0

Good = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool, and those of its arguments that matter: others may be anything."""

    name: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """What the person does (one of MODES), and what must come of it. None: nothing is asked of that.

    `into_reply_s`: it interrupts the reply before, after so many seconds of it; with `button` by a tap first. Of
    `words`, each is a phrase, or several with | between them of which one must come.
    """

    mode: str
    what: str
    into_reply_s: float | None = None
    button: bool = False
    heard: tuple[str, ...] = ()
    tools: tuple[Call, ...] | None = None
    words: tuple[str, ...] = ()
    not_words: tuple[str, ...] = ()
    again: bool = False
    answered: bool = True
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """`name` is the file's, without its ending."""

    name: str
    about: str
    needs: tuple[str, ...]
    turns: tuple[Turn, ...]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(one) for one in value)


def _is_number(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most


TEXTS, YES_NO = "must be a list of texts", "must be true or false"
OF_FILE: dict[str, tuple[Good, str]] = {
    "about": (_is_text, "must be a text"),
    "needs": (lambda v: _are_texts(v) and set(v) <= set(NEEDS), f"must be a list of: {', '.join(NEEDS)}"),
    "turn": (lambda v: isinstance(v, list) and bool(v), "must be sections [[turn]], at least one"),
}
OF_TURN: dict[str, tuple[Good, str]] = {
    **dict.fromkeys(MODES, (_is_text, "must be a text")),
    "into_reply_s": (lambda v: _is_number(v, MOST_S), f"must be seconds, up to {MOST_S:.0f}"),
    "button": (lambda v: isinstance(v, bool), YES_NO),
    "heard": (_are_texts, TEXTS),
    "tools": (lambda v: isinstance(v, list), 'must be a list such as [{ name = "get_time" }]'),
    "words": (_are_texts, TEXTS),
    "not_words": (_are_texts, TEXTS),
    "again": (lambda v: isinstance(v, bool), YES_NO),
    "answered": (lambda v: isinstance(v, bool), YES_NO),
    "latency_ms": (lambda v: _is_number(v, 1000 * MOST_S), f"must be milliseconds, up to {1000 * MOST_S:.0f}"),
}
OF_CALL: dict[str, tuple[Good, str]] = {
    "name": (_is_text, "must be a text"),
    "arguments": (lambda v: isinstance(v, dict), "must be a table such as { seconds = 300 }"),
}


def read(path: Path, problems: list[str]) -> Scenario | None:
    """The scenario of a file; what is wrong with it is added to `problems`, and then there is none."""
    before = len(problems)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{path} cannot be read: {error.strerror}.")
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path} is not TOML: {error}.")
        return None
    good = _fitting(table, OF_FILE, str(path), problems)
    if "turn" not in table:
        problems.append(f"{path}: there is no [[turn]].")
    turns = [_turn(one, n, path, problems) for n, one in enumerate(good.get("turn", ()), 1)]
    if len(problems) > before:
        return None
    told = tuple(turn for turn in turns if turn is not None)
    return Scenario(path.stem, str(good.get("about", "")), tuple(good.get("needs", ())), told)


def _fitting(
    table: Mapping[str, Any], known: Mapping[str, tuple[Good, str]], where: str, problems: list[str]
) -> dict[str, Any]:
    """The good part of a table."""
    found = {}
    for key, value in table.items():
        if key not in known:
            problems.append(f"{where}: there is no key {key}.{nearest(key, known)}")
        elif not known[key][0](value):
            problems.append(f"{where}: {key} = {shown(value)} {known[key][1]}.")
        else:
            found[key] = value
    return found


def _turn(table: Any, number: int, path: Path, problems: list[str]) -> Turn | None:
    where = f"{path}: turn {number}"
    if not isinstance(table, dict):
        problems.append(f"{where} must be a section [[turn]].")
        return None
    good = _fitting(table, OF_TURN, where, problems)
    modes = [mode for mode in MODES if mode in table]
    if len(modes) != 1:
        problems.append(f"{where} needs one of {', '.join(MODES)}; it has {' and '.join(modes) or 'none'}.")
    _contradictions(good, number, where, problems)
    tools = good.pop("tools", None)
    calls = None if tools is None else tuple(_call(one, where, problems) for one in tools)
    mode = modes[0] if modes else "say"
    what = str(good.get(mode, ""))
    if mode == "audio" and what:
        what = str(path.parent / what)
        if not Path(what).is_file():
            problems.append(f"{where}: the sound file {what} does not exist.")
    rest: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in good.items() if key not in MODES
    }
    return Turn(mode, what, tools=calls, **rest)


def _contradictions(good: Mapping[str, Any], number: int, where: str, problems: list[str]) -> None:
    if good.get("into_reply_s") and number == 1:
        problems.append(f"{where}: into_reply_s needs a turn before it, whose reply it interrupts.")
    if good.get("button") and not good.get("into_reply_s"):
        problems.append(f"{where}: button is about an interruption, and needs into_reply_s.")
    if good.get("into_reply_s") and "type" in good:
        problems.append(f"{where}: a typed turn interrupts nothing; use say or audio with into_reply_s.")
    if good.get("again") and number == 1:
        problems.append(f"{where}: again needs a turn before it, whose reply is said again.")
    if good.get("answered") is False and (wanted := [k for k in ("words", "again", "latency_ms") if good.get(k)]):
        problems.append(f"{where}: answered = false leaves nothing to ask of {' and '.join(wanted)}.")


def _call(table: Any, where: str, problems: list[str]) -> Call:
    if not isinstance(table, dict):
        problems.append(f'{where}: each of tools is a table such as {{ name = "get_time" }}, not {shown(table)}.')
        return Call("")
    good = _fitting(table, OF_CALL, f"{where}: tools", problems)
    if "name" not in table:
        problems.append(f"{where}: each of tools needs a name.")
    return Call(str(good.get("name", "")), good.get("arguments", {}))


def read_all(places: list[Path], problems: list[str]) -> list[Scenario]:
    """Those of all these files, and of all *.toml files in these folders, by name."""
    files: list[Path] = []
    for place in places:
        inside = sorted(place.glob("*.toml")) if place.is_dir() else [place]
        if not inside:
            problems.append(f"{place} has no scenario (*.toml) in it.")
        files += inside
    found = [read(file, problems) for file in dict.fromkeys(files)]
    names = [one.name for one in found if one is not None]
    problems += [f"There are two scenarios called {name}." for name in sorted(set(names)) if names.count(name) > 1]
    return [one for one in found if one is not None]
