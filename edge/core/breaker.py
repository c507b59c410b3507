"""Whether a service that has failed may be asked again. Pure."""

from __future__ import annotations

from edge.core.chain import Fault
from edge.core.retry import Backoff

FIRST_S, CEILING_S = 3.0, 120.0
# A refused key, an empty account, a model that has gone: only a person can help, and may have done so.
FIRST_REFUSED_S, CEILING_REFUSED_S = 300.0, 3600.0
REFUSALS = frozenset({Fault.KEY, Fault.QUOTA, Fault.REQUEST})


class Breaker:
    """Closed at first; open for a while after each failure; after that one request shows whether it works again."""

    def __init__(self, backoff: Backoff | None = None, refused: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff(FIRST_S, CEILING_S)
        self._refused = refused or Backoff(FIRST_REFUSED_S, CEILING_REFUSED_S)
        self.until = 0.0  # not asked before
        self.problem = ""

    def allows(self, now: float) -> bool:
        """Whether it may be asked."""
        return now >= self.until

    def failed(self, now: float, fault: Fault, message: str, retry_after: float = 0.0) -> None:
        """It has not done its work."""
        wait = (self._refused if fault in REFUSALS else self._backoff).next()
        self.until, self.problem = now + max(wait, retry_after), message

    def worked(self) -> None:
        """It has."""
        self._backoff.reset()
        self._refused.reset()
        self.until, self.problem = 0.0, ""
