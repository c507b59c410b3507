"""The commands but for `update`. Each gives the exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from provision.fleeting import bundles, table, vault
from provision.fleeting.context import Context
from provision.fleeting.errors import Usage
from provision.fleeting.inventory import for_ansible
from provision.fleeting.playing import How, Seen
from provision.fleeting.schema import Member


def check(context: Context) -> int:
    """The inventory, its secrets and where they stand. Warnings make the exit code 1."""
    fleet = context.fleet
    found = vault.warnings(fleet)
    file = fleet.secrets
    can_read = file is not None and file.is_file() and (
        not vault.is_encrypted(file) or context.options.vault_password_file or sys.stdin.isatty()
        or os.environ.get("ANSIBLE_VAULT_PASSWORD_FILE")
    )  # fmt: skip
    if file is not None and can_read:
        found += vault.absent(fleet, vault.read(file, context.password_file(file)))
    if not fleet.keys:
        found.append("fleet.keys names no public key, so devices would take no bundle: minisign -G -p fleet.pub")
    for line in found:
        print(f"WARNING: {line}")
    unread = "" if can_read or not fleet.wanted_secrets() else " The secrets themselves were not looked into."
    print(f"{fleet.path.name}: {len(fleet.members)} devices, {len(found)} warnings.{unread}")
    return 1 if found else 0


def inventory(context: Context) -> int:
    """As Ansible reads it, for its own commands: ansible -i FILE."""
    print(json.dumps(for_ansible(context.fleet, context.members()), indent=1))
    return 0


def secrets(context: Context) -> int:
    """Open the file of secrets in an editor."""
    file = context.fleet.secrets
    if file is None:
        raise Usage("Set fleet.secrets to the file's name first, such as secrets.yml.")
    verb = "edit" if file.exists() else "create"
    given = context.options.vault_password_file
    words = [str(Path(sys.executable).with_name("ansible-vault")), verb, str(file)]
    if verb == "create":
        print(f"Put them below one key:\n\n{vault.TOP}:\n  openai: sk-...\n", file=sys.stderr)
    os.execv(words[0], [*words, *(["--vault-password-file", str(given)] if given else [])])  # noqa: S606


def apply(context: Context) -> int:
    """Blank machines are installed, and all are configured. What has a release keeps it: updates go in waves."""
    options, fleet, members = context.options, context.fleet, context.members()
    variables: dict[str, object] = {}
    try:
        bundle = bundles.open_bundle(options.bundle, fleet.keys)
    except Usage:
        if options.bundle:
            raise
    else:
        bootstrap = bundles.write_bootstrap(context.folder / "updater.pyz")
        variables = {"release_bundle": str(bundle.path), "release_sequence": bundle.sequence,
                     "release_megabytes": bundle.megabytes, "release_bootstrap": str(bootstrap),
                     "release_apt": not bundle.debs}  # fmt: skip
    player = context.player(secrets=any(member.keys for member in members))
    how = How(options.check, options.diff, quiet=False, variables=variables)
    return _told(player.play("apply", members, how), "as the inventory says")


def status(context: Context) -> int:
    """Exit code 0 only if all could hold a turn."""
    rows = look(context, context.members())
    print(json.dumps(rows, indent=1) if context.options.json else table.lines(rows))
    return 0 if all(row["well"] for row in rows) else 1


def look(context: Context, members: list[Member]) -> list[dict[str, object]]:
    """A row for each."""
    seen = context.player().play("status", members)
    return [table.row(member.name, member.own.room, seen[member.name]) for member in members]


def rollback(context: Context) -> int:
    """To the release before, at once."""
    members = context.members(default_all=False)
    if len(members) > 1:
        context.confirm(f"{len(members)} devices go back to the release before.")
    return _told(context.player().play("rollback", members), "back on the release before")


def execute(context: Context) -> int:
    """A command, as root, without a shell."""
    members, words = context.members(default_all=False), context.options.words
    if not words:
        raise Usage("Say what to run, after --: provision/fleet exec kitchen -- uptime")
    if len(members) > 1:
        context.confirm(f"`{' '.join(words)}` is run on {len(members)} devices.")
    seen = context.player().play("exec", members, How(variables={"exec_words": words}))
    for name, one in seen.items():
        print(f"--- {name}: {one.state}{f': {one.why}' if one.why else ''}")
        if one.output:
            print(one.output)
    return 0 if all(one.state == "ok" for one in seen.values()) else 1


def enrol(context: Context) -> int:
    """Each device makes its key pair itself; the relay learns the public one by a code that is good once."""
    members = [member for member in context.members() if member.own.relay]
    if not members:
        raise Usage("None of these devices has relay = true.")
    rows = {str(row["device"]): row for row in look(context, members)}
    due = [
        one
        for one in members
        if rows[one.name]["reachable"] and (context.options.again or not rows[one.name]["linked"])
    ]
    away = [one.name for one in members if not rows[one.name]["reachable"]]
    if away:
        print(f"unreachable: {', '.join(away)}")
    relay = context.relay() if due else None
    codes = {member.name: relay.enrolment_code() for member in due} if relay else {}
    variables = {"enrol_relay": context.fleet.relay.url, "enrol_codes": codes}
    code = _told(context.player().play("enrol", due, How(variables=variables)), "enrolled")
    return 1 if away else code


def retire(context: Context) -> int:
    """Revoked at the relay first, which needs no device; then wiped, unless it is lost."""
    members = context.members(default_all=False)
    lost = context.options.lost
    context.confirm(f"{', '.join(one.name for one in members)}: revoked{'' if lost else ', and wiped'}.")
    linked = [member.name for member in members if member.own.relay]
    relay = context.relay() if linked else None
    known = {name: relay is not None and relay.revoke(name) for name in linked}
    for name, was in known.items():
        print(f"{name}: {'revoked' if was else 'the relay knows no device of that name: look at its page'}")
    print("Now set `retired = true` for it in the inventory, or take it out.")
    if lost:
        print("A vendor's key that it had must be changed there: see provision/README.md, A lost device.")
        return 0 if all(known.values()) else 1
    return _told(context.player().play("retire", members), "wiped")


def _told(seen: Mapping[str, Seen], done: str) -> int:
    """A line for each that did not do well, and one for all."""
    for name, one in seen.items():
        if one.state != "ok":
            print(f"{name}: {one.state}: {one.why}")
    good = [one for one in seen.values() if one.state == "ok"]
    changed = sum(one.changed for one in good)
    print(f"{len(good)} of {len(seen)} {done}; {changed} changed.")
    return 0 if len(good) == len(seen) else 1
