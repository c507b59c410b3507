"""Contacts that bounce: what counts, and when."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.core.debounce import Debounce

SETTLE_S = 0.015


def told(*moves: tuple[float, bool], settle_s: float = SETTLE_S) -> list[tuple[float, bool]]:
    """What is told of these levels, by a caller who comes back at each deadline."""
    debounce, out, level = Debounce(settle_s, closed=False), [], False
    for at, closed in (*moves, (1e9, moves[-1][1])):
        while debounce.deadline is not None and debounce.deadline <= at:
            due = debounce.deadline
            if debounce.moved(level, due):
                out.append((due, debounce.closed))
        level = closed
        if debounce.moved(closed, at):
            out.append((at, debounce.closed))
    return out


def test_the_first_edge_counts_at_once() -> None:
    assert told((1.0, True), (2.0, False)) == [(1.0, True), (2.0, False)]


def test_bouncing_is_one_press() -> None:
    assert told((1.0, True), (1.001, False), (1.002, True), (1.2, False), (1.203, True), (1.204, False)) == [
        (1.0, True),
        (1.2, False),
    ]


def test_a_press_shorter_than_the_settling_is_still_released() -> None:
    """Else the button would hang."""
    assert told((1.0, True), (1.005, False)) == [(1.0, True), (1.0 + SETTLE_S, False)]


def test_without_settling_every_edge_counts() -> None:
    assert told((1.0, True), (1.001, False), (1.002, True), settle_s=0.0) == [
        (1.0, True),
        (1.001, False),
        (1.002, True),
    ]


def test_a_caller_who_comes_too_soon() -> None:
    debounce = Debounce(SETTLE_S, closed=True)
    assert debounce.moved(False, 5.0)
    assert not debounce.moved(True, 5.01)
    assert not debounce.closed
    assert not debounce.moved(False, 5.02)
    assert debounce.deadline is None


edges = st.lists(st.tuples(st.booleans(), st.floats(0.0001, 0.1)), min_size=1, max_size=60)


@given(edges)
def test_changes_alternate_keep_apart_and_end_where_the_contact_is(steps: list[tuple[bool, float]]) -> None:
    at, moves = 0.0, []
    for closed, later in steps:
        at += later
        moves.append((at, closed))
    out = told(*moves)
    assert [closed for _, closed in out] == [n % 2 == 0 for n in range(len(out))]
    assert all(after - before >= SETTLE_S - 1e-9 for (before, _), (after, _) in pairwise(out))
    assert (out[-1][1] if out else False) is steps[-1][0]
