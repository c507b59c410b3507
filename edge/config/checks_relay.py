"""What no single key of [relay] can tell."""

from __future__ import annotations

from collections.abc import Iterator

from edge.config.merging import shown
from edge.config.relay import Relay
from edge.config.web import origin_of


def wrong_relay(relay: Relay) -> Iterator[str]:
    """All mistakes in it."""
    if relay.url and not is_relay(relay.url):
        yield (
            f"relay.url = {shown(relay.url)} must be scheme, host and perhaps port; one looks like https://voice.example."
        )


def is_relay(url: str) -> bool:
    """Whether it is the address of a relay: an origin."""
    return origin_of(url) == url.rstrip("/").lower()
