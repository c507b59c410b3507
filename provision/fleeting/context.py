"""What every command needs: the fleet, which devices are meant, and how to reach them."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edge.config.merging import nearest, shown
from provision.fleeting import vault
from provision.fleeting.errors import FleetError, Usage
from provision.fleeting.playing import ANSIBLE, Player
from provision.fleeting.reading import load
from provision.fleeting.relay import Relay
from provision.fleeting.schema import Fleet, Member

PASSWORD_FILE = "ANSIBLE_VAULT_PASSWORD_FILE"  # noqa: S105  the name of a variable


@dataclass
class Context:
    """Made once for a command. `folder` is for this user alone."""

    options: argparse.Namespace
    folder: Path
    playbooks: Path = ANSIBLE

    @cached_property
    def fleet(self) -> Fleet:
        """The inventory; raises Usage or Invalid."""
        return load(self.options.fleet)

    def members(self, *, default_all: bool = True) -> list[Member]:
        """Those that are named, or have a group that is; retired ones only by name. Raises Usage."""
        names, groups = list(self.options.devices), set(self.options.group)
        known = {member.name: member for member in self.fleet.members}
        for name in names:
            if name not in known:
                raise Usage(f"There is no device {shown(name)} in {self.options.fleet}.{nearest(name, known)}")
        there = {group for member in self.fleet.members for group in member.own.groups}
        for group in groups - there:
            raise Usage(f"No device has the group {shown(group)}.{nearest(group, sorted(there))}")
        if not names and not groups:
            if not default_all and not self.options.all:
                raise Usage("Say which devices: their names, --group NAME, or --all.")
            return [member for member in known.values() if not member.own.retired]
        chosen = {
            member.name for member in known.values() if groups & set(member.own.groups) and not member.own.retired
        }
        return [member for member in known.values() if member.name in chosen.union(names)]

    def player(self, *, secrets: bool = False) -> Player:
        """Who runs the playbooks; with secrets, the password is asked for if nothing else gives it."""
        if not secrets:
            return Player(self.fleet, self.folder, playbooks=self.playbooks)
        file = self.fleet.secrets
        if file is None or not file.is_file():
            raise FleetError("Secrets are referred to, and fleet.secrets names no file: provision/fleet secrets")
        return Player(self.fleet, self.folder, True, self.password_file(file), self.playbooks)

    def password_file(self, secrets: Path) -> Path | None:
        """That of --vault-password-file or Ansible's variable; else asked for, once."""
        given = self.options.vault_password_file or os.environ.get(PASSWORD_FILE)
        if given or not vault.is_encrypted(secrets):
            return Path(given).absolute() if given else None
        kept = self.folder / "password"
        if not kept.exists():
            if not sys.stdin.isatty():
                raise Usage(f"{secrets.name} is encrypted: give --vault-password-file, or set {PASSWORD_FILE}.")
            kept.touch(mode=0o600)
            kept.write_text(getpass.getpass(f"Password of {secrets.name}: "))
        return kept

    def relay(self) -> Relay:
        """The fleet's, with the token out of the secrets; raises FleetError."""
        settings, file = self.fleet.relay, self.fleet.secrets
        if not (settings.url and settings.token and file and file.is_file()):
            raise FleetError(
                "This needs [relay] url and token: the name of a secret, see provision/README.md, Enrolment."
            )
        secrets = vault.read(file, self.password_file(file))
        if settings.token not in secrets:
            raise FleetError("\n".join(vault.absent(self.fleet, secrets)))
        return Relay(settings.url, secrets[settings.token])

    def confirm(self, question: str) -> None:
        """Raises Usage unless a person says yes, or --yes was given."""
        if self.options.yes:
            return
        if not sys.stdin.isatty():
            raise Usage(f"{question} Without a terminal, say so with --yes.")
        if input(f"{question} (yes/no) ").strip().lower() not in {"y", "yes"}:
            raise FleetError("Nothing was done.")
