"""An arm64 Debian in a folder, run under emulation: everything but systemd works there, ten times as slowly.

Its base is made once (two to seven minutes) and kept beside the other machines of tests/machines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.machines.machine import PYTHON, ROOT, SUITE, cached, digest, do, sources

PACKAGES = ("systemd", "python3", "python3-venv", "python3-systemd", "libportaudio2", "alsa-utils", "procps")
PROGRAMS = ("mmdebstrap", "update-binfmts", "arch-test", "unshare", "chroot", "mount")
EXTRAS = "talk local cloud claude gemini relay pi"
FORMATS = Path("/proc/sys/fs/binfmt_misc")
EMULATOR = "qemu-aarch64"
ENVIRONMENT = ("PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8", "HOME=/root")
INSTALL_S = 1200

measured: list[tuple[str, float]] = []  # for the table at the end of a run


def missing() -> str:
    """What keeps this machine from it, or "". Switches the emulation on, for the whole kernel, if it may."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} (apt install qemu-user-static binfmt-support arch-test mmdebstrap)"
    if os.geteuid() != 0:
        return "root"
    if not (FORMATS / "register").exists():
        quietly("mount", "-t", "binfmt_misc", "binfmt_misc", FORMATS)
    if not (FORMATS / EMULATOR).exists():
        quietly("update-binfmts", "--enable", EMULATOR)
    return "" if quietly("arch-test", "arm64") else f"a kernel that runs {EMULATOR} (qemu-user-static, binfmt_misc)"


def quietly(*command: object) -> bool:
    """Whether a program did well."""
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, check=False, stdin=subprocess.DEVNULL).returncode == 0


def base() -> Path:
    """A Debian with what provision/install would otherwise fetch."""

    def make(folder: Path) -> None:
        include = f"--include={','.join(PACKAGES)}"
        do("mmdebstrap", "--quiet", "--variant=minbase", "--arch=arm64", include, SUITE, folder, timeout=INSTALL_S)

    return cached(f"arm64-{SUITE}-{digest(PACKAGES)}", make)


def wheelhouse() -> Path:
    """The locked packages for such a machine, brought by this one."""

    def make(folder: Path) -> None:
        do(ROOT / "provision/install", "--make-bundle", folder, "--for", PYTHON, "--machine", "aarch64", "--extras",
           EXTRAS)  # fmt: skip

    what = [(ROOT / name).read_text() for name in ("requirements.lock", "provision/wheels.sh")]
    return cached(f"arm64-wheels-{PYTHON}-{digest(what, EXTRAS)}", make)


class Board:
    """A context manager: an overlay on the base, without a network; the tree is /src in it, the packages /wheels."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self._stack = ExitStack()

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
        for name in ("root", "upper", "work", "sources"):
            (self.folder / name).mkdir()
        layers = f"lowerdir={base()},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        self._mount("-t", "overlay", "overlay", "-o", layers, at=self.root)
        self.bind(sources(self.folder / "sources"), "/src")
        self.bind(wheelhouse(), "/wheels")

    def bind(self, there: Path, here: str) -> None:
        """Show a folder of this machine in there, read-only."""
        at = self.root / here.lstrip("/")
        at.mkdir(parents=True, exist_ok=True)
        self._mount("--bind", "-o", "ro", there, at=at)

    def _mount(self, *words: object, at: Path) -> None:
        do("mount", *words, at)
        self._stack.callback(do, "umount", "-l", at)

    def call(self, *command: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """A command in there, whatever comes of it."""
        enter = ("unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child",
                 f"--mount-proc={self.root}/proc", "chroot", self.root, "env", "-i", *ENVIRONMENT)  # fmt: skip
        words = [str(word) for word in (*enter, *command)]
        return subprocess.run(
            words, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
        )

    def run(self, *command: object, timeout: float = 120) -> str:
        """A command that must do well; returns what it prints."""
        done = self.call(*command, timeout=timeout)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def install(self) -> str:
        """As for an image."""
        words = ("/src/provision/install", "--image", "--bundle", "/wheels", "--extras", EXTRAS)
        return self.run(*words, timeout=INSTALL_S)

    def python(self, script: str, timeout: float = 300) -> str:
        """The release's own Python."""
        return self.run("/opt/edge-voice/current/bin/python", "-c", script, timeout=timeout)
