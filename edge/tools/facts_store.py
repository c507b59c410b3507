"""What the person has asked the device to remember: one small SQLite file, from which what is forgotten is gone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

MOST_FACTS, MOST_CHARS = 50, 160  # 8 kB in all; a model is given the newest, and can ask for the others
WAIT_S = 2.0  # for another process that reads it
# secure_delete overwrites what is deleted with zeros; a rollback journal, unlike a log, is gone with the transaction;
# and what VACUUM lays aside stays in memory.
_SETUP = """
PRAGMA secure_delete = ON; PRAGMA journal_mode = DELETE; PRAGMA temp_store = MEMORY;
CREATE TABLE IF NOT EXISTS fact (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
"""
_SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an the i me my mine we our you your he she it they is are am was were be been do does did have has had "
        "that this of to in on at for and or not about what who know called named",
    )
)


class UnreadableError(OSError):
    """The file is no database, or cannot be used as one."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence, as it was said."""

    id: int
    text: str


class FactStore:
    """Every method opens the file and closes it; raises OSError. From any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Fact]:
        """Oldest first. A file that is not there is not made."""
        if not self._path.exists():
            return []
        with self._opened() as db:
            return [Fact(*row) for row in db.execute("SELECT id, text FROM fact ORDER BY id")]

    def add(self, text: str) -> Fact | None:
        """None when it is full. What is known already keeps its place."""
        known = self.all()
        for fact in known:
            if fact.text.casefold() == text.casefold():
                return fact
        if len(known) >= MOST_FACTS:
            return None
        with self._opened() as db:
            return Fact(int(db.execute("INSERT INTO fact (text) VALUES (?)", (text,)).lastrowid or 0), text)

    def correct(self, wrong: Fact, text: str) -> None:
        """Put this in its place."""
        with self._opened() as db:
            db.execute("UPDATE fact SET text = ? WHERE id = ?", (text, wrong.id))
            db.execute("VACUUM")

    def forget(self, facts: Iterable[Fact]) -> None:
        """So that no byte of them is left in the file."""
        with self._opened() as db:
            db.executemany("DELETE FROM fact WHERE id = ?", [(fact.id,) for fact in facts])
            db.execute("VACUUM")

    def wipe(self) -> None:
        """All of them, and a file that cannot be read as well."""
        with suppress(UnreadableError):  # else it goes as it is
            self.forget(self.all())
        for path in (self._path, self._path.with_name(self._path.name + "-journal")):
            path.unlink(missing_ok=True)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        if not self._path.exists():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        import sqlite3  # only where facts are kept

        try:
            with closing(sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)) as db:
                db.executescript(_SETUP)
                yield db
        except sqlite3.Error as error:
            raise UnreadableError(str(error)) from error


def about(facts: list[Fact], words: str) -> list[Fact]:
    """Those that these words are about: the ones that share most of them, at least half; all for no words."""
    wanted = _words(words)
    if not wanted:
        return facts
    shares = [len(wanted & _words(fact.text)) / len(wanted) for fact in facts]
    most = max(shares, default=0.0)
    return [fact for fact, share in zip(facts, shares, strict=True) if share == most >= 0.5]  # noqa: PLR2004  half


def tidy(text: str) -> str:
    """One line without marks that could end a fence."""
    return " ".join(re.sub(r"[<>\x00-\x1f\x7f]", " ", text).split())


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold())) - _SMALL
