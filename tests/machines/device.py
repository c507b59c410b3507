"""The installed device as its owner meets it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.machines.machine import Machine
from tests.rig import Rig

measured: list[tuple[str, float]] = []  # for the table at the end of a run
UNIT = "edge-voice.service"
DROP_IN = f"/run/systemd/system/{UNIT}.d/test.conf"
CONFIG = "/etc/edge-voice/config.toml"
PLAIN = """
[engine]
use = ["none"]
[audio]
input = "usbmic"
output = "usbspk"
volume = {volume}
"""
READY_S = 30  # a busy machine; how long it took is in the table


class Device:
    """The service in a machine."""

    key = "sk-planted-0123456789abcdef"

    def __init__(self, machine: Machine, rig: Rig) -> None:
        self.machine, self.rig = machine, rig
        self._plain = True

    # --- setting up ---------------------------------------------------------------------------------

    def install(self, *options: str, **how: Any) -> str:
        words = ("/src/provision/install", "--bundle", "/wheels", "--extras", "local", *options)
        return self.machine.run(*words, timeout=240, **how)

    def configure(self, more: str = "", volume: int = 100) -> None:
        self._plain = (more, volume) == ("", 100)
        self.machine.write(CONFIG, PLAIN.format(volume=volume) + more)

    def drop_in(self, text: str) -> None:
        """A drop-in for this test."""
        self.machine.write(DROP_IN, f"[Service]\n{text}\n")
        self.machine.run("systemctl", "daemon-reload")

    def reset(self) -> None:
        self.machine.call("systemctl", "reset-failed", UNIT)  # from systemd 254 on, each crash makes the pause longer
        self.rig.pactl("suspend-source", "mic", "0")
        dirty = not self._plain
        if self.machine.call("test", "-e", DROP_IN).returncode == 0:
            self.machine.run("rm", DROP_IN)
            self.machine.run("systemctl", "daemon-reload")
            dirty = True
        if dirty:
            self.configure()
        if dirty or self.state != "active" or not self.status()["ready"]:
            self.restart()

    def restart(self) -> float:
        """Until it is ready; seconds, by systemd's own clock."""
        self.machine.run("systemctl", "restart", UNIT)
        began, ready = (
            int(self.machine.property(name))
            for name in ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        )
        return (ready - began) / 1e6

    # --- what can be seen ---------------------------------------------------------------------------

    @property
    def state(self) -> str:
        return self.machine.property("ActiveState")

    @property
    def pid(self) -> int:
        return int(self.machine.property("MainPID"))

    @property
    def text(self) -> str:
        return self.machine.property("StatusText")

    @property
    def restarts(self) -> int:
        return int(self.machine.property("NRestarts"))

    def ask(self, *words: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        """edge-voice's command line, in the machine."""
        return self.machine.call("edge-voice", *words, user=user)

    def status(self) -> dict[str, Any]:
        said = self.ask("status", "--json").stdout
        return dict(json.loads(said)) if said else {"ready": False}

    def entries(self, *matches: str) -> list[dict[str, str]]:
        """Of the journal, since the daemon's last start."""
        invocation = self.machine.property("InvocationID")
        words = ("journalctl", "-t", "edge-voice", f"_SYSTEMD_INVOCATION_ID={invocation}", "-o", "json", *matches)
        return [json.loads(line) for line in self.machine.run(*words).splitlines()]

    # --- waiting ------------------------------------------------------------------------------------

    def ready_again(self, old: int, limit: float = READY_S) -> float:
        """Until another process than `old` is ready."""

        def is_ready() -> bool:
            shown = self.machine.run("systemctl", "show", "-p", "MainPID,ActiveState", UNIT)
            return "ActiveState=active" in shown and f"MainPID={old}\n" not in shown and "MainPID=0\n" not in shown

        return self.machine.until(is_ready, limit, "ready again")

    def until_text(self, words: str, limit: float = READY_S) -> float:
        return self.machine.until(lambda: words in self.text, limit, f"status {words!r}")
