"""`edge-voice turns` and `usage`: the tables and the picture, and the daemon's answers behind them."""

from __future__ import annotations

from datetime import date

import pytest

from edge.accounts import summed, whole
from edge.errors import UsageError
from edge.host.book import Day
from edge.insight import turns_table, usage_table
from edge.panel.waterfall import waterfall

TODAY = date(2026, 11, 10)
DAYS = [Day(date(2026, 10, 30), "realtime", 1, 9.0), Day(date(2026, 11, 9), "local", 2),
        Day(date(2026, 11, 9), "realtime", 3, 1.5, 1), Day(TODAY, "realtime", 1, 0.5)]  # fmt: skip


def test_days_are_summed_over_engines_and_the_month_is_foretold() -> None:
    told = summed(DAYS, TODAY, 2)
    assert told["days"] == [
        {"day": "2026-11-09", "turns": 5, "cost": 1.5, "unpriced": 1},
        {"day": "2026-11-10", "turns": 1, "cost": 0.5, "unpriced": 0},
    ]
    assert (told["today"], told["month"]) == (0.5, 2.0)
    usual = (1.5 + 0.0) / 7  # 30 October is further back than a week
    assert told["forecast"] == pytest.approx(2.0 + 20 * usual, abs=1e-4)
    table = usage_table({**told, "currency": "EUR", "daily": 2.0})
    assert table[1].startswith("2026-11-09      5     1.5000 " + 30 * "█")
    assert "(1 without a known price)" in table[1]
    assert table[2].endswith(10 * "█")
    assert table[3].startswith("Today 0.5000 of 2.00 EUR; this month 2.0000, about 6.29 at its end")


def test_nothing_used_is_a_table_too() -> None:
    assert len(usage_table({**summed([], TODAY, 30), "currency": "USD", "daily": 0.0})) == 2
    assert turns_table([]) == ["No turn is known yet."]


def test_a_turn_is_a_row_and_all_are_a_median() -> None:
    turns = [
        {"at": 1.0, "turn": 1, "kind": "tap", "engine": "local", "latency_ms": {"first_sound": 800}, "cost": None},
        {"at": 2.0, "turn": 2, "kind": "say", "engine": "local", "latency_ms": {}, "cost": 0.125},
        {"at": 3.0, "turn": 3, "kind": "tap", "engine": "local", "latency_ms": {"first_sound": 600}, "cost": None},
    ]
    table = turns_table(turns)
    assert table[1].split()[-2:] == ["800", "-"]
    assert table[2].split()[-2:] == ["-", "0.12500"]
    assert table[4].split() == ["median", "-", "-", "-", "-", "600"]
    assert table[5].split()[-1] == "800"


@pytest.mark.parametrize("turns", [[], [{}], [{"turn_end": 0, "first_sound": 0}], 99 * [{"first_token": 99_345}]])
def test_any_turns_can_be_drawn(turns: list[dict[str, int]]) -> None:
    assert waterfall(turns).startswith(b"\x89PNG")


@pytest.mark.parametrize("wrong", ["x", 0, -1, 1001, [], 1.5])
def test_how_many_is_a_number_within_bounds(wrong: object) -> None:
    assert [whole(given, 20, 1000) for given in (None, 1, "1000")] == [20, 1, 1000]
    with pytest.raises(UsageError, match="from 1 to 1000"):
        whole(wrong, 20, 1000)
