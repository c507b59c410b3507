"""What is asked of every program that is measured through the sound cards."""

from __future__ import annotations

from typing import Protocol

RATE = 24_000  # of the reply
REPLY_S = 20.0


class Program(Protocol):
    """A voice program on a rig that is up: it can be made to speak, and a voice may interrupt it."""

    name: str

    def begin(self, offset_s: float) -> None:
        """Let it say `REPLY_S` of the recording, from a place on. It is silent now."""

    def rest(self) -> None:
        """Silence it, and wait until it has done with whatever it heard; raises TimeoutError."""
