"""A contact's edges without its bouncing. Pure.

The first edge counts at once: waiting until a contact is still, as a kernel's or pigpio's filter does, would make each
press so much later. What the contact does within `settle_s` after that counts when the time is over, if it has stayed.
"""

from __future__ import annotations


class Debounce:
    """Give it the level at every edge, and once more at each `deadline`."""

    def __init__(self, settle_s: float, *, closed: bool) -> None:
        self.closed = closed  # as last told
        self.deadline: float | None = None  # until then, nothing counts
        self._settle_s = settle_s

    def moved(self, closed: bool, now: float) -> bool:
        """The contact's level now; returns whether that is a change to be told."""
        if self.deadline is not None and now < self.deadline:
            return False
        changed = closed is not self.closed
        self.closed = closed
        self.deadline = now + self._settle_s if changed else None
        return changed
