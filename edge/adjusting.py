"""Settings that can be changed while the device runs, within the bounds of the configuration, until it restarts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

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
    "sounds.offline", "sounds.thinking", "sounds.reports", "sounds.volume",
)  # fmt: skip


class Adjusting:
    """The command `settings`: {"conversation.follow_up_s": 8} sets, nothing tells them all with their bounds."""

    def __init__(self, now: Callable[[], Config], apply: Callable[[Config], None]) -> None:
        self._now, self._apply = now, apply

    def settings(self, argument: object = None) -> Fields:
        """Raises UsageError for what is no such setting, or out of bounds; then nothing is changed."""
        if argument is not None:
            if not isinstance(argument, dict) or not argument:
                raise UsageError('Settings look like {"conversation.follow_up_s": 8}.')
            self._apply(self._changed(argument))
        return {"settings": {key: self._shown(key) for key in KEYS}, "until": "restart"}

    def _changed(self, given: dict[Any, Any]) -> Config:
        problems = [f"{str(key)[:60]} is not set from here." for key in given if key not in KEYS]
        sections: dict[str, dict[str, Any]] = {}
        for path, value in given.items():
            section, _, key = str(path).partition(".")
            sections.setdefault(section, {})[key] = value
        config = self._now()
        if not problems:
            config = merge(config, sections, "settings", problems)
            problems += wrong(config) if not problems else []
        if problems:
            raise UsageError("\n".join(problems))
        return config

    def _shown(self, path: str) -> Fields:
        section, _, key = path.partition(".")
        struct = getattr(self._now(), section)
        about = next(one.metadata for one in fields(struct) if one.name == key)
        return {"value": getattr(struct, key), "low": about["low"], "high": about["high"], "about": about["about"]}
