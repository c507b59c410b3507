"""The bus of a relay that is one process: everything is here."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from edge.relay.bus.port import Gone, Json, Listener, Place


class Epochs:
    """Numbers that only grow, over a restart too, as long as the wall's clock is not set back."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now, self._last = now, 0

    def next(self) -> int:
        """Milliseconds since 1970, or one more than the last."""
        self._last = max(self._last + 1, int(self._now() * 1000))
        return self._last


class MemoryBus:
    """See port.Bus."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._epochs = Epochs()
        self._places: dict[str, Place] = {}
        self._listener: Listener | None = None

    def attach(self, listener: Listener) -> None:
        """See port.Bus."""
        self._listener = listener

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """See port.Bus."""
        yield

    async def claim(self, device: str, about: Json) -> int:
        """See port.Bus."""
        epoch = self._epochs.next()
        self._places[device] = Place(self._node, epoch, about)
        return epoch

    async def release(self, device: str, epoch: int) -> None:
        """See port.Bus."""
        found = self._places.get(device)
        if found is not None and found.epoch <= epoch:
            del self._places[device]

    def describe(self, device: str, epoch: int, about: Json) -> None:
        """See port.Bus."""
        found = self._places.get(device)
        if found is not None and found.epoch == epoch:
            self._places[device] = Place(self._node, epoch, about)

    async def where(self, devices: Iterable[str]) -> dict[str, Place]:
        """See port.Bus."""
        return {device: self._places[device] for device in devices if device in self._places}

    async def ask(self, device: str, request: Json) -> Json:  # noqa: ARG002  as the port has it
        """See port.Bus: what is not here is nowhere."""
        raise Gone("The device is offline.")

    def watch(self, device: str) -> None:
        """See port.Bus."""

    def unwatch(self, device: str) -> None:
        """See port.Bus."""

    def is_watched(self, device: str) -> bool:  # noqa: ARG002  by another process: there is none
        """See port.Bus."""
        return False

    def pass_on(self, device: str, text: str, *, droppable: bool) -> None:
        """See port.Bus."""

    async def spread(self, what: str, device: str) -> None:
        """See port.Bus."""
        if self._listener is not None:
            self._listener.told(what, device)
