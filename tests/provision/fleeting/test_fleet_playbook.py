"""The real playbook, and the real updater of three devices that are folders: who gets a bad release.

Here are the mutants of the two things that keep it from the rest: `fail` in the role's rescue, and that a device counts
as good only if it says so itself.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from provision.fleeting import playing, update
from provision.fleeting.bundles import open_bundle
from provision.fleeting.errors import FleetError
from provision.fleeting.playing import ANSIBLE, How, Player, Seen
from provision.fleeting.reading import parse
from provision.fleeting.schema import Member
from provision.fleeting.updating import Result, roll_out
from provision.fleeting.waves import Candidate, Outcome, Policy, plan
from provision.updater.layout import Layout
from tests.provision import evb
from tests.provision.rehearsal import run

pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(evb.missing()), reason=evb.missing())]
ROOT = Path(__file__).parents[3]
NAMES = ("a", "b", "c")
SCRIPT = '#!/bin/sh\ncd {here}\nexec {python} -m tests.provision.rehearsal {root} "$@"\n'
PLAIN = How()
RESCUE = "    # Without this the device"


class Folders(Player):
    """Devices that are folders of this machine."""

    def play(self, name: str, members: Iterable[Member], how: How = PLAIN) -> dict[str, Seen]:
        there = {
            "ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable,
            "release_updater": f"{self.folder}/{{{{ inventory_hostname }}}}/updater",
            "release_folder": f"{self.folder}/{{{{ inventory_hostname }}}}/bundle",
        }  # fmt: skip
        return super().play(name, members, replace(how, variables={**how.variables, **there}))


class Yard:
    """Three devices, and an operator with bundles."""

    def __init__(self, folder: Path, made: Path) -> None:
        """`made`: a device that has the first release, and the key."""
        self.folder, self.playbooks = folder, folder / "ansible"
        self.key = made / "keys/fleet.key"
        self.maker = evb.Maker(folder, self.key)
        shutil.copytree(ANSIBLE, self.playbooks)
        self.layouts = {name: Layout(folder / name / "root") for name in NAMES}
        for name, layout in self.layouts.items():
            shutil.copytree(made / "root", layout.root, symlinks=True)
            script = folder / name / "updater"
            script.write_text(SCRIPT.format(here=ROOT, python=sys.executable, root=layout.root))
            script.chmod(0o755)
        devices = {name: {"ring": 50, "canary": name == "a"} for name in NAMES}
        given = {"devices": devices, "fleet": {"keys": [str(self.key.with_suffix(".pub"))]}}
        self.fleet = parse(given, folder / "fleet.toml")

    def update(self, bundle: Path) -> Result:
        player = Folders(self.fleet, self.folder, playbooks=self.playbooks)
        hands = update.SshHands(player, self.fleet.members, open_bundle(bundle, self.fleet.keys), 0)
        policy = Policy(waves=(100,))
        waves = plan([Candidate(one.name, one.ring, one.own.canary) for one in self.fleet.members], policy)
        return roll_out(waves, policy, hands.standing(), hands)

    def without_fail(self) -> None:
        """The trap: a rescue that does not fail again."""
        path = self.playbooks / "roles/release/tasks/update.yml"
        text = path.read_text()
        begin, end = text.index(RESCUE), text.index("- name: Clear the bundle away\n", text.index(RESCUE))
        path.write_text(text[:begin] + text[end:])

    def tried(self) -> list[str]:
        """The devices that the second release has ever reached."""
        return [name for name, layout in self.layouts.items() if '"sequence": 2' in layout.history.read_text()]

    def current(self) -> set[str]:
        return {layout.current.readlink().name for layout in self.layouts.values()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    key = evb.make_keys(folder / "keys")
    assert run(evb.blank(folder / "root", key), "apply", evb.Maker(folder, key).make(1), "--install") == 0
    return folder


@pytest.fixture
def yard(tmp_path: Path, made: Path) -> Yard:
    return Yard(tmp_path, made)


def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other trap: whatever Ansible calls ok at the end is taken for good."""
    read = playing.read_report

    def last_word(lines: Iterable[str], names: Iterable[str]) -> dict[str, Seen]:
        return read([line for line in lines if "Take the bundle over" not in line], names)

    monkeypatch.setattr(playing, "read_report", last_word)
    monkeypatch.setattr(update, "outcome", lambda _, seen: Outcome.GOOD if seen.state == "ok" else Outcome.FAILED)


def test_a_good_release_reaches_all(yard: Yard) -> None:
    result = yard.update(yard.maker.make(2))
    assert (result.halted, set(result.outcomes.values())) == ("", {Outcome.GOOD})
    assert yard.current() == {"0.2.0+2"}
    assert not [path for name in NAMES for path in (yard.folder / name).glob("bundle*")]


@pytest.mark.parametrize(
    ("fails_again", "trusts", "reached"),
    [(True, False, 1), (True, True, 1), (False, False, 1), (False, True, 3)],
    ids=["as it is", "trusts ansible", "rescue without fail", "both mutants"],
)
def test_who_gets_a_bad_release(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, *, fails_again: bool, trusts: bool, reached: int
) -> None:
    """Each of the two keeps it from the rest alone; without both, it reaches everybody."""
    if not fails_again:
        yard.without_fail()
    if trusts:
        trusting(monkeypatch)
    result = yard.update(yard.maker.make(2, "crash"))
    assert len(yard.tried()) == reached
    assert bool(result.halted) == (reached == 1)
    assert yard.current() == {"0.1.0+1"}


def test_a_module_that_is_broken_is_told_and_is_no_devices_fault(yard: Yard) -> None:
    (yard.playbooks / "update.yml").write_text("- hosts: all\n  tasks: [{nonsense: }]\n")
    with pytest.raises(FleetError, match=r"Ansible could not run update\.yml"):
        yard.update(yard.maker.make(2))
