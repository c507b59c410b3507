"""Who has spent what on the relay: a row for each person, device and program."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

DAYS = 31
WIDTH = 28
_SUM = """
    SELECT coalesce(people.name, devices.name, (SELECT name FROM tokens WHERE holder = usage.who LIMIT 1), usage.who)
        AS name,
        CASE WHEN people.id IS NOT NULL THEN 'person' WHEN usage.device != '' THEN 'device' ELSE 'program' END AS kind,
        usage.who AS id, count(DISTINCT day) AS days, sum(seconds) AS seconds, sum(tokens) AS tokens, sum(cost) AS cost
    FROM usage LEFT JOIN people ON people.id = usage.who LEFT JOIN devices ON devices.id = usage.device
    WHERE day > date('now', 'localtime', ?) GROUP BY usage.who ORDER BY cost DESC, seconds DESC
"""


def spenders(db: sqlite3.Connection, days: int) -> list[dict[str, Any]]:
    """Those of the last so many days, today included, the most costly first."""
    return [dict(row) for row in db.execute(_SUM, (f"-{days} days",))]


def table(rows: Sequence[dict[str, Any]], currency: str, days: int) -> list[str]:
    """For a terminal, the sum below."""
    if not rows:
        return [f"Nobody has used anything in the last {days} days."]
    lines = [f"{'name':<{WIDTH}} {'kind':<8} {'days':>5} {'minutes':>9} {'tokens':>12} {currency:>12}"]
    for row in rows:
        name = "".join(c if c.isprintable() else " " for c in row["name"])[:WIDTH]
        lines.append(f"{name:<{WIDTH}} {row['kind']:<8} {row['days']:>5} {_rest(row)}")
    total = {key: sum(row[key] for row in rows) for key in ("seconds", "tokens", "cost")}
    return [*lines, f"{f'all, in {days} days':<{WIDTH + 15}} {_rest(total)}"]


def _rest(row: dict[str, Any]) -> str:
    return f"{row['seconds'] / 60:>9.1f} {row['tokens']:>12} {row['cost']:>12.4f}"
