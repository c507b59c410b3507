"""provision/install on a bare Debian, without a network and without a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from contextlib import suppress

import pytest

from tests.machines.device import CONFIG, UNIT, Device
from tests.machines.machine import Machine

pytestmark = [pytest.mark.nspawn, pytest.mark.slow]
OURS = (
    "/opt/edge-voice /etc/edge-voice /etc/systemd /etc/credstore* /etc/*.d /etc/udev /var/lib/edge-voice /usr/local/bin"
)


def everything(machine: Machine) -> str:
    """Each file with its time and owner."""
    return machine.shell(f"find {OURS} -printf '%p %T@ %u %m\\n' | sort | grep -v pycache")


def test_a_dry_run_changes_nothing(machine: Machine) -> None:
    before = machine.shell("find / -xdev -newer /etc/asound.conf -not -path '/var/log/*' | sort")
    said = machine.run("/src/provision/install", "--dry-run", "--bundle", "/wheels", "--extras", "local")
    assert "would run: build_release" in said
    assert machine.shell("find / -xdev -newer /etc/asound.conf -not -path '/var/log/*' | sort") == before
    assert machine.call("id", "edge-voice").returncode != 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--key",), "--key wants a value"),
        (("--colour",), "no such option: --colour"),
        (("--bundle", "/nowhere"), "there is no folder /nowhere"),
    ],
)
def test_mistakes_are_told_in_a_line(machine: Machine, options: tuple[str, ...], words: str) -> None:
    done = machine.call("/src/provision/install", *options)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_only_root_may(machine: Machine) -> None:
    done = machine.call("/src/provision/install", user="nobody")
    assert done.returncode == 1
    assert "needs root" in done.stderr


def test_it_is_ready_and_a_second_run_changes_nothing(installed: Device) -> None:
    machine = installed.machine
    assert installed.state == "active"
    before = everything(machine)
    assert "Nothing to do" in installed.install()
    assert everything(machine) == before
    assert installed.restarts == 0


def test_a_command_is_there_for_everybody(installed: Device) -> None:
    assert installed.ask("--version", user="nobody").stdout.startswith("edge-voice ")
    assert installed.ask("models", "list").returncode == 0


def test_the_same_key_again_changes_nothing_and_another_does(installed: Device) -> None:
    machine = installed.machine
    before = everything(machine)
    again = installed.install("--key", "openai_api_key", input=f"{installed.key}\n", stdin=None)
    assert "Nothing to do" in again
    assert everything(machine) == before
    machine.write("/run/other-key", "sk-another-0123456789\n")
    assert "key        openai_api_key" in installed.install("--key", "openai_api_key=/run/other-key")
    installed.install("--key", "openai_api_key", input=f"{installed.key}\n", stdin=None)


def test_a_key_that_is_typed_is_not_shown(installed: Device) -> None:
    terminal, theirs = pty.openpty()
    command = (
        "/src/provision/install",
        "--bundle",
        "/wheels",
        "--extras",
        "local",
        "--no-start",
        "--key",
        "acme_api_key",
    )
    with subprocess.Popen(installed.machine.words(*command), stdin=theirs, stdout=theirs, stderr=theirs) as typing:
        os.close(theirs)
        seen = b""
        while b"is not shown): " not in seen:
            seen += os.read(terminal, 4096)
        time.sleep(0.5)  # until the terminal has been told
        os.write(terminal, b"sk-typed-0123456789\n")
        with suppress(OSError):  # the terminal's end
            while piece := os.read(terminal, 4096):
                seen += piece
    os.close(terminal)
    assert typing.returncode == 0, seen
    assert b"sk-typed" not in seen
    decrypt = (
        "systemd-creds",
        "decrypt",
        "--name=acme_api_key",
        "/etc/credstore.encrypted/edge-voice.acme_api_key",
        "-",
    )
    assert installed.machine.run(*decrypt) == "sk-typed-0123456789"


def test_the_key_is_nowhere_in_the_clear(installed: Device) -> None:
    """But in the memory file system that systemd makes for the daemon."""
    machine, key = installed.machine, installed.key
    found = machine.call("grep", "-rsl", key, "/etc", "/opt", "/var", "/usr/local", "/home", "/root", "/tmp").stdout
    assert found == ""
    assert key not in machine.shell(f"cat /proc/{installed.pid}/environ /proc/{installed.pid}/cmdline | tr '\\0' ' '")
    assert machine.run("cat", f"/run/credentials/{UNIT}/openai_api_key") == key
    assert machine.call("cat", f"/run/credentials/{UNIT}/openai_api_key", user="nobody").returncode != 0


def test_an_own_configuration_is_left_alone(installed: Device) -> None:
    assert "usbmic" in installed.machine.run("cat", CONFIG)


def test_the_units_are_good_where_they_are_installed(installed: Device) -> None:
    machine = installed.machine
    done = machine.call("systemd-analyze", "verify", UNIT, "edge-voice-relay.service")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for unit in (UNIT, "edge-voice-relay.service"):
        done = machine.call("systemd-analyze", "security", "--threshold=15", unit)
        assert done.returncode == 0, done.stdout[-200:]
    groups = machine.run("id", "-nG", "edge-voice").split()
    assert {"audio", "gpio", "spi", "plugdev"} <= set(groups)
