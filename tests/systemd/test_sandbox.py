"""What the daemon may not do, tried from inside its own sandbox; and who may talk to it."""

from __future__ import annotations

import json

import pytest

from tests.machines.device import UNIT, Device

pytestmark = [pytest.mark.nspawn, pytest.mark.slow]

# Runs as ExecStartPre=, under all that holds for the daemon.
PROBE = """
import ctypes, json, mmap, os, socket, sys

def tried(call):
    try:
        call()
        return "allowed"
    except BaseException as error:
        return type(error).__name__

def bind(family, kind, address):
    with socket.socket(family, kind) as one:
        one.bind(address)

libc = ctypes.CDLL(None, use_errno=True)

def called(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

found = {path: tried(lambda: open(path + "/probe", "w")) for path in
         ("/etc", "/etc/edge-voice", "/opt/edge-voice", "/usr", "/var", "/home", "/root", "/var/lib/edge-voice/models",
          "/var/lib/edge-voice", "/run/edge-voice", "/tmp")}
found["/etc/shadow"] = tried(lambda: open("/etc/shadow").read())
found["/home"] = tried(lambda: os.listdir("/home/person"))
found["tcp port"] = tried(lambda: bind(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 4711)))
found["raw socket"] = tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
found["netlink"] = tried(lambda: bind(socket.AF_NETLINK, socket.SOCK_RAW, (0, 1)))
found["new namespace"] = tried(lambda: called("unshare", 0x10000000))
found["mount"] = tried(lambda: called("mount", b"none", b"/tmp", b"tmpfs", 0, None))
found["trace"] = tried(lambda: called("ptrace", 0, 0, 0, 0))
found["clock"] = tried(lambda: __import__("time").clock_settime(0, 0))
found["code"] = tried(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC))
found["urandom device"] = tried(lambda: open("/dev/urandom", "rb").read(1))
found["another device"] = tried(lambda: open("/dev/probe", "rb"))
found["priority"] = tried(lambda: os.setpriority(os.PRIO_PROCESS, 0, 1))
found["others' processes"] = tried(lambda: os.stat("/proc/1/status"))
found["capabilities"] = [l.split()[1] for l in open("/proc/self/status") if l.startswith("CapBnd")][0]
json.dump(found, open("/var/lib/edge-voice/probe.json", "w"))
"""
ALLOWED = {"/var/lib/edge-voice", "/run/edge-voice", "/tmp", "netlink", "urandom device", "priority"}


def test_the_sandbox_holds(device: Device) -> None:
    machine = device.machine
    machine.write("/usr/local/lib/probe.py", PROBE)
    machine.shell("mkdir -p /home/person; mknod -m 666 /dev/probe c 10 229")  # FUSE's: everybody may open it
    assert machine.call("head", "-c0", "/dev/probe", user="nobody").returncode == 0
    # The offline engine's permission to make code is the one thing that differs between machines.
    device.drop_in("ExecStartPre=/usr/bin/python3 /usr/local/lib/probe.py\nMemoryDenyWriteExecute=yes")
    device.restart()
    found = json.loads(machine.run("cat", "/var/lib/edge-voice/probe.json"))
    assert found.pop("capabilities") == "0000000000000000"
    ports = set() if "+BPF_FRAMEWORK" in machine.run("systemctl", "--version") else {"tcp port"}
    assert {what for what, outcome in found.items() if outcome == "allowed"} == ALLOWED | ports, found
    assert device.status()["ready"]  # the sound device works under it all
    machine.run("rm", "/var/lib/edge-voice/probe.json", "/usr/local/lib/probe.py", "/dev/probe")


def test_no_port_is_open(device: Device) -> None:
    listening = device.machine.run("ss", "-Hltunp").splitlines()
    assert [line for line in listening if "edge-voice" in line] == []


def test_the_control_socket_is_for_root_and_the_group(device: Device) -> None:
    machine = device.machine
    machine.shell("id person 2>/dev/null || useradd person; id member 2>/dev/null || useradd -G edge-voice member")
    stranger = device.ask("status", user="person")
    assert stranger.returncode == 1
    assert "another user" in stranger.stderr
    assert device.ask("mute", user="person").returncode == 1
    assert not device.status()["muted"]
    assert device.ask("status", user="member").returncode == 0
    machine.shell("userdel person; userdel member")


def test_the_limits_are_those_of_the_unit(device: Device) -> None:
    """The container cannot raise niceness itself, so what systemd has read is what can be seen."""
    assert device.machine.property("LimitNICE") == "31"  # 20 - -11
    assert device.machine.property("LimitCORE") == "0"
    assert device.machine.property("OOMPolicy") == "continue"
    after = device.machine.property("After").split() + device.machine.property("Wants").split()
    assert not {"network-online.target", "time-sync.target"} & set(after), UNIT
