"""Settings that can be changed while the device runs, within the bounds of the configuration.

They outlive a restart for as long as the configuration says the same of them: whoever edits the file has the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any, Protocol

from edge.config import Config
from edge.config.checks import wrong
from edge.config.merging import merge
from edge.errors import UsageError
from edge.ports import Fields

# What Assembly.apply takes over at once; the volume has a command of its own.
KEYS = (
    "conversation.end_silence_ms", "conversation.least_silence_ms", "conversation.most_silence_ms",
    "conversation.unfinished_silence_ms", "conversation.no_speech_s", "conversation.follow_up_s",
    "conversation.max_turn_s", "conversation.reply_s", "sounds.start", "sounds.end", "sounds.mute", "sounds.error",
    "sounds.offline", "sounds.thinking", "sounds.check", "sounds.reports", "sounds.volume",
)  # fmt: skip


Wish = tuple[object, object]  # what an owner set, and what was configured then


class Shelf(Protocol):
    """Where they are kept (host.state.Wishes)."""

    def load(self) -> dict[str, Wish]:
        """By the setting's name."""

    def keep(self, wishes: Mapping[str, Wish]) -> None:
        """Instead of those before."""


def adjusted(config: Config, wishes: Mapping[str, Wish]) -> Config:
    """A configuration as it was read, with the wishes that still hold."""
    for name, (wish, configured) in wishes.items():
        if name in KEYS and _value(config, name) == configured:
            with suppress(UsageError):  # of another release, whose bounds were others
                config = _merged(config, {name: wish})
    return config


class Adjusting:
    """The command `settings`: {"conversation.follow_up_s": 8} sets, nothing tells them all with their bounds.

    None instead of a value goes back to what is configured.
    """

    def __init__(self, now: Callable[[], Config], apply: Callable[[Config], None], shelf: Shelf | None = None) -> None:
        self._now, self._apply, self._shelf = now, apply, shelf
        kept = shelf.load() if shelf is not None else {}
        self._wishes = {name: wish for name, wish in kept.items() if name in KEYS and _value(now(), name) == wish[0]}

    def settings(self, argument: object = None) -> Fields:
        """Raises UsageError for what is no such setting, or out of bounds; then nothing is changed."""
        if argument is not None:
            if not isinstance(argument, dict) or not argument:
                raise UsageError('Settings look like {"conversation.follow_up_s": 8}.')
            self._change(argument)
        return {"settings": {key: self._shown(key) for key in KEYS}}

    def _change(self, given: dict[Any, Any]) -> None:
        problems = [f"{str(key)[:60]} is not set from here." for key in given if key not in KEYS]
        if problems:
            raise UsageError("\n".join(problems))
        before = self._now()
        configured = {key: self._wishes[key][1] if key in self._wishes else _value(before, key) for key in given}
        config = _merged(before, {key: configured[key] if value is None else value for key, value in given.items()})
        self._apply(config)
        for key in given:
            value = _value(config, key)
            self._wishes.pop(key, None)
            if value != configured[key]:
                self._wishes[key] = (value, configured[key])
        if self._shelf is not None:
            self._shelf.keep(self._wishes)

    def _shown(self, path: str) -> Fields:
        section, _, key = path.partition(".")
        config = self._now()
        about = next(one.metadata for one in fields(getattr(config, section)) if one.name == key)
        shown = {"value": _value(config, path), "low": about["low"], "high": about["high"], "about": about["about"]}
        wish = self._wishes.get(path)
        return shown if wish is None else {**shown, "configured": wish[1]}


def _value(config: Config, path: str) -> object:
    section, _, key = path.partition(".")
    return getattr(getattr(config, section), key)


def _merged(config: Config, given: Mapping[str, object]) -> Config:
    sections: dict[str, dict[str, Any]] = {}
    for path, value in given.items():
        section, _, key = path.partition(".")
        sections.setdefault(section, {})[key] = value
    problems = list[str]()
    config = merge(config, sections, "settings", problems)
    problems += wrong(config) if not problems else []
    if problems:
        raise UsageError("\n".join(problems))
    return config
