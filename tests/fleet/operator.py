"""The operator: provision/fleet from a copy of the tree, in the fleet's network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.machines.lan import Lan
from tests.machines.machine import sources
from tests.provision import evb

measured: list[tuple[str, float]] = []
PASSWORD = "correct horse"
SECRET = "sk-planted-0123456789abcdef"
RUN_S = 400
FLEET = """
[fleet]
user = "pi"
secrets = "secrets.yml"
keys = ["keys/{key}.pub"]
ssh = "-o UserKnownHostsFile={home}/known_hosts"
[update]
soak_minutes = 0.02
minutes = 0.05
canaries_needed = {needed}
[hardware.rig.audio]
input = "usbmic"
output = "usbspk"
[engines.cloud]
keys = {{ openai_api_key = "openai" }}
[engines.cloud.engine]
use = ["realtime"]
[defaults]
hardware = "rig"
engine = "cloud"
relay = {relay}
[defaults.config.conversation]
follow_up_s = 0
"""
DEVICE = """
[devices.pi{number}]
address = "{address}"
ring = {ring}
canary = {canary}
config.realtime.url = "{url}"
config.audio.volume = {volume}
"""
RINGS = {1: 0, 2: 20, 3: 70, 4: 80, 5: 90}
RELAY = """
[relay]
url = "{url}"
token = "relay_token"
"""


class Operator:
    """Has everything in one folder."""

    def __init__(self, folder: Path, home: Path, lan: Lan) -> None:
        self.folder, self._home, self.lan = folder, home, lan
        self._tree = sources(folder / "tree")
        self.key = evb.make_keys(folder / "keys")
        self.password = folder / "password"
        self.password.write_text(PASSWORD)
        self.urls = dict.fromkeys(RINGS, "ws://127.0.0.1:9")
        self.relay = ""
        self.keep()

    def keep(self, **secrets: str) -> None:
        """The file of secrets, with these in it."""
        plain = self.folder / "secrets.yml"
        lines = "".join(f"  {name}: {value}\n" for name, value in {"openai": SECRET, **secrets}.items())
        plain.write_text(f"secrets:\n{lines}")
        vault = Path(sys.executable).with_name("ansible-vault")
        words = (vault, "encrypt", "--vault-password-file", self.password, plain)
        subprocess.run(words, check=True, capture_output=True)

    def write(self, *, needed: int = 1, volume: int = 100, key: str = "fleet") -> None:
        """The inventory."""
        linked = str(bool(self.relay)).lower()
        text = FLEET.format(key=key, home=self._home, needed=needed, relay=linked)
        text += RELAY.format(url=self.relay) if self.relay else ""
        for pi, (number, ring) in zip(self.lan.machines, RINGS.items(), strict=False):
            text += DEVICE.format(number=number, address=pi.address, ring=ring, canary=str(number == 1).lower(),
                                  url=self.urls[number], volume=volume if number == 2 else 100)  # fmt: skip
        (self.folder / "fleet.toml").write_text(text)

    def start(self, *words: object) -> subprocess.Popen[str]:
        """A command of provision/fleet."""
        command = [*self.lan.enter(), sys.executable, "-P", "-m", "provision.fleeting.main", "--fleet",
                   self.folder / "fleet.toml", "--vault-password-file", self.password, *words]  # fmt: skip
        env = {**os.environ, "PYTHONPATH": str(self._tree), "HOME": str(self._home),
               "ANSIBLE_PRIVATE_KEY_FILE": str(self.lan.key), "ANSIBLE_NOCOLOR": "1"}  # fmt: skip
        return subprocess.Popen([str(word) for word in command], env=env, text=True, cwd=self.folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip

    def run(self, *words: object, code: int = 0, what: str = "") -> str:
        """The same to its end; gives what it says."""
        begin = time.monotonic()
        with self.start(*words) as process:
            said, _ = process.communicate(timeout=RUN_S)
        assert process.returncode == code, f"{words}: {process.returncode}\n{said}"
        if what:
            measured.append((what, time.monotonic() - begin))
        return said

    def status(self, code: int = 0) -> dict[str, dict[str, Any]]:
        """By device."""
        return {row["device"]: row for row in json.loads(self.run("status", "--json", code=code))}

    def sequences(self, code: int = 0) -> list[int]:
        """What runs on each."""
        return [row["sequence"] for row in self.status(code).values()]
