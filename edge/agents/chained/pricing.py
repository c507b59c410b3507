"""What the use of a service has cost. Pure."""

from __future__ import annotations

from math import ceil

from edge.config import Price
from edge.core.chain import Used

PER = 1_000_000  # prices are per so many tokens or characters


def amounts(used: Used) -> dict[str, int]:
    """By kind, in whole units; begun seconds count."""
    return {kind: ceil(amount) for kind, amount in used.amounts.items() if amount}


def cost(used: Used, price: Price | None) -> float | None:
    """The money; None where the price is not known, which is not nothing."""
    if price is None:
        return None
    total = used.amounts.get("audio_seconds", 0.0) / 60 * price.audio_minute
    for kind, amount in used.amounts.items():
        if kind != "audio_seconds":
            total += amount * float(getattr(price, kind)) / PER
    return total
