"""Quantiles and forecasts, by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from edge.core.reckoning import at_share, forecast, month_so_far

DAY = date(2026, 11, 10)  # twenty days are left


def test_a_quantile_is_one_of_the_values() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [at_share(values, share) for share in (0.0, 0.5, 0.95, 1.0)] == [1.0, 3.0, 5.0, 5.0]
    assert at_share([7.0], 0.5) == 7.0
    assert at_share([], 0.5) is None


def test_the_month_is_this_years() -> None:
    costs = {DAY: 1.0, date(2026, 11, 1): 2.0, date(2026, 10, 31): 4.0, date(2025, 11, 10): 8.0}
    assert month_so_far(costs, DAY) == 3.0


def test_a_first_day_is_taken_for_all_that_follow() -> None:
    assert forecast({DAY: 0.5}, DAY) == pytest.approx(0.5 * 21)


def test_days_without_a_word_count_as_days() -> None:
    """7 in the last week, of which two days were used: 1 a day."""
    costs = {DAY - timedelta(1): 3.0, DAY - timedelta(7): 4.0, DAY - timedelta(8): 100.0, DAY: 0.25}
    assert forecast(costs, DAY) == pytest.approx(107.25 + 0.75 + 20 * 1.0)


def test_before_a_week_is_known_fewer_days_tell() -> None:
    assert forecast({DAY - timedelta(2): 2.0, DAY: 3.0}, DAY) == pytest.approx(5.0 + 20 * 1.0)


def test_nothing_spent_is_nothing_to_come() -> None:
    assert forecast({}, DAY) == 0.0
