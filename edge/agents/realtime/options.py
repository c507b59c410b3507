"""What the client is told beside the session: money and the line."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config import Price


@dataclass(frozen=True, slots=True)
class Options:
    """A `cold` line is opened at a press and closed after `idle_s` at rest; otherwise it is kept open.

    `price` is the model's and `heard` the transcription's, None where nobody knows it.
    """

    price: Price | None = None
    cold: bool = False
    idle_s: float = 60.0
    currency: str = "USD"
    heard: Price | None = None
