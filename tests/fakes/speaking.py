"""How a fake voice sounds, and what can go wrong with it, whatever the protocol.

20 ms for every character, each with a level of its own, so that what arrives can be compared byte by byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

RATE = 24_000
CHAR_MS = 20
CHAR_BYTES = 2 * RATE * CHAR_MS // 1000
TAG = re.compile(r"\[[^\[\]]*\] ?")


def spoken(text: str) -> bytes:
    """s16le, mono, 24 kHz."""
    levels = [ord(char) * 37 % 20_000 - 10_000 for char in text]
    return np.repeat(np.array(levels, "<i2"), CHAR_BYTES // 2).tobytes()


@dataclass
class Faults:
    """What goes wrong, until it is set back. Pieces are those of sound, counted over all replies."""

    status: int = 0  # of every request and handshake
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    error: tuple[str, str] | None = None  # name and message, told in place of the first sound
    stall_handshake: bool = False
    silent: bool = False  # takes everything and says nothing
    first_s: float = 0.0  # between a text and its sound
    drip_s: float = 0.0  # before every piece
    freeze_at: int | None = None  # neither reads nor writes any more, from this piece on
    drop_at: int | None = None
    malformed_at: int | None = None
    malformed: str = '{"audio": "AAAA", "alig'
    sent: int = 0

    def now(self, at: int | None) -> bool:
        """Whether the piece about to be sent is the one."""
        return at is not None and self.sent >= at
