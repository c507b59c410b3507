"""The id by which everything of one turn is found, from the press to the vendor's own ids: W3C's trace id. Pure."""

from __future__ import annotations

from hashlib import blake2b


def trace_of(run: str, turn: int) -> str:
    """32 hexadecimal digits; `run` is the process' own random word, so the same turn always has the same id."""
    return blake2b(f"{run} {turn}".encode(), digest_size=16).hexdigest()


def span_of(trace: str, name: str) -> str:
    """16 hexadecimal digits: the id of a part of the turn."""
    return blake2b(f"{trace} {name}".encode(), digest_size=8).hexdigest()
