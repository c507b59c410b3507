"""The conversation over a restart: for as long as was said, and what is forgotten is in no file."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.history import Exchange, History
from edge.host import resume
from edge.host.resume import NAME, Resume
from tests.waiting import wait_until

SAID = Exchange("my code word is heliotrope", "Heliotrope, all right.")


class Place:
    """A device's two directories, and its clock."""

    def __init__(self, folder: Path) -> None:
        self.disk, self.aside = folder / "state" / NAME, folder / "run" / NAME
        self.now = 1_000_000.0

    def begin(self, minutes: int = 10) -> tuple[History, Resume]:
        """A process starts."""
        history = History()
        kept = Resume(history, self.disk, self.aside, minutes, lambda: self.now)
        kept.load()
        history.ledger.changed = kept.changed
        return history, kept

    @property
    def files(self) -> list[Path]:
        folders = (self.disk.parent, self.aside.parent)
        return [path for folder in folders if folder.exists() for path in folder.iterdir()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def in_loop(test: Callable[[], object]) -> None:
    async def main() -> None:
        test()

    asyncio.run(main())


def test_a_killed_process_goes_on_where_it_was(place: Place) -> None:
    """What it had not written to the disk is in memory."""

    def test() -> None:
        history, _ = place.begin()
        history.note(SAID.user, SAID.reply)
        assert [path.parent.name for path in place.files] == ["run"]
        place.now += 599
        again, kept = place.begin()
        assert again.exchanges == (SAID,)
        kept.close()

    in_loop(test)


@pytest.mark.parametrize(("minutes", "later"), [(10, 600), (10, -1), (0, 1)])
def test_too_late_a_wrong_clock_or_no_longer_wanted_is_forgotten(place: Place, minutes: int, later: float) -> None:
    """And not left lying about."""

    def test() -> None:
        history, kept = place.begin()
        history.note(SAID.user, SAID.reply)
        kept.close()
        assert stat.S_IMODE(place.disk.stat().st_mode) == 0o600
        assert len(place.files) == 2
        place.now += later
        again, _ = place.begin(minutes)
        assert again.exchanges == ()
        assert place.files == []

    in_loop(test)


def test_by_default_nothing_is_written(place: Place) -> None:
    """Not even for a moment."""

    def test() -> None:
        history, kept = place.begin(0)
        history.note(SAID.user, SAID.reply)
        kept.close()
        assert place.files == []

    in_loop(test)


def test_what_is_forgotten_is_gone_at_once_and_stays_away(place: Place) -> None:
    """A write that was waiting for its time included."""

    def test() -> None:
        history, kept = place.begin()
        history.note(SAID.user, SAID.reply)
        kept._to_disk()
        history.note("more", "of it")
        history.clear()
        assert place.files == []
        kept.close()
        assert place.files == []

    in_loop(test)


def test_it_is_written_to_the_disk_after_a_while_and_removed_when_its_time_is_over(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nobody asking."""
    monkeypatch.setattr(resume, "WRITE_S", 0.01)

    async def main() -> None:
        history, kept = place.begin(1)
        history.note(SAID.user, SAID.reply)
        await wait_until(place.disk.exists)
        timer = vars(kept)["_expiring"]
        assert 55 < timer.when() - asyncio.get_running_loop().time() <= 60
        timer._callback(*timer._args)
        assert place.files == []
        kept.close()

    asyncio.run(main())


@pytest.mark.parametrize("content", ["", "[]", "{", '{"at": 1}', '{"at": "x", "turns": []}', '{"at": 1, "turns": [1]}'])
def test_a_file_that_cannot_be_read_is_no_conversation(place: Place, content: str) -> None:
    """And the other one counts."""

    def test() -> None:
        place.disk.parent.mkdir()
        place.aside.parent.mkdir()
        place.disk.write_text(content)
        place.aside.write_text(json.dumps({"at": place.now, "turns": [[SAID.user, SAID.reply]]}))
        history, kept = place.begin()
        assert history.exchanges == (SAID,)
        kept.close()

    in_loop(test)
