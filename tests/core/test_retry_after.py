"""How long a server wants to be left alone, whatever it sends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.retry_after import MOST_S, seconds

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("", 0),
        ("120", 120),
        ("1.5", 1.5),
        (" 20 ", 20),
        ("inf", MOST_S),
        ("-inf", 0),
        ("NaN", 0),
        ("Tue, 24 Nov 2026 12:01:00 GMT", 60),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),  # over, or our clock is wrong
        ("Tue, 24 Nov 2026 13:01:00 +0100", 60),
        ("Tue, 24 Nov 2026 12:01:00 -0000", 0),  # no zone
        ("Tue, 24 Nov 9999 12:01:00 GMT", MOST_S),
        ("Tue, 99 Nov 2026 12:01:00 GMT", 0),
        ("\0", 0),
        ("1 Jul 2026 0:3000000000", 0),
    ],
)
def test_retry_after(header: str, wait: float) -> None:
    assert seconds(header, NOW) == wait


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ ([A-Z]+|[+-]\d+)"))
def test_retry_after_is_a_number_within_reason_whatever_is_sent(header: str) -> None:
    assert 0 <= seconds(header, NOW) <= MOST_S
