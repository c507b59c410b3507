"""How a voice's service is named in what its owner reads."""

from __future__ import annotations

from edge.agents.chained.faults import Service
from edge.config import Tts


def service(vendor: str, kind: str, name: str, config: Tts, key: str) -> Service:
    """`vendor` as people know it; an entry with an address of its own is named with it."""
    credential = f"{kind}_api_key" if config.kind in {"", name} else f"{name}_api_key"
    return Service(f"{vendor} ({name})" if config.url else vendor, f"tts.{name}", credential, key)
