"""The bounded store of turns and money: one SQLite file, written in batches. Holds figures, never words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from datetime import date, datetime
from pathlib import Path

from edge.core.trace import trace_of
from edge.ports import Fields

NAME = "insight.db"
MOST_ROWS, MOST_DAYS = 20_000, 800  # about 6 MB in all
WAIT_S = 2.0  # for another process that reads or writes it
TURN, USAGE = "turn", "usage"

_ROW = "run TEXT, seq INTEGER, at REAL, turn INTEGER, engine TEXT, body TEXT, PRIMARY KEY (run, seq)"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS turn ({_ROW}) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage ({_ROW}) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS turn_at ON turn (at);
CREATE INDEX IF NOT EXISTS usage_at ON usage (at);
CREATE INDEX IF NOT EXISTS usage_of ON usage (run, turn);
CREATE TABLE IF NOT EXISTS day (day TEXT, engine TEXT, turns INTEGER NOT NULL DEFAULT 0, cost REAL NOT NULL DEFAULT 0,
    unpriced INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (day, engine)) WITHOUT ROWID;
"""
_ADD_DAY = """INSERT INTO day VALUES (?, ?, ?, ?, ?) ON CONFLICT (day, engine) DO UPDATE
SET turns = turns + excluded.turns, cost = cost + excluded.cost, unpriced = unpriced + excluded.unpriced"""
_INSERT = {
    TURN: "INSERT OR IGNORE INTO turn VALUES (?, ?, ?, ?, ?, ?)",
    USAGE: "INSERT OR IGNORE INTO usage VALUES (?, ?, ?, ?, ?, ?)",
}
_TRIM = {
    TURN: "DELETE FROM turn WHERE at <= (SELECT at FROM turn ORDER BY at DESC LIMIT 1 OFFSET ?)",
    USAGE: "DELETE FROM usage WHERE at <= (SELECT at FROM usage ORDER BY at DESC LIMIT 1 OFFSET ?)",
}
_THERE = {
    TURN: "SELECT 1 FROM turn WHERE run = ? AND seq = ?",
    USAGE: "SELECT 1 FROM usage WHERE run = ? AND seq = ?",
}
_TURNS = """SELECT turn.*, (SELECT sum(json_extract(usage.body, '$.cost')) FROM usage INDEXED BY usage_of
WHERE usage.run = turn.run AND usage.turn = turn.turn),
(SELECT json_group_array(json(json_extract(usage.body, '$.ids')))
FILTER (WHERE json_extract(usage.body, '$.ids') IS NOT NULL) FROM usage INDEXED BY usage_of
WHERE usage.run = turn.run AND usage.turn = turn.turn) FROM turn ORDER BY at DESC LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Record:
    """A turn or something paid for. `run` names the process and `seq` counts in it: written twice, it counts once."""

    table: str
    run: str
    seq: int
    at: float  # Unix time
    turn: int
    engine: str
    body: Fields

    @property
    def row(self) -> tuple[object, ...]:
        """As it is stored."""
        return (self.run, self.seq, self.at, self.turn, self.engine, json.dumps(self.body))

    @property
    def line(self) -> str:
        """As a line of JSON."""
        return json.dumps(astuple(self)) + "\n"


@dataclass(slots=True)
class Day:
    """What one engine did on a day; `unpriced` counts what had no known price."""

    day: date
    engine: str
    turns: int = 0
    cost: float = 0.0
    unpriced: int = 0

    def add(self, record: Record) -> None:
        """Count one more."""
        if record.table == TURN:
            self.turns += 1
            return
        cost = record.body.get("cost")
        self.cost += cost if isinstance(cost, int | float) else 0.0
        self.unpriced += cost is None


class Book:
    """Every method opens the file and closes it; raises sqlite3.Error. From any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, records: Iterable[Record]) -> None:
        """All of them or none; the oldest rows beyond the bounds go."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._opened() as db, db:
            for record in records:
                if db.execute(_INSERT[record.table], record.row).rowcount:
                    day = Day(day_of(record.at), record.engine)
                    day.add(record)
                    db.execute(_ADD_DAY, (day.day.isoformat(), day.engine, day.turns, day.cost, day.unpriced))
            for trim in _TRIM.values():
                db.execute(trim, (MOST_ROWS,))
            db.execute("DELETE FROM day WHERE day <= (SELECT day FROM day ORDER BY day DESC LIMIT 1 OFFSET ?)",
                       (MOST_DAYS,))  # fmt: skip

    def turns(self, last: int, waiting: Sequence[Record] = ()) -> list[Fields]:
        """The newest, oldest first: at, turn, engine, trace, cost, vendor (its ids), and what the turn's event told."""
        found: dict[tuple[str, int], Fields] = {}
        if self.path.exists():
            with self._opened() as db:
                for run, seq, at, turn, engine, body, cost, ids in db.execute(_TURNS, (last,)):
                    record = Record(TURN, run, seq, at, turn, engine, json.loads(body))
                    found[run, seq] = _told(record, cost, json.loads(ids))
        for record in waiting:
            if record.table == TURN:
                mine = [r for r in waiting if r.table == USAGE and (r.run, r.turn) == (record.run, record.turn)]
                costs = [cost for r in mine if isinstance(cost := r.body.get("cost"), int | float)]
                ids = [r.body["ids"] for r in mine if "ids" in r.body]
                found.setdefault((record.run, record.seq), _told(record, sum(costs) if costs else None, ids))
        return sorted(found.values(), key=lambda turn: float(str(turn["at"])))[-last:]

    def days(self, waiting: Sequence[Record] = ()) -> list[Day]:
        """Every day and engine that is known, oldest first."""
        found: dict[tuple[date, str], Day] = {}
        written: set[tuple[str, int]] = set()
        if self.path.exists():
            with self._opened() as db:
                for name, engine, turns, cost, unpriced in db.execute("SELECT * FROM day"):
                    day = date.fromisoformat(name)
                    found[day, engine] = Day(day, engine, turns, cost, unpriced)
                for record in waiting:  # in the same transaction: counted once, whatever is written meanwhile
                    if db.execute(_THERE[record.table], (record.run, record.seq)).fetchone():
                        written.add((record.run, record.seq))
        for record in waiting:
            if (record.run, record.seq) not in written:
                day = day_of(record.at)
                found.setdefault((day, record.engine), Day(day, record.engine)).add(record)
        return sorted(found.values(), key=lambda one: (one.day, one.engine))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=WAIT_S)) as db:
            db.executescript(_SCHEMA)
            db.execute("BEGIN")
            yield db


def day_of(at: float) -> date:
    """In the device's own time zone, as the budget counts."""
    return datetime.fromtimestamp(at).date()  # noqa: DTZ006  the local day is meant


def _told(record: Record, cost: float | None, vendor: Sequence[object]) -> Fields:
    told = {"at": record.at, "turn": record.turn, "engine": record.engine, "trace": trace_of(record.run, record.turn)}
    return {**record.body, **told, "cost": None if cost is None else round(cost, 6), "vendor": list(vendor)}
