"""Runs Ansible's playbooks, and reads what became of each device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision.fleeting.errors import FleetError
from provision.fleeting.inventory import for_ansible
from provision.fleeting.schema import Fleet, Member

ANSIBLE = Path(__file__).resolve().parents[1] / "ansible"
REPORT = "EDGE_VOICE_FLEET_REPORT"
# Whatever stands in ~/.ansible.cfg or this shell is somebody else's; who asks for a password may stay.
KEPT = {"ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_ASK_VAULT_PASS", "ANSIBLE_NOCOLOR", "ANSIBLE_PRIVATE_KEY_FILE"}


@dataclass
class Seen:
    """What one run says of one device. `state` is ok, failed or unreachable."""

    state: str = "ok"
    why: str = ""
    began: bool = False  # something beyond copying had begun when it went wrong
    not_now: bool = False
    changed: bool = False
    look: Mapping[str, Any] = field(default_factory=dict)  # of edge_voice_status
    output: str = ""


@dataclass(frozen=True)
class How:
    """Options of a run."""

    check: bool = False
    diff: bool = False
    quiet: bool = True  # Ansible's own words are kept, and shown only when it cannot run at all
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Player:
    """Runs playbooks on a fleet. Whatever it writes is in a folder for this user alone, and goes away."""

    fleet: Fleet
    folder: Path
    secrets: bool = False  # whether the file of secrets is needed
    password_file: Path | None = None
    playbooks: Path = ANSIBLE

    def play(self, name: str, members: Iterable[Member], how: How = How()) -> dict[str, Seen]:
        """What became of each; raises FleetError when Ansible itself could not run."""
        members = list(members)
        if not members:
            return {}
        inventory, variables, report = (self.folder / part for part in ("inventory.json", "variables.json", "report"))
        inventory.write_text(json.dumps(for_ansible(self.fleet, members)))
        variables.write_text(json.dumps(dict(how.variables)))
        report.write_text("")
        words = [Path(sys.executable).with_name("ansible-playbook"), self.playbooks / f"{name}.yml", "-i", inventory,
                 "--forks", self.fleet.settings.forks, "-e", f"@{variables}", *self._flags(how)]  # fmt: skip
        done = subprocess.run([str(word) for word in words], env=self._environment(report), check=False,
                              stdin=None if self.secrets else subprocess.DEVNULL,
                              stdout=subprocess.PIPE if how.quiet else None, text=True,
                              stderr=subprocess.STDOUT if how.quiet else None)  # fmt: skip
        seen = read_report(report.read_text().splitlines(), [member.name for member in members])
        # 2: tasks failed; 4: devices unreachable. Without a device that tells of it, Ansible itself is at fault.
        if done.returncode and all(one.state == "ok" for one in seen.values()):
            raise FleetError(f"Ansible could not run {name}.yml:\n{(done.stdout or '').strip()[-2000:]}")
        return seen

    def _flags(self, how: How) -> Iterator[object]:
        if how.check:
            yield "--check"
        if how.diff:
            yield "--diff"
        if self.secrets:
            yield from ("-e", f"@{self.fleet.secrets}")
            if self.password_file:
                yield from ("--vault-password-file", self.password_file)

    def _environment(self, report: Path) -> dict[str, str]:
        mine = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_") or key in KEPT}
        return {**mine, "ANSIBLE_CONFIG": str(self.playbooks / "ansible.cfg"), REPORT: str(report),
                "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"), "LC_ALL": "C.UTF-8"}  # fmt: skip


@contextmanager
def private_folder() -> Iterator[Path]:
    """For this user alone, and gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="edge-voice-fleet-") as name:
        yield Path(name)


def read_report(lines: Iterable[str], names: Iterable[str]) -> dict[str, Seen]:
    """Of each device. The first thing that went wrong is what is told; a rescue comes after it."""
    seen = {name: Seen() for name in names}
    for line in lines:
        said = json.loads(line)
        one = seen[said["host"]]
        look = said.get("edge_voice")
        if look:
            one.look = {**one.look, **look}
        one.changed = one.changed or said["changed"]
        one.output += said.get("stdout", "")
        if said["what"] in {"failed", "unreachable"} and one.state == "ok":
            one.state = said["what"]
            one.why = _why(said)
            one.not_now = bool(said.get("not_now"))
            one.began = "copying" not in said["tags"]
    return seen


def _why(said: Mapping[str, Any]) -> str:
    """In a line."""
    text = str(said.get("stderr") or said.get("msg") or said["task"])
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else str(said["task"])
