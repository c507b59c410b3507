"""Samples between base64 and int16."""

from __future__ import annotations

import binascii

from edge.agents.realtime.reading import WireError

RATE = 24_000  # the only PCM rate of the protocol, both ways
BYTES_PER_MS = RATE * 2 // 1000


def to_base64(pcm: bytes) -> str:
    """Audio as the protocol carries it."""
    return binascii.b2a_base64(pcm, newline=False).decode("ascii")


def from_base64(encoded: str) -> bytes:
    """The audio; raises WireError for anything that is no base64.

    Each delta stands for itself. Padding that a server left off is put back; a stream cut within four
    letters is refused, since the pieces cannot be told from sound.
    """
    missing = -len(encoded) % 4
    if missing == 3:  # noqa: PLR2004 - a last group of one letter holds no byte
        raise WireError("audio is base64 cut short")
    try:
        return binascii.a2b_base64(encoded + "=" * missing if missing else encoded, strict_mode=True)
    except ValueError:  # binascii.Error is one; letters beyond ASCII are another
        raise WireError("audio is no base64") from None


def duration_ms(size: int) -> int:
    """How long this many bytes sound, rounded down: a truncation must never claim more than there was."""
    return size // BYTES_PER_MS


class Joiner:
    """Keeps the half sample at the end of a delta until its other half comes with the next one."""

    def __init__(self) -> None:
        self._half = b""

    def feed(self, pcm: bytes) -> bytes:
        """Whole samples."""
        if not self._half and not len(pcm) % 2:
            return pcm
        whole = self._half + pcm
        cut = len(whole) - len(whole) % 2
        self._half = whole[cut:]
        return whole[:cut]
