"""Programs that tell when a mixer may have moved: their lines, their ends, and that none is left."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge.audio import following
from edge.audio.following import Following
from tests.rig import wait_for


class Count:
    """How often it was told."""

    def __init__(self) -> None:
        self.told = 0

    def __call__(self) -> None:
        self.told += 1


@pytest.fixture
def count() -> Count:
    return Count()


@pytest.fixture
def it(count: Count) -> Iterator[Following]:
    one = Following(count)
    yield one
    one.close()
    one.close()
    assert "mixer" not in {thread.name for thread in threading.enumerate()}


def program(folder: Path, script: str) -> tuple[str, ...]:
    return ("sh", "-c", f"echo $$ >> {folder}/pids; {script}")


def pids(folder: Path) -> list[int]:
    with suppress(OSError):
        return [int(line) for line in (folder / "pids").read_text().split()]
    return []


def lives(pid: int) -> bool:
    with suppress(OSError):
        os.kill(pid, 0)
        return True
    return False


LINES = r"""printf '%s\n' "Event 'change' on sink #0" "Event 'new' on client #7" "Event 'change' on sink-input #4" """


def test_only_what_may_be_the_volume_is_told(it: Following, count: Count, tmp_path: Path) -> None:
    """Asking for the volume makes lines of its own: telling those would never end."""
    more = r"""printf '%s\n' "Event 'change' on server #0" "Ready to listen..." "event value: numid=3,name='Master'" """
    it.follow(program(tmp_path, f"{LINES}; {more}; exec sleep 60"))
    wait_for(lambda: count.told == 3, 10, "the lines")


def test_a_program_that_ends_is_started_again(
    it: Following, count: Count, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sound server has been restarted; what was missed meanwhile is looked for."""
    monkeypatch.setattr(following, "AGAIN_S", (0.01, 0.05))
    it.follow(program(tmp_path, "true"))
    wait_for(lambda: len(pids(tmp_path)) >= 3 and count.told >= 2, 10, "the third start")


def test_another_program_takes_the_place_of_the_first_one(it: Following, tmp_path: Path) -> None:
    it.follow(program(tmp_path, "exec sleep 60"))
    wait_for(lambda: pids(tmp_path), 10, "the first")
    it.follow(program(tmp_path, "exec sleep 60"))
    it.follow(program(tmp_path, "exec  sleep 60"))
    wait_for(lambda: len(pids(tmp_path)) == 2, 10, "the second")
    first, second = pids(tmp_path)
    assert (lives(first), lives(second)) == (False, True)
    it.follow(())
    assert not lives(second)


def test_a_program_that_is_not_installed_is_none(it: Following, count: Count) -> None:
    it.follow(("no-such-program-anywhere",))
    wait_for(lambda: "mixer" not in {thread.name for thread in threading.enumerate()}, 10, "its thread's end")
    assert count.told == 0
