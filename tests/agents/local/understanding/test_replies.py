"""Tool results as sentences, lengths of time included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.local.understanding.intents import spoken
from edge.agents.local.understanding.times import read_duration, say_duration

PASTA = {"name": "pasta", "seconds": 600, "seconds_left": 240}
OTHER = {"name": "", "seconds": 600, "seconds_left": 540}


@pytest.mark.parametrize(
    ("tool", "result", "said"),
    [
        ("get_time", {"time": "15:10"}, "It's 3:10 PM."),
        ("get_time", {"time": "00:05"}, "It's 12:05 AM."),
        ("get_time", {"time": "12:00", "place": "Tokyo"}, "It's 12:00 PM in Tokyo."),
        ("get_date", {"date": "2026-11-24", "offset_days": 0}, "It's Tuesday, November 24th, 2026."),
        ("get_date", {"date": "2026-11-25", "offset_days": 1}, "Tomorrow is Wednesday, November 25th, 2026."),
        ("get_date", {"date": "2026-11-23", "offset_days": -1}, "Yesterday was Monday, November 23rd, 2026."),
        ("get_date", {"date": "2026-12-01", "offset_days": 7}, "In seven days it's Tuesday, December 1st, 2026."),
        ("get_date", {"date": "2026-11-12", "offset_days": -2}, "Two days ago it was Thursday, November 12th, 2026."),
        ("set_timer", {"seconds": 600, "name": ""}, "Timer set for ten minutes."),
        ("set_timer", {"seconds": 5400, "name": "pasta"}, "Pasta timer set for one hour and thirty minutes."),
        ("cancel_timer", {"cancelled": [PASTA]}, "Pasta timer cancelled."),
        ("cancel_timer", {"cancelled": [OTHER]}, "Ten minute timer cancelled."),
        ("cancel_timer", {"cancelled": [PASTA, OTHER]}, "Two timers cancelled."),
        ("cancel_timer", {"cancelled": []}, "There was no timer to cancel."),
        ("list_timers", {"timers": []}, "You have no timers."),
        ("list_timers", {"timers": [PASTA]}, "Four minutes left on the pasta timer."),
        (
            "list_timers",
            {"timers": [PASTA, OTHER]},
            "You have two timers: pasta timer, four minutes left; and ten minute timer, nine minutes left.",
        ),
        ("set_volume", {"percent": 50}, "Volume 50 percent."),
        ("change_volume", {"percent": 100}, "Volume 100 percent. That's as loud as it gets."),
        ("set_volume", {"percent": 0}, "The sound is off."),
        ("get_time", {"error": "I don't know what the time zone of Narnia is"},
         "Sorry, I don't know what the time zone of Narnia is."),
        ("cancel_timer", {"error": "No timer is running"}, "Sorry, no timer is running."),
        ("something_else", {"x": 1}, "Done."),
        ("get_time", {}, "Done."),
        ("list_timers", {"timers": 3}, "Done."),
    ],
)  # fmt: skip
def test_results(tool, result, said):
    assert spoken(tool, result) == said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["time", "date", "place", "seconds", "name", "timers", "cancelled", "percent", "offset_days"])
TOOLS = st.sampled_from(["get_time", "get_date", "set_timer", "cancel_timer", "list_timers", "set_volume", "other"])


@given(TOOLS, st.dictionaries(KEYS | st.just("error"), JSON, max_size=4))
def test_no_result_raises(tool, result):
    assert spoken(tool, result)


@given(st.integers(1, 7 * 86_400))
def test_a_length_is_read_as_it_is_said(seconds):
    said = say_duration(seconds)
    found = read_duration(tuple(said.replace("-", " ").split()), 0)
    assert found
    assert say_duration(int(found[0])) == said


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("an hour", 3600), ("five minutes thirty", 330), ("two weeks", 1209600), ("a quarter of an hour", 900),
     ("one hour twenty minutes and five seconds", 4805), ("an hour and a quarter", 4500), ("a couple of hours", 7200)],
)  # fmt: skip
def test_lengths(said, seconds):
    tokens = tuple(said.split())
    assert read_duration(tokens, 0) == (seconds, len(tokens))


@pytest.mark.parametrize("said", ["minutes", "ten", "the hour", "ten apples", "", "half"])
def test_no_length(said):
    assert read_duration(tuple(said.split()), 0) is None
