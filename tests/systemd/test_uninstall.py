"""The last thing that happens to the machine (the file's name sees to that): everything goes."""

from __future__ import annotations

import pytest

from tests.machines.device import Device
from tests.machines.machine import root_file_system

pytestmark = [pytest.mark.nspawn, pytest.mark.slow]


def test_uninstalling_leaves_nothing(installed: Device) -> None:
    machine = installed.machine
    said = machine.run("/src/provision/install", "--uninstall", timeout=60)
    assert "is gone" in said
    left = machine.shell(
        "find / -xdev '(' -path /var/log -o -path /tmp -o -path /proc ')' -prune -o -name '*edge[-_]voice*' -print"
    )
    assert left == ""
    assert (
        machine.call("grep", "-E", "edge-voice|^(gpio|spi):", "/etc/passwd", "/etc/group", "/etc/shadow").stdout == ""
    )
    for folder in ("etc/credstore", "etc/credstore.encrypted"):  # Debian 13 has them of its own
        assert (machine.root / folder).exists() == (root_file_system() / folder).exists()
    assert machine.call("systemctl", "status", "edge-voice").returncode == 4
    assert machine.run("systemctl", "--failed", "--no-legend") == ""


def test_uninstalling_twice_is_harmless(machine: object, installed: Device) -> None:
    assert "is gone" in installed.machine.run("/src/provision/install", "--uninstall")
