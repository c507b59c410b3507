"""An updater on a folder instead of a machine: all its files are real, systemd and the daemon are played.

`python -m tests.provision.rehearsal ROOT apply FILE` is the updater of the device in ROOT, to be killed at will.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

from provision.updater import main as updater
from provision.updater.health import Look
from provision.updater.layout import Layout
from provision.updater.releases import Python

NOWHERE = Python("/nowhere/python", "3.11.2", sys.version_info.minor)  # nothing is compiled
EPOCH = 1_793_600_000.0  # 2026-11-02, a day after the bundles were made


class Played:
    """Service. How the daemon behaves is in the release that `current` leads to when it is started."""

    def __init__(self, layout: Layout, now: float = EPOCH, active: str = "active") -> None:
        self._layout, self.wall, self.elapsed = layout, now, 0.0
        self.active, self.started = active, -1000.0
        self.busy_until, self.calls = 0.0, [""]
        self.running = self._behaviour()
        self.pid = 100
        self.models = [{"purpose": "speech to text", "state": "ok"}]

    def _behaviour(self) -> str:
        try:
            text = next(self._layout.current.glob("lib/python3*/site-packages/edge/__init__.py")).read_text()
        except (OSError, StopIteration):
            return "absent"
        match = re.search(r"BEHAVIOUR = '(\w+)'", text)
        return match[1] if match else "damaged"

    def look(self) -> Look:
        if self.active != "active":
            return Look(self.active)
        age = self.elapsed - self.started
        match self.running:
            case "absent" | "damaged":
                return Look("failed")
            case "crash":
                return Look("activating", 0, 1)
            case "never":
                return Look("activating", self.pid)
            case "dies" if age > 60:
                return Look("active", self.pid + 1, 1)
        return Look("active" if age > 1 else "activating", self.pid)

    def ask(self, release: Path) -> Look:
        seen = self.look()
        if not seen.runs:
            return seen
        age = self.elapsed - self.started
        well = not (self.running == "deaf" and age > 20)
        relay = False if self.running == "alone" else True if self.running != "norelay" else None
        return Look(seen.active, seen.pid, seen.restarts, well, self.elapsed < self.busy_until, relay)

    def restart(self) -> None:
        self.calls.append("restart")
        self.running, self.started, self.active = self._behaviour(), self.elapsed, "active"
        self.pid += 1

    def reload(self) -> None:
        self.calls.append("reload")

    def run(self, release: Path, *words: str) -> tuple[int, str]:
        text = next(release.glob("lib/python3*/site-packages/edge/__init__.py")).read_text()
        self.calls.append(" ".join(words))
        if words == ("config", "check") and "'picky'" in text:
            return 78, "edge-voice: [audio] volume: not a number\n"
        if words[0] == "models":
            return 0, json.dumps([] if "'forgetful'" in text else self.models)
        if words[0] == "selftest" and "'mute'" in text:
            return 1, "{}"
        return 0, ""

    def run_as_root(self, release: Path, *words: str) -> tuple[int, str]:
        return self.run(release, *words)

    def systemctl(self, *words: str) -> str:
        self.calls.append(" ".join(words))
        return "systemd 252 (252.39-1)\n" if words == ("--version",) else ""

    def now(self) -> float:
        return self.wall + self.elapsed

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds


class Hasty(Played):
    """For processes that are killed or cut off: a real process, with a trial that takes a moment of real time."""

    def sleep(self, seconds: float) -> None:
        time.sleep(0.001)
        super().sleep(seconds * 10)


def run(layout: Layout, *words: object, service: Played | None = None) -> int:
    """One command of the updater; the exit code."""
    return updater.run([str(word) for word in words], layout, service or Played(layout), NOWHERE)


def main(root: str, *words: str) -> int:
    layout = Layout(Path(root))
    if os.environ.get("EDGE_VOICE_TEST_UNSAFE"):  # the mutant: nothing is forced onto the disk
        os.fsync = lambda _: None  # type: ignore[assignment]
        os.sync = lambda: None
    return updater.run(words, layout, Hasty(layout), NOWHERE)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
