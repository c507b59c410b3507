"""The updater killed at its system calls, and the power cut at random moments. `tests.bench power_cuts` does more."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provision.updater.layout import Layout
from provision.updater.records import load_trial
from tests.provision import cuts, evb
from tests.provision.rehearsal import run

pytestmark = pytest.mark.slow
CALLS = ("rename", "fsync", "sync", "symlink", "unlink", "mkdir", "rmdir", "fchmod", "chmod", "write")
STEP = 31  # of the many calls of a kind only some; `tests.bench power_cuts` takes all
MOST = 400
KILLED = -9
needs_strace = pytest.mark.skipif(
    bool(evb.missing()) or shutil.which("strace") is None, reason=f"needs strace {evb.missing()}"
)
needs_disk = pytest.mark.skipif(bool(cuts.missing()), reason=f"needs {cuts.missing()}")


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> evb.Maker:
    folder = tmp_path_factory.mktemp("cut")
    return evb.Maker(folder, evb.make_keys(folder), files=2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, maker: evb.Maker) -> Path:
    """A device with release 1, to be copied."""
    layout = evb.blank(tmp_path_factory.mktemp("base") / "device", maker.key)
    assert run(layout, "apply", maker.make(1), "--install") == 0
    return layout.root


def copied(base: Path, folder: Path) -> Layout:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder, symlinks=True)
    return Layout(folder)


def killed(layout: Layout, bundle: Path, call: str, number: int) -> int:
    """An update whose `number`th system call of this kind is its last; its exit code."""
    words = (
        "strace", "-qq", "-o", "/dev/null", "-e", f"trace=?{call},?{call}at", "-e", "signal=none",
        "-e", f"inject=?{call},?{call}at:signal=KILL:when={number}",
        sys.executable, "-m", "tests.provision.rehearsal", layout.root, "apply", bundle,
    )  # fmt: skip
    return subprocess.run(
        words, cwd=cuts.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    ).returncode


@needs_strace
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", [("good", "0.2.0+2"), ("crash", "0.1.0+1")])
def test_killed_at_any_call_the_old_or_the_new_one_runs(
    tmp_path: Path, base: Path, maker: evb.Maker, call: str, case: tuple[str, str]
) -> None:
    behaviour, kept = case
    bundle = maker.make(2, behaviour)
    whole = copied(base, tmp_path / "whole")
    ended = 0 if behaviour == "good" else 1
    assert run(whole, "apply", bundle) == ended
    releases = {name: evb.contents(folder) for name, folder in _releases(whole).items()}
    releases.setdefault("0.2.0+2", {})
    number, kills, step = 1, 0, int(os.environ.get("EDGE_VOICE_TEST_STEP", STEP))
    while True:
        layout = copied(base, tmp_path / "device")
        code = killed(layout, bundle, call, number)
        if code == ended:
            break
        assert code in {KILLED, 128 - KILLED}, code
        kills += 1
        assert layout.current.resolve().is_dir(), f"{call} {number}: nothing runs"
        assert_sound(layout, releases, f"{call} {number}")
        if number % 2:
            assert run(layout, "boot") == 0
            assert_sound(layout, releases, f"{call} {number}, booted")
        again = run(layout, "apply", bundle)
        assert (again, layout.current.readlink().name) == (ended, kept), f"{call} {number}, again"
        assert load_trial(layout) is None
        assert [path.name for path in layout.releases.iterdir() if path.name.startswith(".")] == []
        number += step
        assert number < MOST
    assert kills or call in {"sync", "rmdir", "chmod", "fchmod", "unlink"}, f"{call} is never called"


def _releases(layout: Layout) -> dict[str, Path]:
    return {path.name: path for path in layout.releases.iterdir()}


def assert_sound(layout: Layout, releases: dict[str, dict[str, str]], what: str) -> None:
    """The release that would be started is whole."""
    name = layout.current.readlink().name
    found = evb.contents(layout.current.resolve())
    assert {path: found.get(path) for path in releases[name]} == releases[name], what


@needs_disk
def test_a_power_cut_leaves_a_device_that_starts(tmp_path: Path, maker: evb.Maker) -> None:
    with cuts.Disk(tmp_path, maker) as disk:
        chance = random.Random(7)
        outcomes = [disk.outcome(copy) for _ in range(3) for copy in disk.update(unsafe=False, chance=chance)]
        assert [outcome.trouble for outcome in outcomes if outcome.trouble] == []
        assert {outcome.release for outcome in outcomes} <= {"0.1.0+1", "0.2.0+2"}


@needs_disk
def test_without_syncing_it_does_not(tmp_path: Path, maker: evb.Maker) -> None:
    """The same test with the mutant: otherwise it would show nothing."""
    with cuts.Disk(tmp_path, maker) as disk:
        chance = random.Random(7)
        outcomes = [disk.outcome(copy) for copy in disk.update(unsafe=True, chance=chance, cuts=8)]
        assert [outcome.trouble for outcome in outcomes if outcome.trouble] != []
