"""The day's money."""

from __future__ import annotations

from datetime import date

from edge.core.budget import Budget

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def test_what_is_spent_adds_up_until_the_day_is_over() -> None:
    """And the next one begins with nothing."""
    budget = Budget(1.0)
    budget.spend(0.4, MONDAY)
    budget.spend(0.6, MONDAY)
    assert (budget.spent, budget.used_up) == (1.0, True)
    budget.turn_to(TUESDAY)
    assert (budget.spent, budget.used_up) == (0.0, False)


def test_no_limit_is_never_used_up() -> None:
    """Zero is no limit, not no money."""
    budget = Budget()
    budget.spend(1e6, MONDAY)
    assert not budget.used_up


def test_a_clock_that_steps_back_gives_no_money() -> None:
    """Or a wrong clock would be worth a second budget."""
    budget = Budget(1.0)
    budget.spend(1.0, TUESDAY)
    budget.turn_to(MONDAY)
    assert budget.used_up
    budget.spend(0.5, MONDAY)
    assert (budget.day, budget.spent) == (TUESDAY, 1.5)


def test_a_clock_that_was_years_ahead_does_not_shut_the_device_for_years() -> None:
    """What was spent stays spent for the day."""
    budget = Budget(1.0)
    budget.spend(1.0, date(2099, 1, 1))
    budget.turn_to(MONDAY)
    assert budget.used_up
    budget.turn_to(TUESDAY)
    assert not budget.used_up


def test_the_person_is_told_once_a_day() -> None:
    """And not when the limit itself is told."""
    budget = Budget(2.0, warn=1.0)
    budget.spend(0.9, MONDAY)
    assert (budget.warns(), budget.state) == (False, "open")
    budget.spend(0.2, MONDAY)
    assert (budget.warns(), budget.warns(), budget.state) == (True, False, "warned")
    budget.spend(1.5, TUESDAY)
    assert budget.warns()
    budget.spend(1.5, TUESDAY)
    assert (budget.warns(), budget.state) == (False, "used up")


def test_a_day_that_jumps_over_the_notice_is_not_told_twice() -> None:
    """The limit says more."""
    budget = Budget(2.0, warn=1.0)
    budget.spend(5.0, MONDAY)
    assert not budget.warns()
    assert not Budget().warns()
