"""The inventory as Ansible reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from provision.fleeting import profiles
from provision.fleeting.schema import Fleet, Member, Update


def for_ansible(fleet: Fleet, members: Iterable[Member]) -> dict[str, Any]:
    """In the form of its YAML inventories; secrets are in it by name only."""
    return {"all": {"hosts": {member.name: _host(fleet, member) for member in members}}}


def _host(fleet: Fleet, member: Member) -> dict[str, Any]:
    settings, own = fleet.settings, member.own
    user = own.user or settings.user
    host = {
        "ansible_host": own.address or member.name, "ansible_user": user, "ansible_port": own.port or settings.port,
        "ansible_become": user != "root", "configuration_toml": profiles.text(member.config, fleet.path.name),
        "configuration_update": update_conf(fleet.update, member), "configuration_keys": dict(member.keys),
        "configuration_public_keys": [str(key) for key in fleet.keys],
    }  # fmt: skip
    return host | ({"ansible_ssh_common_args": settings.ssh} if settings.ssh else {})


def update_conf(update: Update, member: Member) -> str:
    """/etc/edge-voice/update.conf, see provision/updater/settings.py."""
    keys = {"channel": update.channel, "ring": str(member.ring), "window": update.window,
            "minutes": f"{update.minutes:g}"}  # fmt: skip
    return "".join(["[update]\n", *(f"{key} = {value}\n" for key, value in keys.items() if value)])
