"""A machine that is installed and updated from bundles, without any network."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from tests.machines.bundles import Bundles
from tests.machines.device import Device
from tests.machines.machine import Machine
from tests.rig import Rig

BUSY_S = 60
UPDATE = ("/usr/local/sbin/edge-voice-update",)
SETTINGS = "[update]\nminutes = {minutes}\n{more}"


class Blank(Device):
    """A machine that has been given nothing but a bundle, the updater and two public keys."""

    def __init__(self, machine: Machine, rig: Rig, bundles: Bundles) -> None:
        super().__init__(machine, rig)
        self.bundles = bundles
        self.number = 0

    def install_bundle(self, *more: object) -> float:
        """From a bundle made with `more`, as from a card; seconds until it is ready."""
        machine = self.machine
        machine.write("/etc/edge-voice/keys/fleet.pub", self.bundles.key.with_suffix(".pub").read_text())
        bundle = self.take("good", *more)
        # What lies beside the bundle on a card: the updater, straight from it.
        machine.shell(f"mkdir -p /run/first && tar -xf {bundle} -C /run/first updater")
        begin = time.monotonic()
        done = machine.call("/run/first/updater/edge-voice-update", "apply", bundle, "--install", timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr + machine.journal()
        machine.until(lambda: self.state == "active", 60, "ready")
        took = time.monotonic() - begin
        machine.run("rm", bundle)
        return took

    def take(self, fault: str, *more: object) -> str:
        """A bundle with the next number, brought into the machine; its path there."""
        self.number += 1
        bundle = self.bundles.make(self.number, fault, *more)
        there = f"/var/tmp/{bundle.name}"
        self.bring(bundle, there)
        bundle.unlink()
        return there

    def bring(self, path: Path, there: str) -> None:
        """A file of this machine into that one."""
        with path.open("rb") as file:
            subprocess.run(self.machine.words("tee", there), stdin=file, stdout=subprocess.DEVNULL, check=True)

    def apply(self, path: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Also when the health timer has the updater just then, as the fleet does."""
        end = time.monotonic() + BUSY_S
        while True:
            done = self.machine.call(*UPDATE, "apply", path, *options, timeout=240)
            if "Another update is under way" not in done.stderr or time.monotonic() > end:
                break
            time.sleep(0.5)
        self.machine.call("rm", path)
        return done

    def settings(self, minutes: float, more: str = "") -> None:
        self.machine.write("/etc/edge-voice/update.conf", SETTINGS.format(minutes=minutes, more=more))

    def update_status(self) -> dict:
        return json.loads(self.machine.run(*UPDATE, "status", "--json"))

    def unavailable(self) -> float:
        """How long no turn could be held at the last switch, by systemd's clock."""
        left, back = (
            int(self.machine.property(name))
            for name in ("ActiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        )
        return (back - left) / 1e6
