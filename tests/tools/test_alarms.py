"""Alarms and reminders ring at the time of day that was meant, whatever the clock does meanwhile."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from edge.tools.alarms import SNOOZE_S, alarm_tools
from edge.tools.registry import Registry
from edge.tools.timers import MAX_TIMERS, Timers, timer_tools
from edge.tools.told import due_words, late_words

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 15, 10, tzinfo=BERLIN)


class Bench:
    """Alarms with a clock that counts from 100 and a wall clock that can be set."""

    def __init__(self) -> None:
        self.clock, self.wall = 100.0, NOW
        self.timers = Timers()
        self.tools = Registry(
            (*timer_tools(self.timers, lambda: self.clock), *alarm_tools(self.timers, lambda: self.clock))
        )

    def run(self, tool: str, **arguments: object):
        return self.tools.run(tool, arguments, self.wall)

    def due(self, **later: float) -> list[str]:
        """Both clocks go on; who rings then."""
        step = timedelta(**later)
        self.clock, self.wall = self.clock + step.total_seconds(), self.wall + step
        self.timers.see(self.wall.timestamp() - self.clock)
        return [timer.name for timer in self.timers.due(self.clock)]


@pytest.fixture
def bench():
    return Bench()


def test_an_alarm_rings_at_its_time(bench):
    assert bench.run("set_alarm", time="16:00", name="cake") == {
        "name": "cake", "seconds": 3000, "kind": "alarm", "time": "16:00", "date": "2026-11-24", "days": 0,
    }  # fmt: skip
    assert bench.due(minutes=49) == []
    assert bench.due(minutes=1) == ["cake"]


def test_a_time_that_is_over_is_tomorrow(bench):
    assert bench.run("set_alarm", time="07:00")["days"] == 1


@pytest.mark.parametrize(("heard", "meant"), [("03:00", "03:00"), ("04:00", "16:00"), ("03:20", "15:20")])
def test_when_nobody_said_morning_or_evening_it_is_the_sooner_one(bench, heard, meant):
    assert bench.run("set_reminder", name="x", time=heard, either=True)["time"] == meant


def test_summer_time_begins_in_the_night(bench):
    bench.wall = datetime(2026, 3, 28, 22, 0, tzinfo=BERLIN)
    assert bench.run("set_alarm", time="07:00")["seconds"] == 8 * 3600


def test_a_clock_that_is_set_moves_the_alarm_and_not_the_countdown(bench):
    bench.run("set_alarm", time="16:10", name="alarm")
    bench.run("set_timer", seconds=3600, name="countdown")
    bench.wall += timedelta(minutes=30)
    assert bench.due(minutes=30) == ["alarm"]
    bench.wall -= timedelta(hours=5)
    assert bench.due(minutes=30) == ["countdown"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"time": "25:00"}, "I did not understand the time"),
        ({"time": "soon"}, "I did not understand the time"),
        ({"time": "07:00", "date": "tomorrow"}, "I did not understand the time"),
        ({"time": "07:00", "date": "2026-11-24"}, "That time is over already"),
        ({"time": "07:00", "date": "2029-11-24"}, "That is more than a year from now"),
    ],
)
def test_times_that_cannot_be_are_told(bench, arguments, error):
    assert bench.run("set_alarm", **arguments)["error"].startswith(error)


def test_a_reminder_in_some_time_or_at_a_time(bench):
    bench.run("set_reminder", name="call mum", seconds=600)
    bench.run("set_reminder", name="go", time="15:30")
    assert "Say when" in bench.run("set_reminder", name="whenever")["error"]
    assert bench.due(minutes=10) == ["call mum"]
    assert bench.due(minutes=10) == ["go"]


def test_snoozing_has_the_last_one_ring_again(bench):
    assert "error" in bench.run("snooze_timer")
    bench.run("set_alarm", time="15:20", name="tea")
    bench.due(minutes=10)
    assert bench.run("snooze_timer")["seconds"] == SNOOZE_S
    assert bench.timers.rung == []
    assert bench.due(minutes=5) == ["tea"]
    assert bench.run("snooze_timer", seconds=60)["seconds"] == 60


def test_there_is_a_limit(bench):
    for _ in range(MAX_TIMERS):
        bench.run("set_timer", seconds=60)
    assert "32 timers" in bench.run("set_alarm", time="07:00")["error"]


def test_of_a_kind_only_those_are_listed_and_cancelled(bench):
    assert "There is no alarm" in bench.run("cancel_timer", kind="alarm")["error"]
    bench.run("set_timer", seconds=60, name="tea")
    bench.run("set_alarm", time="07:00")
    assert [one["kind"] for one in bench.run("list_timers", kind="alarm")["timers"]] == ["alarm"]
    assert bench.run("list_timers", kind="reminder") == {"timers": []}
    assert len(bench.run("cancel_timer", kind="alarm")["cancelled"]) == 1
    assert bench.run("cancel_timer", name="eggs", kind="alarm")["error"] == "There is no eggs alarm"
    assert [timer.name for timer in bench.timers.find()] == ["tea"]


def test_what_is_said(bench):
    bench.run("set_alarm", time="15:20")
    bench.run("set_alarm", time="15:20", name="wake up")
    bench.run("set_reminder", time="15:20", name="call mum")
    bench.due(minutes=10)
    said = [due_words(timer, bench.wall) for timer in bench.timers.rung]
    assert said == ["It's 3:20 PM.", "It's 3:20 PM. Wake up.", "Here is your reminder: call mum."]
    assert late_words(bench.timers.rung[0], bench.wall, bench.wall) == "Your alarm was due at 3:20 PM."
    tomorrow = bench.wall + timedelta(days=1)
    assert late_words(bench.timers.rung[1], bench.wall, tomorrow) == "Your wake up alarm was due yesterday at 3:20 PM."
    week = bench.wall + timedelta(days=6)
    assert "reminded you on Tuesday at 3:20 PM: call mum" in late_words(bench.timers.rung[2], bench.wall, week)
    assert datetime.fromtimestamp(bench.timers.rung[0].at or 0, UTC).hour == 14


def test_what_is_said_in_german(bench):
    bench.run("set_alarm", time="15:20", name="wecken")
    bench.run("set_timer", seconds=60, name="Tee")
    bench.due(minutes=10)
    tea, alarm = bench.timers.rung
    assert due_words(tea, bench.wall, "de") == "Dein Timer Tee ist abgelaufen."
    assert due_words(alarm, bench.wall, "de") == "Es ist 15:20 Uhr. Wecken."
    tomorrow = bench.wall + timedelta(days=1)
    assert late_words(alarm, bench.wall, tomorrow, "de") == "Dein Wecker wecken war gestern um 15:20 Uhr fällig."
