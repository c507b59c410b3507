"""Timers ring once, none is lost, and the tools say in words what cannot be done."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.tools.registry import Registry
from edge.tools.timers import MAX_TIMERS, Timer, Timers, timer_tools

NOW = datetime(2026, 11, 24, 15, 10, tzinfo=UTC)


class Bench:
    """Timers with their tools and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers = Timers()
        self.tools = Registry(timer_tools(self.timers, lambda: self.now))

    def run(self, tool: str, **arguments: object):
        return self.tools.run(tool, arguments, NOW)


@pytest.fixture
def bench():
    return Bench()


def test_a_timer_rings_once_at_its_deadline():
    timers = Timers()
    timer = timers.set(100.0, 60, "pasta")
    assert timers.next_deadline(100.0) == 160.0
    assert timers.due(159.9) == ()
    assert timers.next_deadline(170.0) == 170.0
    assert timers.due(160.0) == (timer,)
    assert timers.due(1e9) == ()
    assert timers.next_deadline(160.0) is None


def test_no_more_than_the_limit(bench):
    for _ in range(MAX_TIMERS):
        assert "error" not in bench.run("set_timer", seconds=60)
    assert bench.run("set_timer", seconds=60)["error"].startswith("There are 32 timers already")
    bench.timers.due(1e9)
    assert bench.run("set_timer", seconds=60) == {"name": "", "seconds": 60}


@pytest.mark.parametrize("seconds", [0, -5, 7 * 86_400 + 1, "ten"])
def test_lengths_that_cannot_be_are_told(bench, seconds):
    assert "seconds" in bench.run("set_timer", seconds=seconds)["error"]
    assert bench.timers.find() == ()


def test_list_gives_the_time_left_soonest_first(bench):
    bench.run("set_timer", seconds=600, name="pasta")
    bench.run("set_timer", seconds=60)
    bench.now += 10.4
    assert bench.run("list_timers") == {
        "timers": [
            {"name": "", "seconds": 60, "seconds_left": 50},
            {"name": "pasta", "seconds": 600, "seconds_left": 590},
        ]
    }
    assert [timer["name"] for timer in bench.run("list_timers", name="The Pasta timer")["timers"]] == ["pasta"]
    assert bench.run("list_timers", name="eggs") == {"error": "There is no eggs timer"}


def test_an_overdue_timer_has_no_time_left(bench):
    bench.run("set_timer", seconds=1)
    bench.now += 9
    assert bench.run("list_timers")["timers"][0]["seconds_left"] == 0


def test_cancel_the_only_one(bench):
    assert bench.run("cancel_timer") == {"error": "No timer is running"}
    bench.run("set_timer", seconds=60, name="pasta")
    assert bench.run("cancel_timer") == {"cancelled": [{"name": "pasta", "seconds": 60}]}
    assert bench.timers.find() == ()


def test_cancel_one_of_several_by_name_or_length(bench):
    bench.run("set_timer", seconds=60, name="pasta")
    bench.run("set_timer", seconds=300, name="eggs")
    bench.run("set_timer", seconds=600)
    assert bench.run("cancel_timer") == {"error": "There are 3 timers: say which one, or all of them"}
    assert bench.run("cancel_timer", name="cake") == {"error": "There is no cake timer"}
    assert bench.run("cancel_timer", seconds=7) == {"error": "There is no such timer"}
    assert bench.run("cancel_timer", name="Eggs")["cancelled"] == [{"name": "eggs", "seconds": 300}]
    assert bench.run("cancel_timer", seconds=600)["cancelled"] == [{"name": "", "seconds": 600}]
    assert [timer.name for timer in bench.timers.find()] == ["pasta"]


def test_cancel_all(bench):
    for seconds in (60, 300):
        bench.run("set_timer", seconds=seconds)
    assert len(bench.run("cancel_timer", all=True)["cancelled"]) == 2
    assert bench.timers.find() == ()
    assert bench.run("cancel_timer", all=True) == {"error": "No timer is running"}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(1, 500)),
        st.tuples(st.just("wait"), st.integers(0, 300)),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
    ),
    max_size=60,
)


@given(STEPS)
def test_each_timer_rings_once_in_time_or_was_cancelled(steps):
    timers, now = Timers(), 0.0
    started: dict[int, Timer] = {}
    cancelled: set[int] = set()
    rung: list[int] = []

    def advance(to: float) -> None:
        """Do as the daemon does: sleep to the next deadline, take what is due."""
        at = now
        while (deadline := timers.next_deadline(at)) is not None and deadline <= to:
            at = deadline
            ringing = timers.due(at)
            assert ringing
            assert all(timer.deadline == at for timer in ringing)
            rung.extend(timer.id for timer in ringing)

    for step, number in steps:
        if step == "set" and (timer := timers.set(now, number)):
            started[timer.id] = timer
        elif step == "cancel":
            chosen = timers.find()[number : number + 1]
            timers.cancel(chosen)
            cancelled |= {timer.id for timer in chosen}
        elif step == "wait":
            advance(now + number)
            now += number
        assert len(timers.find()) <= MAX_TIMERS
    advance(1e9)
    assert len(rung) == len(set(rung))
    assert set(rung) == set(started) - cancelled
    assert timers.find() == ()
