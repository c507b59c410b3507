"""Delays between tries."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from edge.core.retry import Backoff


@given(st.integers(0, 2**32), st.floats(0.01, 5.0), st.floats(1.0, 600.0))
def test_delay_lies_under_a_growing_ceiling(seed: int, first: float, ceiling: float) -> None:
    """At least a tenth of it; never above the greatest; for thousands of tries."""
    backoff = Backoff(first, ceiling, random.Random(seed))
    for attempt in range(40):
        top = min(ceiling, first * 2.0**attempt)
        assert top / 10 <= backoff.next() <= top


def test_delays_are_spread_over_the_whole_range() -> None:
    """Full jitter: a fleet does not come back in step."""
    draws = [Backoff(1.0, 60.0, random.Random(seed), attempt=10).next() for seed in range(1000)]
    assert min(draws) < 10
    assert max(draws) > 55
    assert 30 < sum(draws) / len(draws) < 36


def test_endless_tries_do_not_overflow() -> None:
    """A device that is offline for a year."""
    assert Backoff(attempt=10**6).next() <= 60.0


def test_reset_begins_small_again() -> None:
    """After a success."""
    backoff = Backoff(attempt=9)
    backoff.reset()
    assert backoff.next() <= 0.5


def test_two_devices_draw_differently() -> None:
    """No shared or fixed seed."""
    assert [Backoff(attempt=8).next() for _ in range(3)] != [Backoff(attempt=8).next() for _ in range(3)]
