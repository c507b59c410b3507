"""The database: made, brought up to date, copied, and whole whatever happens."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.relay.refused import Refused
from edge.relay.store import codes, database
from edge.relay.store.database import Store, StoreFailed, backup
from edge.relay.store.schema import STEPS

ADD = "INSERT INTO people (id, name, created) VALUES (?, ?, 1)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "state/relay.sqlite")
    yield found
    found.close()


def add(store: Store, name: str) -> None:
    store.do(lambda db: db.execute(ADD, (name, name)))


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("SELECT name FROM people ORDER BY name")]


def test_it_is_the_owners_alone(store: Store) -> None:
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_it_is_in_wal_mode_and_minds_its_references(store: Store) -> None:
    assert store.do(lambda db: db.execute("PRAGMA journal_mode").fetchone()[0]) == "wal"
    with pytest.raises(sqlite3.IntegrityError):
        store.do(lambda db: db.execute("INSERT INTO access VALUES ('nobody', 'nothing', 'owner')"))


def test_a_piece_of_work_is_done_whole_or_not(store: Store) -> None:
    def half(db: sqlite3.Connection) -> None:
        db.execute(ADD, ("a", "a"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.do(half)
    assert store.do(lambda db: db.execute("SELECT count(*) FROM people").fetchone()[0]) == 0
    add(store, "b")
    assert names(store.path) == ["b"]


def test_work_is_done_in_its_order(store: Store) -> None:
    for number in range(50):
        store.later(lambda db, n=number: db.execute(ADD, (str(n), f"{n:02}")))  # type: ignore[misc]  # a default binds it
    found = store.do(lambda db: [row["name"] for row in db.execute("SELECT name FROM people ORDER BY rowid")])
    assert found == [f"{number:02}" for number in range(50)]


def test_the_loop_goes_on_while_the_store_works(store: Store) -> None:
    async def main() -> int:
        working = asyncio.ensure_future(store.run(lambda _: time.sleep(0.2)))
        ticks = 0
        while not working.done():
            await asyncio.sleep(0.005)
            ticks += 1
        return ticks

    assert asyncio.run(main()) > 5


def test_what_waits_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MOST_WAITING", 3)
    go = threading.Event()

    async def main() -> None:
        waiting = [asyncio.ensure_future(store.run(lambda _: go.wait(5))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Refused) as caught:
            await store.run(lambda _: None)
        assert (caught.value.status, caught.value.code) == (503, "busy")
        go.set()
        await asyncio.gather(*waiting)
        await store.run(lambda _: None)

    asyncio.run(main())


def test_closing_is_idempotent_and_waits(store: Store) -> None:
    store.later(lambda _: time.sleep(0.1))
    store.later(lambda db: db.execute(ADD, ("a", "a")))
    store.close()
    store.close()
    assert names(store.path) == ["a"]


# --- steps ------------------------------------------------------------------------------------------------


def test_a_new_file_has_all_steps(store: Store) -> None:
    assert store.do(lambda db: db.execute("PRAGMA user_version").fetchone()[0]) == len(STEPS)


def test_what_is_there_is_kept_by_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "relay.sqlite"
    first = Store(path)
    add(first, "Ada")
    first.close()
    monkeypatch.setattr(database, "STEPS", (*STEPS, "ALTER TABLE people ADD COLUMN hat TEXT; CREATE TABLE new (a)"))
    second = Store(path)
    assert second.do(lambda db: tuple(db.execute("SELECT name, hat FROM people").fetchone())) == ("Ada", None)
    second.close()
    monkeypatch.setattr(database, "STEPS", STEPS)
    with pytest.raises(StoreFailed, match="newer edge-voice"):
        Store(path)


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "relay.sqlite"
    first = Store(path)
    add(first, "Ada")
    first.close()
    monkeypatch.setattr(database, "STEPS", (*STEPS, "CREATE TABLE new (a); nonsense"))
    with pytest.raises(StoreFailed, match="nonsense"):
        Store(path)
    monkeypatch.setattr(database, "STEPS", STEPS)
    again = Store(path)
    assert names(path) == ["Ada"]
    again.close()


def test_processes_that_start_together_make_it_once(tmp_path: Path) -> None:
    code = "import sys, pathlib; from edge.relay.store.database import Store; Store(pathlib.Path(sys.argv[1])).close()"
    root = Path(__file__).parents[2]
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "r.sqlite")], cwd=root) for _ in range(4)]
    assert [one.wait(60) for one in started] == [0, 0, 0, 0]


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "relay.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreFailed, match="cannot be used"):
        Store(tmp_path / "relay.sqlite")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match="cannot be opened"):
        Store(tmp_path / "file/relay.sqlite")


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    code = """
import sys, pathlib
from edge.relay.store.database import Store
store = Store(pathlib.Path(sys.argv[1]))
for n in range(100000):
    store.do(lambda db: db.execute("INSERT INTO people (id, name, created) VALUES (?, ?, 1)", (str(n), f"{n:06}")))
    print(n, flush=True)
"""
    path = tmp_path / "r.sqlite"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True,
                          cwd=Path(__file__).parents[2]) as running:  # fmt: skip
        assert running.stdout is not None
        while int(running.stdout.readline()) < 200:
            pass
        running.kill()
        told = [int(line) for line in running.stdout if line.endswith("\n")]
    again = Store(path)
    assert len(names(path)) > max(told, default=200)
    again.close()


# --- the copy -----------------------------------------------------------------------------------------


def test_a_copy_is_whole_while_others_write(store: Store, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            add(store, f"{number:06}")
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            backup(store.path, tmp_path / f"copy{number}")
    finally:
        stop.set()
        thread.join()
    for number in range(5):
        copy = tmp_path / f"copy{number}"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        with closing(sqlite3.connect(copy)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert names(copy) == [f"{n:06}" for n in range(len(names(copy)))]
    assert not list(tmp_path.glob("*.partial"))
    again = Store(tmp_path / "copy4")  # and it can be used in its place
    again.close()


def test_a_copy_that_cannot_be_made_leaves_the_one_before(store: Store, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("before")
    with pytest.raises(StoreFailed, match="could not be copied"):
        backup(store.path, tmp_path / "nowhere/copy")
    with pytest.raises(StoreFailed, match="no database"):
        backup(tmp_path / "none", tmp_path / "copy")
    (tmp_path / "bad").write_bytes(os.urandom(8192))
    with pytest.raises(StoreFailed, match="could not be copied"):
        backup(tmp_path / "bad", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "before"


# --- codes ------------------------------------------------------------------------------------------------


def make(store: Store, kind: str, code: str, now: float = 100, **more: object) -> None:
    store.do(lambda db: codes.make(db, kind, code, now=now, seconds=60, **more))  # type: ignore[arg-type]  # as given


def take(store: Store, kind: str, code: str, now: float = 100) -> codes.Code | None:
    return store.do(lambda db: codes.take(db, kind, code, now=now))


def test_a_code_is_good_once(store: Store) -> None:
    make(store, "pair", "abc", subject="device", data={"a": 1})
    assert take(store, "pair", "abd") is None
    assert take(store, "setup", "abc") is None  # made for something else
    assert take(store, "pair", "abc") == codes.Code("device", {"a": 1})
    assert take(store, "pair", "abc") is None


def test_a_code_is_good_for_its_time(store: Store) -> None:
    make(store, "pair", "abc")
    assert store.do(lambda db: codes.peek(db, "pair", "abc", now=160)) == codes.Code("", {})
    assert store.do(lambda db: codes.peek(db, "pair", "abc", now=161)) is None
    assert take(store, "pair", "abc", 161) is None
    assert take(store, "pair", "abc", 160) is not None


def test_codes_that_have_run_out_are_cleared_away(store: Store) -> None:
    for number in range(10):
        make(store, "ticket", str(number))
    make(store, "ticket", "new", now=1000)
    assert store.do(lambda db: db.execute("SELECT count(*) FROM codes").fetchone()[0]) == 1


def test_codes_can_be_called_back(store: Store) -> None:
    make(store, "setup", "a")
    make(store, "pair", "b", subject="x")
    make(store, "pair", "c", subject="y")
    store.do(lambda db: codes.drop(db, "setup"))
    store.do(lambda db: codes.drop(db, "pair", "x"))
    assert [take(store, kind, code) is None for kind, code in (("setup", "a"), ("pair", "b"), ("pair", "c"))] == [
        True, True, False,
    ]  # fmt: skip


def test_many_who_try_at_once_get_it_once(store: Store) -> None:
    make(store, "setup", "a")

    async def main() -> list[object]:
        return await asyncio.gather(*(store.run(lambda db: codes.take(db, "setup", "a", now=100)) for _ in range(50)))

    assert sum(found is not None for found in asyncio.run(main())) == 1


def test_nothing_that_opens_a_door_is_in_the_file(store: Store) -> None:
    code = codes.long()
    make(store, "setup", code)
    store.close()
    kept = b"".join(path.read_bytes() for path in store.path.parent.iterdir())
    assert code.encode() not in kept


@given(st.integers(6, 10))
def test_a_short_code_survives_being_typed(characters: int) -> None:
    code = codes.short(characters)
    assert len(code) == characters
    assert not set(code) & set("0O1IL")
    spoken = " ".join(code.lower()[i : i + 3] for i in range(0, len(code), 3)) + "-"
    assert codes.typed(spoken) == code


@given(st.text())
def test_whatever_is_typed_is_read_without_a_fault(text: str) -> None:
    assert set(codes.typed(text)) <= set(codes.READABLE)
