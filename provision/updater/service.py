"""What the updater asks of the running system: systemd, and the commands of a release."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from .health import Look
from .layout import Layout

UNIT = "edge-voice.service"
USER = "edge-voice"
SYSTEMCTL_S = 90
ANSWER_S = 15
CHECK_S = 120  # a first import from a slow card
SELFTEST_S = 60
AT_REST = {"idle", "muted", "error"}
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/var/lib/edge-voice",
    "STATE_DIRECTORY": "/var/lib/edge-voice",
}  # fmt: skip
SHOWN = ("ActiveState", "MainPID", "NRestarts", "Job")


class Service(Protocol):
    """The system as the updater sees it."""

    def look(self) -> Look:
        """The service as systemd shows it, at once."""
        ...

    def ask(self, release: Path) -> Look:
        """As `look`, and what the daemon says of itself through the release's own command."""
        ...

    def restart(self) -> None:
        """Read the units again and start the service anew, without waiting for it."""
        ...

    def reload(self) -> None:
        """Read the units again."""
        ...

    def run(self, release: Path, *words: str) -> tuple[int, str]:
        """A command of the release, as the service's user: its exit code, and what it said."""
        ...

    def run_as_root(self, release: Path, *words: str) -> tuple[int, str]:
        """The same, where root's files are to be written."""
        ...

    def systemctl(self, *words: str) -> str:
        """Its output, whatever comes of it."""
        ...

    def now(self) -> float:
        """The time, seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds, for durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Systemd:
    """The real one."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def look(self) -> Look:
        """See Service."""
        lines = self.systemctl("show", "-p", ",".join(SHOWN), UNIT).splitlines()
        said = dict(line.partition("=")[::2] for line in lines)
        state = said.get("ActiveState", "")
        if _number(said.get("Job")):  # what it was told to do is not done yet: the old process may still be there
            state = "activating"
        return Look(state, _number(said.get("MainPID")), _number(said.get("NRestarts")))

    def ask(self, release: Path) -> Look:
        """See Service."""
        seen = self.look()
        _, text = self.run(release, "status", "--json")
        return with_status(seen, text)

    def restart(self) -> None:
        """See Service."""
        self.reload()
        self.systemctl("reset-failed", UNIT)
        self.systemctl("--no-block", "restart", UNIT)
        self.systemctl("--no-block", "try-restart", "edge-voice-relay.service")

    def reload(self) -> None:
        """See Service."""
        self.systemctl("daemon-reload")

    def run(self, release: Path, *words: str) -> tuple[int, str]:
        """See Service."""
        limit = {"config": CHECK_S, "models": CHECK_S, "selftest": SELFTEST_S}.get(words[0], ANSWER_S)
        return command((release / "bin/edge-voice", *words), limit, **as_user())

    def run_as_root(self, release: Path, *words: str) -> tuple[int, str]:
        """See Service."""
        return command((release / "bin/edge-voice", *words), CHECK_S, env=ENVIRONMENT)

    def systemctl(self, *words: str) -> str:
        """See Service."""
        return command(("systemctl", *words), SYSTEMCTL_S)[1]

    def now(self) -> float:
        """See Service."""
        return time.time()

    def monotonic(self) -> float:
        """See Service."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See Service."""
        time.sleep(seconds)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def as_user() -> dict[str, Any]:
    """Arguments for subprocess: the service's own user, whom a new release's code cannot harm the system as."""
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        return {"env": ENVIRONMENT}
    if os.geteuid() != 0:
        return {"env": ENVIRONMENT}
    groups = os.getgrouplist(USER, user.pw_gid)
    return {"env": ENVIRONMENT, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}


def command(words: Sequence[str | Path], limit: float, **how: Any) -> tuple[int, str]:
    """Run a program: exit code and output; 127 when it cannot be run, 124 when it takes too long."""
    try:
        done = subprocess.run(
            [str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=False,
            cwd="/", **how,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {limit:.0f} s"
    except (OSError, subprocess.SubprocessError) as error:
        return 127, str(error)
    text = done.stdout + (done.stderr if done.returncode else b"")
    return done.returncode, text.decode(errors="replace")


def with_status(seen: Look, text: str) -> Look:
    """What `edge-voice status --json` adds; a daemon that does not answer is not well."""
    try:
        said = json.JSONDecoder().raw_decode(text)[0]
        muted = bool(said.get("muted")) and not said.get("problems")
        link = said.get("link")
        linked = link.get("standing") == "online" if isinstance(link, dict) else None
        well, busy = bool(said["ready"]) or muted, said["state"] not in AT_REST
    except (ValueError, KeyError, AttributeError, TypeError):
        return seen
    return Look(seen.active, seen.pid, seen.restarts, well, busy, linked)
