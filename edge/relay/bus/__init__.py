"""How the processes of a relay find the devices that are linked to another one: in memory, or through Redis."""

from __future__ import annotations

from edge.config import Config
from edge.relay.bus.memory import MemoryBus
from edge.relay.bus.port import Bus, Gone, Listener, NoAnswer, Place

__all__ = ["Bus", "Gone", "Listener", "MemoryBus", "NoAnswer", "Place", "open_bus"]


def open_bus(config: Config, node: str) -> Bus:
    """The one that the configuration asks for; it begins with `living`."""
    if not config.server.redis:
        return MemoryBus(node)
    from edge.relay.bus.shared import RedisBus

    return RedisBus(config, node)
