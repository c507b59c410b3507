"""What a bus does, whichever it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from edge.errors import EdgeVoiceError

ANSWER_S = 2.0  # that a device has for a command
KEPT_S = 45.0  # a device whose process says no more about it is offline after so long
RENEW_S = 15.0  # how often it says so

Json = dict[str, Any]


class Gone(EdgeVoiceError):
    """The device has no link now."""


class NoAnswer(EdgeVoiceError):
    """It has one, and has not answered within ANSWER_S."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device is linked. Of two links the one with the greater epoch is the device's."""

    node: str
    epoch: int
    about: Mapping[str, Any] = field(default_factory=dict)


class Listener(Protocol):
    """What a process does with that which comes over the bus."""

    async def asked(self, device: str, epoch: int, request: Json) -> Json:
        """Another process has a command for a device that is linked here; raises Gone, NoAnswer."""

    def replaced(self, device: str, epoch: int) -> None:
        """It has a newer link elsewhere."""

    def happened(self, device: str, text: str) -> None:
        """A message of a device that is watched here and linked elsewhere."""

    def watched(self, device: str) -> None:
        """Whether another process watches a device that is linked here may have changed."""

    def told(self, what: str, device: str) -> None:
        """Something that concerns every process, `spread` by one."""


class Bus(Protocol):
    """A process is known by its node. What cannot be said for a while costs no link: see RedisBus."""

    def attach(self, listener: Listener) -> None:
        """Before `living`."""

    def living(self) -> AbstractAsyncContextManager[None]:
        """As long as the process serves."""

    async def claim(self, device: str, about: Json) -> int:
        """It is linked here now; whoever had it is told. Returns the link's epoch, greater than any before."""

    async def release(self, device: str, epoch: int) -> None:
        """That link is over; a newer one is left alone."""

    def describe(self, device: str, epoch: int, about: Json) -> None:
        """What is shown of it has changed; told to the others within a second."""

    async def where(self, devices: Iterable[str]) -> dict[str, Place]:
        """Those that are linked anywhere."""

    async def ask(self, device: str, request: Json) -> Json:
        """The answer of a device that is linked elsewhere; raises Gone, NoAnswer."""

    def watch(self, device: str) -> None:
        """Somebody here wants its messages."""

    def unwatch(self, device: str) -> None:
        """Nobody here does any more."""

    def is_watched(self, device: str) -> bool:
        """Whether another process watches it."""

    def pass_on(self, device: str, text: str, *, droppable: bool) -> None:
        """A message of a device that is linked here, to the processes that watch it."""

    async def spread(self, what: str, device: str) -> None:
        """Tell all processes, this one too."""
