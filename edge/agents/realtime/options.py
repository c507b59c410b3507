"""What the client is told beside the session: money and the line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.config import Price
from edge.core.history import History


def nothing(_most: int) -> str:
    """What is known of a person by default."""
    return ""


@dataclass(frozen=True, slots=True)
class Options:
    """A `cold` line is opened at a press and closed after `idle_s` at rest; otherwise it is kept open.

    `price` is the model's and `heard` the transcription's, None where nobody knows it. `history` may be other engines'
    as well; `told` gives what is known of the person, in so many characters, which comes behind the instructions;
    `trace` a turn's trace id, which the server finds at the end of our event ids.
    """

    price: Price | None = None
    cold: bool = False
    idle_s: float = 60.0
    currency: str = "USD"
    heard: Price | None = None
    history: History | None = None
    told: Callable[[int], str] = nothing
    trace: Callable[[int], str] = nothing
