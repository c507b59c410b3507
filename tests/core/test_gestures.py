"""One button: taps, double taps, holds, long holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.core import events as ev
from edge.core.gestures import Gestures, GestureSettings

DOWN, UP = ev.ButtonDown(), ev.ButtonUp()


def feed(*edges: tuple[float, ev.Event]) -> list[tuple[float, ev.Event]]:
    """(time, event) for edges at times, coming back at each deadline as the daemon does."""
    gestures, told = Gestures(), []
    for at, edge in (*edges, (1e9, ev.TimePassed())):
        while gestures.deadline is not None and gestures.deadline <= at:
            due = gestures.deadline
            told += [(due, event) for event in gestures.due(due)]
        told += [(at, event) for event in gestures.handle(edge, at)]
    return told


def test_tap_counts_on_the_way_down() -> None:
    """Waiting for the way up would clip the first word."""
    assert feed((1.0, DOWN), (1.1, UP)) == [(1.0, ev.Pressed())]


def test_hold_and_release() -> None:
    """The press becomes push-to-talk."""
    assert feed((1.0, DOWN), (2.5, UP)) == [(1.0, ev.Pressed()), (1.4, ev.Held()), (2.5, ev.Released())]


def test_double_tap_forgets() -> None:
    """The second press within 350 ms of the first one's end; a third one forgets again, which does no harm."""
    assert feed((1.0, DOWN), (1.1, UP), (1.3, DOWN), (1.4, UP), (1.6, DOWN), (1.7, UP)) == [
        (1.0, ev.Pressed()),
        (1.3, ev.ForgetAsked()),
        (1.6, ev.ForgetAsked()),
    ]


def test_slow_taps_are_two() -> None:
    """Start, and end the wait."""
    assert feed((1.0, DOWN), (1.1, UP), (1.5, DOWN), (1.6, UP)) == [(1.0, ev.Pressed()), (1.5, ev.Pressed())]


def test_tap_after_a_hold_is_no_double_tap() -> None:
    """Only taps pair."""
    told = feed((1.0, DOWN), (2.0, UP), (2.1, DOWN), (2.2, UP))
    assert told[-1] == (2.1, ev.Pressed())


def test_long_hold_is_released_too() -> None:
    """Whether it meant mute or a long question is for the conversation to say."""
    assert feed((1.0, DOWN), (9.0, UP)) == [
        (1.0, ev.Pressed()),
        (1.4, ev.Held()),
        (4.0, ev.LongHeld()),
        (9.0, ev.Released()),
    ]


def test_hold_that_ends_just_before_it_is_long() -> None:
    """Three seconds are three seconds."""
    assert [event for _, event in feed((1.0, DOWN), (3.99, UP))] == [ev.Pressed(), ev.Held(), ev.Released()]


def test_tap_after_a_long_hold_is_no_double_tap() -> None:
    """Only taps pair."""
    assert feed((1.0, DOWN), (5.0, UP), (5.1, DOWN), (5.2, UP))[-1] == (5.1, ev.Pressed())


def test_hold_as_second_half_of_a_double_tap() -> None:
    """Forgotten first, then push-to-talk in a new conversation."""
    assert feed((1.0, DOWN), (1.1, UP), (1.3, DOWN), (3.0, UP))[1:] == [
        (1.3, ev.ForgetAsked()),
        (1.3 + 0.4, ev.Held()),
        (3.0, ev.Released()),
    ]


def test_bouncing_edges_are_ignored() -> None:
    """Down twice, up twice, up at the start."""
    told = feed((0.5, UP), (1.0, DOWN), (1.01, DOWN), (1.1, UP), (1.11, UP))
    assert told == [(1.0, ev.Pressed())]


def test_time_before_the_deadline_means_nothing() -> None:
    """And without a deadline neither."""
    gestures = Gestures(GestureSettings(hold_s=1.0))
    assert gestures.due(5.0) == []
    gestures.handle(DOWN, 0.0)
    assert gestures.due(0.99) == []
    assert gestures.due(1.0) == [ev.Held()]


def test_late_caller_gets_everything_one_by_one() -> None:
    """A loop that was busy for a minute."""
    gestures = Gestures()
    gestures.handle(DOWN, 0.0)
    assert [gestures.due(60.0), gestures.due(60.0), gestures.due(60.0)] == [[ev.Held()], [ev.LongHeld()], []]
    assert gestures.handle(UP, 60.0) == [ev.Released()]


steps = st.lists(st.tuples(st.sampled_from([DOWN, UP]), st.floats(0.001, 5.0)), max_size=40)


@given(steps)
def test_order_of_events(edges: list[tuple[ev.Event, float]]) -> None:
    """Press or forget; perhaps held; perhaps for long; and what was held is released, exactly once."""
    at, timed = 0.0, []
    for edge, later in edges:
        at += later
        timed.append((at, edge))
    may_come: dict[type[ev.Event], set[type[ev.Event]]] = {
        ev.Pressed: {ev.Pressed, ev.ForgetAsked, ev.Held},
        ev.ForgetAsked: {ev.Pressed, ev.ForgetAsked, ev.Held},
        ev.Held: {ev.LongHeld, ev.Released},
        ev.LongHeld: {ev.Released},
        ev.Released: {ev.Pressed},
    }
    last: type[ev.Event] = ev.Released
    for _, event in feed(*timed, (at + 10, UP)):
        assert type(event) in may_come[last]
        last = type(event)
    assert last not in {ev.Held, ev.LongHeld}
