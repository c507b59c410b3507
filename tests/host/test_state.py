"""What outlives a restart."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from edge.core.budget import Budget
from edge.host.state import Purse, state_dir

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


def test_where_it_is() -> None:
    """systemd's directory, else the user's."""
    assert state_dir({"STATE_DIRECTORY": "/var/lib/edge-voice:/other"}) == Path("/var/lib/edge-voice")
    assert state_dir({"XDG_STATE_HOME": "/x", "HOME": "/home/a"}) == Path("/x/edge-voice")
    assert state_dir({"HOME": "/home/a"}) == Path("/home/a/.local/state/edge-voice")
