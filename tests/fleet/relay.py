"""A relay in the operator's network, where the devices reach it: a process of its own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

from tests.machines.lan import NET
from tests.machines.machine import ROOT

PORT = 8080
URL = f"http://{NET}.1:{PORT}"
READY_S = 40


class Relay:
    """A context manager. `token` is the fleet's."""

    def __init__(self, folder: Path, enter: Sequence[str]) -> None:
        self.folder, self._enter = folder, enter
        self._log = folder / "relay.log"
        self.token = self._made("fleet-token", "the fleet")

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            command = [*self._enter, sys.executable, "-m", "edge", "relay", "--listen", f"{NET}.1:{PORT}"]
            self._process = subprocess.Popen(command, env=self._env(), cwd=ROOT, stdout=log, stderr=log)
        end = time.monotonic() + READY_S
        while "listens at" not in self._log.read_text():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def devices(self) -> dict[str, bytes]:
        """Those that it knows: name -> public key."""
        with closing(sqlite3.connect(self.folder / "relay.sqlite")) as db:
            return dict(db.execute("SELECT name, public_key FROM devices WHERE revoked IS NULL"))

    def revoked_at(self) -> float:
        """When the last device was revoked, in seconds since 1970."""
        with closing(sqlite3.connect(self.folder / "relay.sqlite")) as db:
            return float(db.execute("SELECT max(revoked) FROM devices").fetchone()[0])

    def written(self) -> bytes:
        """All that it keeps."""
        return b"".join(path.read_bytes() for path in self.folder.iterdir() if path.is_file())

    def _env(self) -> dict[str, str]:
        return {**os.environ, "STATE_DIRECTORY": str(self.folder)}

    def _made(self, *words: str) -> str:
        command = (sys.executable, "-m", "edge", "relay", *words)
        done = subprocess.run(command, env=self._env(), cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()
