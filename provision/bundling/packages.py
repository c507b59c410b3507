"""The wheels of one target: what the lock says, for a machine and Python that need not be this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provision import select_locked

from .errors import BundleError

# Debian's own python3-systemd and python3-spidev serve: they have no wheels for a device.
DEBIANS = {"systemd-python", "spidev"}
LGPIO_UNTIL = 11  # lgpio has wheels for Python up to 3.11; Debian 13 has python3-lgpio
# What Debian 12 (glibc 2.36) can run, and so Debian 13.
GLIBCS = ("2_36", "2_35", "2_34", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17", "2_5")
FLIT = "import sys; sys.path.insert(0, sys.argv[1]); import flit_core.buildapi as f; f.build_wheel(sys.argv[2])"
PIP_S = 3600
LONGEST = 100  # of a name in a tar without extensions


@dataclass(frozen=True)
class Target:
    """A kind of device, such as aarch64-3.11."""

    machine: str
    minor: int

    @property
    def name(self) -> str:
        """As in the manifest."""
        return f"{self.machine}-3.{self.minor}"


def pins(lock: str, extras: Sequence[str], target: Target) -> list[str]:
    """The part of the lock for one target, hashes included and markers judged."""
    without = DEBIANS | ({"lgpio"} if target.minor > LGPIO_UNTIL else set())
    wanted = select_locked.wanted(extras, base=True) - without
    chosen = select_locked.select(lock, wanted)
    return [pin for one in chosen if (pin := select_locked.needed(one, f"3.{target.minor}", target.machine))]


def download(requirements: Sequence[str], target: Target, folder: Path, wheels: Path | None) -> None:
    """Their wheels, checked against the hashes; from the folder `wheels` alone where that is given."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / "requirements.txt"
    listed.write_text("\n".join(requirements) + "\n")
    machine = target.machine
    platforms = [f"manylinux_{glibc}_{machine}" for glibc in GLIBCS] + [f"manylinux2014_{machine}"]
    words = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-input",
        "--only-binary", ":all:", "--require-hashes", "--python-version", f"3.{target.minor}",
        *(word for platform in platforms for word in ("--platform", platform)), "-r", str(listed), "-d", str(folder),
    ]  # fmt: skip
    if wheels is not None:
        words += ["--no-index", "--find-links", str(wheels)]
    run(words, f"The packages for {target.name} could not be fetched")
    listed.unlink()


def short(name: str) -> str:
    """A wheel's name as a tar can hold it: one platform of several is named, as many as it takes."""
    stem, _, platforms = name.removesuffix(".whl").rpartition("-")
    return name if len(name) <= LONGEST else f"{stem}-{platforms.partition('.')[0]}.whl"


def build_own(root: Path, flit: Path, folder: Path, epoch: int) -> Path:
    """Our own wheel, by flit straight from its wheel; the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    run([sys.executable, "-c", FLIT, str(flit), str(folder)], "Our own wheel could not be built", cwd=root, epoch=epoch)
    return next(folder.glob("edge_voice-*.whl"))


def run(words: Sequence[str], what: str, *, cwd: Path | None = None, epoch: int = 0) -> str:
    """A program's output; raises BundleError with its last words."""
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)} if epoch else None
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PIP_S, check=False, cwd=cwd, env=env)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BundleError(f"{what}: {error}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BundleError(f"{what}: {said[-1] if said else words[0]}")
    return done.stdout
