"""A microphone that delivers, and hears nothing: the same sample over and over.

Zeros may be right: arrays and sound servers that suppress noise give them in a quiet room. Any other value that never
changes is no room's.
"""

from __future__ import annotations

from edge.audio.ring import Ring

LOOK_BACK_S = 0.25  # of what has come, at each look
STUCK_S = 2.0  # in a quiet room the last bit of a converter moves within a few milliseconds
# Cards that deliver only zeros after a suspend do so until they are opened again. In a room that is quiet that often,
# it is done ever more rarely.
REVIVE_S, RAREST_S = 60.0, 3600.0


class Flat:
    """Looked at regularly; every channel counts."""

    def __init__(self) -> None:
        self._value: bytes | None = None  # the frame that all others are like
        self._since = 0.0
        self._read = 0  # position that the last look came to
        self._patience = REVIVE_S
        self.silent = False  # for STUCK_S at least

    def opened(self) -> None:
        """There is a new ring."""
        self._value, self._read = None, 0

    def look(self, ring: Ring, now: float) -> bool:
        """Whether it is stuck."""
        written = ring.written
        count = min(written - self._read, round(LOOK_BACK_S * ring.rate))
        if count <= 0:
            return False
        raw, _ = ring.read(written - count, count)
        self._read = written
        first = raw[:1].tobytes() if len(raw) and (raw == raw[0]).all() else None
        if first != self._value:
            self._value, self._since = first, now
        lasting = first is not None and now - self._since >= STUCK_S
        if first is None:
            self._patience = REVIVE_S
        self.silent = lasting and not self.doubtful
        return lasting and self.doubtful

    def wants_reviving(self, now: float) -> bool:
        """Whether it should be opened anew, for it has been silent for long."""
        if not self.silent or now - self._since < self._patience:
            return False
        self._patience = min(RAREST_S, 2 * self._patience)
        return True

    @property
    def doubtful(self) -> bool:
        """Whether all that came last is one and the same, and not silence."""
        return self._value is not None and any(self._value)
