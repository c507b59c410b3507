"""Checks run side by side, in lanes, within their time; one that hangs holds nobody up."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from edge.doctor.checks import Check, Result, Results, Round, State, skipped, well

WAIT_S = 10.0


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """What a stuck driver waits for; let go at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def hanging(name: str, never: threading.Event, lane: str = "") -> Check:
    def run() -> Results:
        never.wait(WAIT_S)
        return [well("after all")]

    return Check(name, run, lane, "Pull the plug.", limit_s=0.05)


def good(name: str, lane: str = "") -> Check:
    return Check(name, lambda: [well(name)], lane)


def test_in_the_order_given_and_all_their_results() -> None:
    two = Check("two", lambda: [well("a"), well("b")])
    begun = Round([good("one"), two, good("three")])
    assert [(check.name, [one.found for one in results]) for check, results in begun.results()] == [
        ("one", ["one"]), ("two", ["a", "b"]), ("three", ["three"]),
    ]  # fmt: skip


def test_those_without_a_lane_run_at_once() -> None:
    """Each waits for the other."""
    both = threading.Barrier(2)

    def meet() -> Results:
        both.wait(WAIT_S)
        return [well("met")]

    results = [one for _, one in Round([Check("a", meet), Check("b", meet)]).results()]
    assert results == [[well("met")], [well("met")]]


def test_those_of_a_lane_wait_for_each_other() -> None:
    inside, most = [0], [0]

    def enter() -> Results:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        threading.Event().wait(0.01)
        inside[0] -= 1
        return [well("left")]

    assert len(list(Round([Check(str(i), enter, "narrow") for i in range(4)]).results())) == 4
    assert most == [1]


def test_one_that_hangs_is_given_up_with_what_waits_behind_it(never: threading.Event) -> None:
    begun = Round([hanging("stuck", never, "sound"), good("behind", "sound"), good("beside")])
    results = [one for _, (one,) in begun.results()]
    assert results == [
        Result(State.FAIL, "No answer within 0 s.", "Pull the plug."),
        skipped("Not tried: what comes before it hangs."),
        well("beside"),
    ]


def test_two_that_hang_alone_are_not_each_others_fault(never: threading.Event) -> None:
    begun = Round([hanging("a", never), hanging("b", never), good("c")])
    assert [one.state for _, (one,) in begun.results()] == [State.FAIL, State.FAIL, State.WELL]


def test_a_check_that_breaks_is_told_and_the_next_goes_on() -> None:
    def broken() -> Results:
        raise ValueError("a fault of ours")

    results = [one for _, (one,) in Round([Check("broken", broken, "lane"), good("next", "lane")]).results()]
    assert results[0].state is State.FAIL
    assert "ValueError('a fault of ours')" in results[0].found
    assert results[1] == well("next")
