"""The header Retry-After (RFC 9110, 10.2.3). Pure."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

MOST_S = 600.0  # a server that asks for more is asked again all the same


def seconds(retry_after: str, now: datetime) -> float:
    """A number of seconds or a date, as seconds within reason; 0 when it says nothing."""
    try:
        wait = float(retry_after)
    except ValueError:
        try:
            wait = (parsedate_to_datetime(retry_after) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
            return 0.0
    return min(max(0.0, wait), MOST_S) if wait == wait else 0.0  # noqa: PLR0124  nan
