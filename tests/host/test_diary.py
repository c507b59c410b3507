"""The store of turns: batches, a kill, a damaged file, a full disk, bounds."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import date
from pathlib import Path

import pytest

from edge.core.budget import Budget
from edge.core.trace import trace_of
from edge.host import book as book_module
from edge.host.book import TURN, USAGE, Book, Record, day_of
from edge.host.diary import FLUSH_ROWS, MOST_WAITING, Diary
from edge.host.state import Purse
from tests.waiting import wait_until

NOON = 1_795_600_000.0


class Desk:
    """A diary over real files."""

    def __init__(self, folder: Path) -> None:
        self.book, self.told, self.now = Book(folder / "state" / "insight.db"), list[str](), NOON
        self.diary = Diary(self.book, folder / "aside.jsonl", lambda: "realtime", self.told.append, lambda: self.now)

    def turn(self, number: int, cost: float | None = 0.25) -> None:
        self.now += 1
        ids = {"response": f"resp_{number}"}
        usage = {"turn": number, "tokens": {"input_audio": 7}, "secret": "words", "ids": ids}
        self.diary.published("usage", usage if cost is None else {**usage, "cost": cost})
        self.diary.published("turn", {"turn": number, "kind": "tap", "latency_ms": {"first_sound": 400}, "said_s": 1.5})
        self.diary.published("user_transcript", {"turn": number, "text": "words", "final": True})


def test_turns_and_money_are_kept_and_read(tmp_path: Path) -> None:
    async def main() -> None:
        desk = Desk(tmp_path)
        desk.turn(1)
        desk.turn(2, None)
        waiting = desk.book.turns(9, desk.diary.waiting)
        assert not desk.book.path.exists()  # nothing is written per turn
        days = desk.book.days(desk.diary.waiting)
        await desk.diary.close()
        assert desk.book.turns(9) == waiting
        assert desk.book.days() == days
        assert [(turn["turn"], turn["cost"]) for turn in waiting] == [(1, 0.25), (2, None)]
        assert [turn["trace"] for turn in waiting] == [trace_of(desk.diary.run, turn) for turn in (1, 2)]
        assert [turn["vendor"] for turn in waiting] == [[{"response": "resp_1"}], [{"response": "resp_2"}]]
        assert (days[0].turns, days[0].cost, days[0].unpriced) == (2, 0.25, 1)
        assert days[0].day == day_of(NOON)
        assert b"words" not in desk.book.path.read_bytes()

    asyncio.run(main())


def test_a_kill_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    async def main() -> None:
        killed = Desk(tmp_path)
        killed.turn(1)
        killed.book.write(killed.diary.waiting)  # it dies between writing and noting that it has
        killed.turn(2)
        (tmp_path / "aside.jsonl").open("a").write('["turn", "half a li')
        after = Desk(tmp_path)
        after.diary.open()
        assert [turn["turn"] for turn in after.book.turns(9, after.diary.waiting)] == [1, 2]
        assert after.book.days(after.diary.waiting)[0].cost == 0.5
        await after.diary.close()
        assert [turn["turn"] for turn in after.book.turns(9)] == [1, 2]
        assert after.book.days()[0].cost == 0.5
        assert (tmp_path / "aside.jsonl").read_text() == ""

    asyncio.run(main())


def test_many_turns_are_written_while_it_runs(tmp_path: Path) -> None:
    async def main() -> None:
        desk = Desk(tmp_path)
        for number in range(FLUSH_ROWS):
            desk.turn(number)
        await wait_until(lambda: len(desk.diary.waiting) < FLUSH_ROWS)
        assert desk.book.turns(1000)
        await desk.diary.close()
        assert len(desk.book.turns(1000)) == FLUSH_ROWS

    asyncio.run(main())


def test_a_damaged_store_is_put_aside_and_told(tmp_path: Path) -> None:
    async def main() -> None:
        desk = Desk(tmp_path)
        desk.book.path.parent.mkdir()
        desk.book.path.write_bytes(b"not a database at all" * 100)
        desk.turn(1)
        await desk.diary.close()
        assert len(desk.book.turns(9)) == 1
        assert desk.book.path.with_suffix(".damaged").read_bytes().startswith(b"not a database")
        assert ["damaged" in line for line in desk.told] == [True]

    asyncio.run(main())


def test_what_cannot_be_written_waits_within_bounds(tmp_path: Path) -> None:
    async def main() -> None:
        desk = Desk(tmp_path)
        (tmp_path / "state").write_text("a file where a directory is needed")
        for number in range(MOST_WAITING):
            desk.turn(number)
            if number % 100 == 0:
                await asyncio.sleep(0)
        await desk.diary.close()
        assert len(desk.diary.waiting) == MOST_WAITING
        assert desk.diary.lost == MOST_WAITING  # each turn is two rows
        assert len(desk.told) == 1
        (tmp_path / "state").unlink()
        await desk.diary.close()
        assert len(desk.book.turns(5000)) == MOST_WAITING // 2

    asyncio.run(main())


def test_the_oldest_rows_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they cost stays in the day's sum."""
    monkeypatch.setattr(book_module, "MOST_ROWS", 5)
    book = Book(tmp_path / "insight.db")
    for table in (TURN, USAGE):
        book.write(Record(table, "ab", number, NOON + number, number, "x", {"cost": 1.0}) for number in range(9))
    assert [turn["turn"] for turn in book.turns(99)] == [4, 5, 6, 7, 8]
    with sqlite3.connect(book.path) as db:
        assert db.execute("SELECT count(*) FROM usage").fetchone() == (5,)
    assert book.days()[0].cost == 9.0


def test_a_kill_forgets_nothing_of_what_was_spent(tmp_path: Path) -> None:
    """The second place is in memory: it is written every time."""
    card, memory, monday = tmp_path / "card.json", tmp_path / "memory.json", date(2026, 11, 23)
    purse = Purse(card, memory)
    for spent in (0.1, 0.2, 0.3):
        purse.keep(Budget(1.0, "EUR", monday, spent))
    assert Purse(card).load(1.0, "EUR").spent == 0.1
    assert Purse(card, memory).load(1.0, "EUR") == Budget(1.0, "EUR", monday, 0.3)
    memory.write_text('{"day": "2026-11-22", "spent": 9}')
    assert Purse(card, memory).load(1.0, "EUR").spent == 0.1
