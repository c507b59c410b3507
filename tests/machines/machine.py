"""A Debian machine with a booted systemd, in a container: an overlay over a root file system that is made once.

It has a network of its own, with nothing in it but the loopback, and no sound card but the rig's.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
CACHE = Path.home() / ".cache/edge-voice-tests"
SUITE = os.environ.get("EDGE_VOICE_TEST_SUITE", "bookworm")
PYTHON = {"bookworm": "3.11", "trixie": "3.13"}[SUITE]
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "libpam-systemd", "python3", "python3-venv", "python3-systemd",
    "libportaudio2", "alsa-utils", "libasound2-plugins", "iproute2", "procps", "openssl",
)  # fmt: skip
PROGRAMS = ("systemd-nspawn", "mmdebstrap", "nsenter", "ip", "mount")
# Of the tree, what a release is made of.
SOURCES = ("edge", "provision", "systemd", "pyproject.toml", "requirements.lock", "README.md", "LICENSE")
PATH = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
BOOT_S, BUILD_S = 60, 600
CLONE_NEWNET = 0x40000000


def missing() -> str:
    """What keeps this machine from having such containers, or ""."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} (apt install systemd-container mmdebstrap)"
    if os.geteuid() != 0:
        return "root"
    return ""


def cached(name: str, make: Callable[[Path], object]) -> Path:
    """A folder that is made once, by one process, and whole or not at all."""
    CACHE.mkdir(parents=True, exist_ok=True)
    there = CACHE / name
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not there.exists():
            partial = CACHE / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            make(partial)
            partial.rename(there)
            for other in CACHE.glob(f"{name.rpartition('-')[0]}-*"):  # of other packages or another lock
                if other != there:
                    shutil.rmtree(other, ignore_errors=True)
    return there


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def root_file_system() -> Path:
    def make(folder: Path) -> None:
        do("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, folder)

    return cached(f"{SUITE}-{digest(PACKAGES)}", make)


def wheelhouse(extras: str) -> Path:
    """The locked packages, as `provision/install --make-bundle` brings them to a device without a network."""

    def make(folder: Path) -> None:
        do(ROOT / "provision/install", "--make-bundle", folder, "--for", PYTHON, "--extras", extras)

    lock = (ROOT / "requirements.lock").read_text()
    return cached(f"wheels-{PYTHON}-{digest(lock, extras)}", make)


def do(*command: object, timeout: float = BUILD_S) -> str:
    """Run a program of this machine."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


class Machine:
    """A context manager; `run` is for whoever has logged in as root."""

    def __init__(self, folder: Path, binds: dict[str, Path]) -> None:
        self.name = f"edge-voice-{os.getpid()}"
        self.folder, self._binds = folder, binds
        self.root = folder / "root"
        self._stack = ExitStack()
        self._leader = 0

    def __enter__(self) -> Self:
        try:
            self.launch()
            self.until_booted()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def is_x86(self) -> bool:
        return os.uname().machine == "x86_64"

    # --- inside -------------------------------------------------------------------------------------

    def call(
        self, *command: object, timeout: float = 60, user: str = "root", **how: Any
    ) -> subprocess.CompletedProcess[str]:
        """A command in the machine, whatever comes of it."""
        words = self.words(*command, user=user)
        return subprocess.run(
            words, capture_output=True, text=True, timeout=timeout, check=False, **({"stdin": subprocess.DEVNULL} | how)
        )

    def words(self, *command: object, user: str = "root") -> list[str]:
        """The command out here that runs this one in there."""
        become = [] if user == "root" else ["runuser", "-u", user, "--"]
        enter = ["nsenter", f"--target={self._leader}", "--all", "env", "--chdir=/", "-i", PATH, "LC_ALL=C.UTF-8"]
        return [*enter, *become, *(str(word) for word in command)]

    def run(self, *command: object, **how: Any) -> str:
        """A command that must do well; returns what it prints."""
        done = self.call(*command, **how)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, script: str, **how: Any) -> str:
        return self.run("bash", "-euc", script, **how)

    def write(self, path: str, text: str) -> None:
        """Through the machine itself, so that its overlay sees it."""
        self.run("bash", "-euc", f"mkdir -p {Path(path).parent}; cat > {path}", stdin=None, input=text)

    def property(self, name: str, unit: str = "edge-voice") -> str:
        return self.run("systemctl", "show", "-P", name, unit).strip()

    def until(self, done: Callable[[], object], limit: float, what: str) -> float:
        """Wait until something is so; returns how many seconds that took."""
        begin = time.monotonic()
        while not done():
            assert time.monotonic() - begin < limit, f"{what}: not within {limit} s\n{self.journal()}"
            time.sleep(0.02)
        return time.monotonic() - begin

    def journal(self, *matches: str) -> str:
        return self.call("journalctl", "--no-pager", "-n", "40", "-o", "short-precise", *matches).stdout

    def outside_pid(self, inside: int) -> int:
        """The number that a process of the machine has out here."""
        for path in Path("/proc").glob("[0-9]*/status"):
            try:
                line = next(line for line in path.read_text().splitlines() if line.startswith("NSpid:"))
            except (OSError, StopIteration):
                continue
            numbers = line.split()[1:]
            if len(numbers) > 1 and int(numbers[-1]) == inside and self._is_ours(int(path.parent.name)):
                return int(path.parent.name)
        raise AssertionError(f"no process {inside}")

    def _is_ours(self, pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/ns/pid").readlink() == Path(f"/proc/{self._leader}/ns/pid").readlink()
        except OSError:
            return False

    def enter_network(self) -> None:
        """This thread's sockets are in the machine's network from now on."""
        with Path(f"/run/netns/{self.name}").open() as there:
            assert ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(
                ctypes.get_errno()
            )

    # --- booting ------------------------------------------------------------------------------------

    def launch(self) -> None:
        """Let it begin to boot; several can at a time."""
        self._network()
        self._overlay()
        groups = self._groups()
        binds = [f"--bind-ro={there}:{here}" for here, there in self._binds.items()]
        command = [
            # Without the capabilities and bpf, DeviceAllow= and SocketBindDeny= are silently not enforced.
            "systemd-nspawn", "-q", "-b", "-D", str(self.root), f"--machine={self.name}", "--register=no",
            "--keep-unit", "--resolv-conf=off", "--capability=CAP_BPF,CAP_PERFMON", "--system-call-filter=bpf",
            "--console=read-only",
            f"--network-namespace-path=/run/netns/{self.name}", *binds,
        ]  # fmt: skip

        def join() -> None:
            """A cgroup of its own: units of several containers would mix."""
            for group in groups:
                (group / "cgroup.procs").write_text(str(os.getpid()))

        console = self._stack.enter_context((self.folder / "console").open("wb"))
        nspawn = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, preexec_fn=join,  # noqa: PLW1509  no threads yet
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}, start_new_session=True,
        )  # fmt: skip
        self._stack.callback(self._power_off, nspawn)
        self._nspawn = nspawn

    def until_booted(self) -> None:
        """Until its systemd has started all that it was to."""
        nspawn = self._nspawn
        end = time.monotonic() + BOOT_S
        state = ""
        while state not in {"running", "degraded"}:
            assert nspawn.poll() is None, (self.folder / "console").read_text(errors="replace")
            assert time.monotonic() < end, f"{state}\n{(self.folder / 'console').read_text(errors='replace')}"
            time.sleep(0.05)
            children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split()
            if children:
                self._leader = int(children[0])
                state = self.call("systemctl", "is-system-running").stdout.strip()
        assert state == "running", self.run("systemctl", "--failed")

    def _network(self) -> None:
        do("ip", "netns", "add", self.name)
        self._stack.callback(do, "ip", "netns", "del", self.name)
        do("ip", "-n", self.name, "link", "set", "lo", "up")

    def _lower(self) -> Path:
        return root_file_system()

    def _overlay(self) -> None:
        for name in ("root", "upper", "work"):
            (self.folder / name).mkdir()
        layers = f"lowerdir={self._lower()},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        do("mount", "-t", "overlay", "overlay", "-o", layers, self.root)
        self._stack.callback(do, "umount", "-l", self.root)
        (self.root / "etc/hostname").write_text("device\n")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost device\n")
        (self.root / "etc/resolv.conf").write_text("")
        (self.root / "etc/machine-id").write_text("")

    def _groups(self) -> list[Path]:
        base = Path("/sys/fs/cgroup")
        names = [base / name for name in ("unified", "systemd")] if (base / "unified").is_dir() else [base]
        groups = [name / self.name for name in names]
        for group in groups:
            group.mkdir()
            self._stack.callback(_remove_group, group)
        return groups

    def _power_off(self, nspawn: subprocess.Popen[bytes]) -> None:
        if nspawn.poll() is None:
            nspawn.terminate()
            try:
                nspawn.wait(10)
            except subprocess.TimeoutExpired:
                nspawn.kill()
                nspawn.wait(10)


def _remove_group(group: Path) -> None:
    for folder in sorted([group, *group.rglob("*/")], key=lambda path: -len(path.parts)):
        if folder.is_dir():
            folder.rmdir()


def sources(folder: Path) -> Path:
    """A copy of the tree as it is now: others may be at work in it."""
    for name in SOURCES:
        there = ROOT / name
        if there.is_dir():
            shutil.copytree(there, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(there, folder / name)
    return folder
