"""What outlives a restart."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from edge.core.budget import Budget
from edge.host.state import Dial, Latch, Purse

MONDAY = date(2026, 11, 23)


def test_the_spending_outlives_a_restart(tmp_path: Path) -> None:
    """With today's limit, not yesterday's."""
    purse = Purse(tmp_path / "state" / "spending.json")
    purse.keep(Budget(1.0, "EUR", MONDAY, 0.75))
    assert Purse(tmp_path / "state" / "spending.json").load(2.0, "USD") == Budget(2.0, "USD", MONDAY, 0.75)
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["spending.json"]


def test_a_memory_card_is_written_at_most_once_a_minute(tmp_path: Path) -> None:
    """The rest is written at the end."""
    path = tmp_path / "spending.json"
    purse = Purse(path)
    purse.keep(Budget(1.0, "EUR", MONDAY, 0.1))
    purse.keep(Budget(1.0, "EUR", MONDAY, 0.2))
    assert Purse(path).load(1.0, "EUR").spent == 0.1
    purse.close()
    purse.close()
    assert Purse(path).load(1.0, "EUR").spent == 0.2


@pytest.mark.parametrize(
    "kept",
    ["", "[]", "{", '{"day": "2026-11-23"}', '{"day": 5, "spent": 1}', '{"day": "x", "spent": 1}',
     '{"day": "2026-11-23", "spent": NaN}', '{"day": "2026-11-23", "spent": -5}', '{"day": "2026-11-23", "spent": []}'],
)  # fmt: skip
def test_a_damaged_file_is_a_new_day(kept: str, tmp_path: Path) -> None:
    """Never an error, never money out of nowhere."""
    path = tmp_path / "spending.json"
    path.write_text(kept)
    assert Purse(path).load(1.0, "EUR") == Budget(1.0, "EUR")


def test_a_place_that_cannot_be_written_costs_no_turn(tmp_path: Path) -> None:
    """Only the memory of it."""
    (tmp_path / "file").write_text("")
    purse = Purse(tmp_path / "file" / "spending.json")
    purse.keep(Budget(1.0, "EUR", MONDAY, 0.1))
    assert purse.load(1.0, "EUR").spent == 0.0


# --- the volume ------------------------------------------------------------------------------------------


def test_the_volume_outlives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state" / "volume.json"
    assert Dial(path, 100).load() is None
    Dial(path, 100).keep(35)
    assert Dial(path, 100).load() == 35
    assert [file.name for file in path.parent.iterdir()] == ["volume.json"]


def test_a_configuration_that_has_changed_since_counts_instead(tmp_path: Path) -> None:
    """Whoever has edited it last wants it so."""
    Dial(tmp_path / "volume.json", 100).keep(35)
    assert Dial(tmp_path / "volume.json", 70).load() is None


@pytest.mark.parametrize(
    "kept",
    ["", "{", "[]", '{"volume": 5}', '{"volume": 101, "configured": 100}', '{"volume": -1, "configured": 100}',
     '{"volume": 5.5, "configured": 100}', '{"volume": "5", "configured": 100}'],
)  # fmt: skip
def test_a_file_that_is_damaged_is_no_memory(tmp_path: Path, kept: str) -> None:
    (tmp_path / "volume.json").write_text(kept)
    assert Dial(tmp_path / "volume.json", 100).load() is None


def test_a_memory_that_cannot_be_written_is_only_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    dial = Dial(tmp_path / "file" / "volume.json", 100)
    dial.keep(35)
    assert dial.load() is None


# --- the mute ------------------------------------------------------------------------------------------


def test_a_notice_is_not_told_twice_because_of_a_restart(tmp_path: Path) -> None:
    """What an older release has kept knows of no notice."""
    path = tmp_path / "spending.json"
    purse = Purse(path)
    budget = Budget(2.0, "EUR", MONDAY, 0.75, warn=0.5)
    assert budget.warns()
    purse.keep(budget)
    again = Purse(path).load(2.0, "EUR")
    again.warn = 0.5
    assert not again.warns()
    path.write_text(json.dumps({"day": MONDAY.isoformat(), "spent": 0.75}))
    older = Purse(path).load(2.0, "EUR")
    older.warn = 0.5
    assert older.warns()


class Muting:
    """A latch, and what it is told."""

    def __init__(self, *paths: Path) -> None:
        self.switched, self.failures = False, list[str]()
        self.latch = Latch(paths, lambda: self.switched, self.failures.append)

    def mute(self, *, on: bool) -> None:
        self.latch.published("mute", {"on": on})


def test_a_mute_outlives_a_crash(tmp_path: Path) -> None:
    one, other = tmp_path / "state" / "muted", tmp_path / "run" / "muted"
    muting = Muting(one, other)
    assert not muting.latch.load()
    muting.mute(on=True)
    for place in (one, other):
        assert Muting(place).latch.load()
    muting.mute(on=False)
    assert not muting.latch.load()
    assert not one.exists()
    assert not other.exists()


def test_a_mute_by_the_switch_needs_no_memory(tmp_path: Path) -> None:
    """And ends one by software, as the switch has ended that itself."""
    muting = Muting(tmp_path / "muted")
    muting.mute(on=True)
    muting.switched = True
    muting.mute(on=True)
    assert not muting.latch.load()


def test_other_news_changes_nothing(tmp_path: Path) -> None:
    muting = Muting(tmp_path / "muted")
    muting.latch.published("state", {"state": "muted", "on": True})
    assert not muting.latch.load()


def test_a_mute_is_kept_in_one_place_when_the_other_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    muting = Muting(tmp_path / "file" / "muted", tmp_path / "run" / "muted")
    muting.mute(on=True)
    assert muting.latch.load()
    assert muting.failures == []
    muting.mute(on=False)
    assert not muting.latch.load()


def test_a_mute_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    muting = Muting(tmp_path / "file" / "muted")
    muting.mute(on=True)
    assert not muting.latch.load()
    assert "after a restart the microphone would be open" in muting.failures[0]
