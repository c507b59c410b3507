"""What a response has cost, in tokens and in money. Pure."""

from __future__ import annotations

from dataclasses import asdict
from math import ceil

from edge.agents.realtime.usage import HeardUsage, Usage
from edge.config import Price

PER = 1_000_000  # prices are per so many tokens


def tokens(usage: Usage | HeardUsage) -> dict[str, int]:
    """The tokens by kind that there were; begun seconds, which some transcriptions are billed by, count as a kind."""
    return {kind: ceil(count) for kind, count in asdict(usage).items() if count}


def cost(usage: Usage, price: Price) -> float:
    """The money for a response: cached tokens are a part of the input that costs less."""
    return (
        usage.fresh_text * price.text_in
        + usage.fresh_audio * price.audio_in
        + usage.fresh_image * price.image_in
        + usage.cached_text * price.text_cached
        + usage.cached_audio * price.audio_cached
        + usage.cached_image * price.image_cached
        + usage.output_text * price.text_out
        + usage.output_audio * price.audio_out
    ) / PER


def heard_cost(usage: HeardUsage, price: Price) -> float:
    """The money for a transcription, by tokens or by the minute."""
    given = usage.input_text * price.text_in + usage.input_audio * price.audio_in
    return (given + usage.output_text * price.text_out) / PER + usage.seconds / 60 * price.audio_minute


def money(usage: Usage | HeardUsage, price: Price | None, heard_price: Price | None) -> float | None:
    """The money for either; None where the price is not known, which is not nothing."""
    if isinstance(usage, HeardUsage):
        return None if heard_price is None else heard_cost(usage, heard_price)
    return None if price is None else cost(usage, price)
