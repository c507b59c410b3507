"""Several booted machines with SSH, on a bridge in a network namespace of their own: a small fleet."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.machines import machine as nspawn
from tests.machines.machine import Machine, do

PACKAGES = (*nspawn.PACKAGES, "openssh-server", "sudo", "python3-apt")
NET = "10.77.0"
PORT_S = 30


def root_file_system() -> Path:
    """As the other tests' one, with SSH."""

    def make(folder: Path) -> None:
        words = ("--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", nspawn.SUITE, folder)
        do("mmdebstrap", *words)

    return nspawn.cached(f"fleet_{nspawn.SUITE}-{nspawn.digest(PACKAGES)}", make)


class Pi(Machine):
    """One of them: `number` 1 is at 10.77.0.11."""

    def __init__(self, folder: Path, binds: dict[str, Path], net: str, number: int, public_key: str) -> None:
        super().__init__(folder, binds)
        self.name = f"{net}-{number}"
        self.address = f"{NET}.{10 + number}"
        self._net, self._number, self._public_key = net, number, public_key

    def _network(self) -> None:
        super()._network()
        outer = f"v{self._number}"
        do("ip", "-n", self._net, "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        do("ip", "-n", self._net, "link", "set", outer, "master", "br0", "up")
        do("ip", "-n", self.name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        do("ip", "-n", self.name, "link", "set", "eth0", "up")

    def _overlay(self) -> None:
        super()._overlay()
        (self.root / "etc/hostname").write_text(f"pi{self._number}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost pi{self._number}\n")
        ssh = self.root / "home/pi/.ssh"
        do("chroot", self.root, "useradd", "--create-home", "--shell", "/bin/bash", "pi")
        ssh.mkdir(mode=0o700)
        (ssh / "authorized_keys").write_text(self._public_key)
        do("chroot", self.root, "chown", "-R", "pi:pi", "/home/pi")
        (self.root / "etc/sudoers.d/pi").write_text("pi ALL=(ALL) NOPASSWD: ALL\n")

    def _lower(self) -> Path:
        return root_file_system()

    def slow(self, rate: str) -> None:
        """What comes from the operator, such as "8mbit"; "" for as fast as it goes."""
        outer = ("dev", f"v{self._number}", "root")
        how = ("add", *outer, "tbf", "rate", rate, "burst", "32k", "latency", "400ms") if rate else ("del", *outer)
        do("nsenter", f"--net=/run/netns/{self._net}", "tc", "qdisc", *how)

    def plug(self, state: str) -> None:
        """The network cable: "up" or "down"."""
        do("ip", "-n", self._net, "link", "set", f"v{self._number}", state)


class Lan:
    """A context manager: the network, the operator's SSH key, and the machines."""

    def __init__(self, folder: Path, binds: dict[str, Path], count: int) -> None:
        self.folder, self.name = folder, f"evf-{os.getpid()}"
        self.key = folder / "operator"
        self._binds, self._count = binds, count
        self._stack = ExitStack()
        self.machines: list[Pi] = []

    def __enter__(self) -> Self:
        with self._stack as stack:
            do("ip", "netns", "add", self.name)
            stack.callback(do, "ip", "netns", "del", self.name)
            for words in (("link", "set", "lo", "up"), ("link", "add", "br0", "type", "bridge"),
                          ("addr", "add", f"{NET}.1/24", "dev", "br0"), ("link", "set", "br0", "up")):  # fmt: skip
                do("ip", "-n", self.name, *words)
            do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
            public = self.key.with_suffix(".pub").read_text()
            for number in range(1, self._count + 1):
                (self.folder / f"pi{number}").mkdir()
                pi = Pi(self.folder / f"pi{number}", self._binds, self.name, number, public)
                self.machines.append(pi)
                stack.push(pi)
                pi.launch()
            for pi in self.machines:  # they boot at the same time
                pi.until_booted()
                pi.until(lambda pi=pi: ":22 " in pi.run("ss", "-Hltn"), PORT_S, "SSH")  # type: ignore[misc]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def enter(self) -> list[str]:
        """The words before a command that make it run in the operator's network."""
        return ["nsenter", f"--net=/run/netns/{self.name}"]
