"""A device on an ext4 of its own, in a file that can be copied in an instant: each copy is a power cut.

A copy has what had reached the disk, and nothing of what the kernel still had in memory. It is made by reflink, so the
file lies on a file system that can do that: this machine's, or an XFS in another file.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from provision.updater.layout import Layout
from provision.updater.records import load_trial
from tests.provision import evb
from tests.provision.rehearsal import run

ROOT = Path(__file__).parents[2]
XFS_MB, EXT4_MB = 640, 96
PROGRAMS = ("mkfs.xfs", "mkfs.ext4", "mount", "losetup")
AT_ONCE = 6  # cuts of one update
AFTER_S = 4.0  # the mutant is also cut when it has ended: what was not synced reaches the disk in no order
UPDATE_S = 60


def missing() -> str:
    """What such cuts lack here, or ""."""
    lacking = ", ".join(name for name in PROGRAMS if shutil.which(name) is None)
    return evb.missing() or lacking or ("" if os.geteuid() == 0 else "root")


def do(*words: object) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"


@contextmanager
def mounted(image: Path, where: Path, *options: str) -> Iterator[Path]:
    where.mkdir(exist_ok=True)
    do("mount", "-o", ",".join(("loop", *options)), image, where)
    try:
        yield where
    finally:
        do("umount", where)


@dataclass(frozen=True)
class Outcome:
    """Of one cut: which release runs afterwards, and what is wrong with that."""

    release: str
    trouble: str


class Disk:
    """A context manager. The device has release 1, and `update` takes it to release 2 while it is cut off."""

    def __init__(self, folder: Path, maker: evb.Maker) -> None:
        self._folder, self._maker = folder, maker
        self._stack = ExitStack()
        self._known: dict[str, dict[str, str]] = {}
        self._duration = 0.0
        self.bundle = Path()

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _set_up(self) -> None:
        host = self._folder / "host"
        do("truncate", "-s", f"{XFS_MB}M", self._folder / "xfs")
        do("mkfs.xfs", "-q", "-m", "reflink=1", self._folder / "xfs")
        self._host = self._stack.enter_context(mounted(self._folder / "xfs", host))
        do("truncate", "-s", f"{EXT4_MB}M", host / "base")
        do("mkfs.ext4", "-q", host / "base")
        first, self.bundle = self._maker.make(1), self._maker.make(2)
        with mounted(host / "base", self._folder / "base") as root:
            layout = evb.blank(root / "root", self._maker.key)
            assert run(layout, "apply", first, "--install") == 0
            self._known["0.1.0+1"] = evb.contents(layout.current.resolve())
        do("cp", "--reflink=always", host / "base", host / "new")
        with mounted(host / "new", self._folder / "new") as root:
            layout = Layout(root / "root")
            assert run(layout, "apply", self.bundle) == 0
            self._known["0.2.0+2"] = evb.contents(layout.current.resolve())

    def update(self, *, unsafe: bool, chance: random.Random, cuts: int = AT_ONCE) -> list[Path]:
        """One update, cut off at random moments; gives the disks as they were then."""
        image, moments = self._host / "disk", self._moments(chance, cuts, unsafe=unsafe)
        do("cp", "--reflink=always", self._host / "base", image)
        words = (sys.executable, "-m", "tests.provision.rehearsal", self._folder / "disk/root", "apply", self.bundle)
        env = {**os.environ, "EDGE_VOICE_TEST_UNSAFE": "1" if unsafe else ""}
        copies = []
        with mounted(image, self._folder / "disk", "commit=1"):
            begin = time.monotonic()
            with subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as updater:
                for number, moment in enumerate(moments):
                    time.sleep(max(0.0, begin + moment - time.monotonic()))
                    copies.append(self._host / f"cut{number}")
                    do("cp", "--reflink=always", image, copies[-1])
                assert updater.wait(UPDATE_S) == 0
        return copies

    def _moments(self, chance: random.Random, cuts: int, *, unsafe: bool) -> list[float]:
        """Seconds after its start. The mutant is the quicker, and what it leaves behind shows afterwards."""
        took = self._took()
        begin, end = (took * 0.2, took + AFTER_S) if unsafe else (took * 0.2, took * 1.3)
        return sorted(chance.uniform(begin, end) for _ in range(cuts))

    def _took(self) -> float:
        """How long an update takes here, measured once."""
        if self._duration == 0:
            do("cp", "--reflink=always", self._host / "base", self._host / "disk")
            with mounted(self._host / "disk", self._folder / "disk", "commit=1"):
                begin = time.monotonic()
                do(sys.executable, "-m", "tests.provision.rehearsal", self._folder / "disk/root", "apply", self.bundle)
                self._duration = time.monotonic() - begin
        return self._duration

    def outcome(self, copy: Path) -> Outcome:
        """Power comes back: the device boots, and the update is applied again."""
        with mounted(copy, self._folder / "cut") as root:
            layout = Layout(root / "root")
            release, trouble = self._booted(layout)
        copy.unlink()
        return Outcome(release, trouble)

    def _booted(self, layout: Layout) -> tuple[str, str]:
        before = self.sound(layout)
        if before:
            return "", f"at boot: {before}"
        code = run(layout, "boot")
        if code or (trouble := self.sound(layout)):
            return "", f"after boot: {code or trouble}"
        release = layout.current.readlink().name
        code = run(layout, "apply", self.bundle)
        if code or (trouble := self.sound(layout)):
            return release, f"applied again: {code or trouble}"
        done = layout.current.readlink().name == "0.2.0+2" and load_trial(layout) is None
        return release, "" if done else "the update could not be completed"

    def sound(self, layout: Layout) -> str:
        """What is wrong with the release that would be started, or ""."""
        try:
            name = layout.current.readlink().name
            found = evb.contents(layout.current.resolve(strict=True))
        except OSError as error:
            return f"{error.strerror}: {error.filename}"
        wrong = [path for path, digest in self._known[name].items() if found.get(path) != digest]
        return f"{len(wrong)} files of {name} are not as they should be" if wrong else ""
