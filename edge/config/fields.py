"""How the keys of the configuration are declared: default, meaning, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any


def setting(default: Any, about: str, low: float | None = None, high: float | None = None,
            choices: tuple[str, ...] = ()) -> Any:  # fmt: skip
    """A key with its limits; `about` is shown by `config show`."""
    factory = {"default": default}
    return field(**factory, metadata={"about": about, "low": low, "high": high, "choices": choices})


def named(placeholder: str, about: str, entries: Mapping[str, Any] | None = None) -> Any:
    """A section of sections whose names are the owner's; `entries` are there without a file."""
    built_in = dict(entries or {})
    return field(default_factory=lambda: dict(built_in), metadata={"about": about, "placeholder": placeholder})
