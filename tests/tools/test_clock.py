"""The time and the date here, in cities however they are written, and without a tz database."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.tools.clock import _PLACES, clock_tools
from edge.tools.registry import Registry

NOW = datetime(2026, 11, 24, 23, 30, tzinfo=timezone(timedelta(hours=1)))  # 22:30 in UTC
CLOCK = Registry(clock_tools())


def time_in(place: str):
    return CLOCK.run("get_time", {"place": place}, NOW)


def test_time_and_date_here():
    assert CLOCK.run("get_time", {}, NOW) == {"time": "23:30"}
    assert CLOCK.run("get_date", {}, NOW) == {"date": "2026-11-24", "weekday": "Tuesday", "offset_days": 0}
    assert CLOCK.run("get_time", {"place": " "}, NOW) == {"time": "23:30"}


@pytest.mark.parametrize(("days", "date"), [(1, "2026-11-25"), (-1, "2026-11-23"), (38, "2027-01-01")])
def test_date_some_days_off(days, date):
    result = CLOCK.run("get_date", {"offset_days": days}, NOW)
    assert (result["date"], result["offset_days"]) == (date, days)


def test_date_elsewhere_may_be_tomorrow():
    result = CLOCK.run("get_date", {"place": "tokyo"}, NOW)
    assert (result["date"], result["place"]) == ("2026-11-25", "Tokyo")


@pytest.mark.parametrize(
    ("place", "time", "shown"),
    [
        ("tokyo", "07:30", "Tokyo"),
        ("New York", "17:30", "New York"),
        ("new york city", "17:30", "New York City"),
        ("Washington, D.C.", "17:30", "Washington, D.C."),
        ("são paulo", "19:30", "São Paulo"),
        ("Zürich", "23:30", "Zürich"),
        ("sydney australia", "09:30", "Sydney Australia"),
        ("Paris, France", "23:30", "Paris, France"),
        ("the uk", "22:30", "the UK"),
        ("UK", "22:30", "UK"),
        ("Asia/Kolkata", "04:00", "Asia/Kolkata"),
        ("europe/berlin", "23:30", "Europe/berlin"),
        ("America/New_York", "17:30", "America/New_York"),
        ("europe berlin", "23:30", "Europe Berlin"),  # as Whisper writes it
        ("reykjavik", "22:30", "Reykjavik"),
        ("utc", "22:30", "UTC"),
        ("the united states", None, None),
    ],
)
def test_time_elsewhere(place, time, shown):
    result = time_in(place)
    assert (result.get("time"), result.get("place")) == (time, shown)


@pytest.mark.parametrize("place", ["narnia", "paris texas", "the moon", "../../etc/passwd", "/etc/localtime", "a", "?"])
def test_unknown_places_are_told(place):
    assert time_in(place)["error"].startswith("I don't know what the time zone of ")


def test_every_place_of_the_table_has_a_zone():
    names = [name for zone, aliases in _PLACES.items() for name in (zone, *aliases)]
    assert len(names) > 150
    assert all("time" in time_in(name) for name in names)


def test_without_a_tz_database_only_here_is_known():
    def missing(name: str) -> ZoneInfo:
        raise ZoneInfoNotFoundError(name)

    clock = Registry(clock_tools(missing))
    assert "tzdata" in str(clock.run("get_time", {"place": "tokyo"}, NOW)["error"])
    assert clock.run("get_time", {}, NOW) == {"time": "23:30"}


@given(st.text(max_size=80), st.integers(-36_500, 36_500))
def test_any_place_gives_a_date_or_an_error(place, days):
    result = CLOCK.run("get_date", {"place": place, "offset_days": days}, datetime(2026, 1, 1, tzinfo=UTC))
    assert "date" in result or "time zone" in str(result["error"])
