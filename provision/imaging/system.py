"""What is on the root partition: Raspberry Pi OS or not, of which kind, and what it lacks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import ImageError
from .tree import Tree

PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
MACHINES = {0xB7: "aarch64", 0x3E: "x86_64", 0x28: "armv7l"}  # e_machine of ELF
MACHINE_AT = 18
NEEDED = ("python3", "openssl", "python3-systemd", "libportaudio2", "alsa-utils")
IMAGER = ("firstrun.sh", "custom.toml", "userconf", "userconf.txt", "wpa_supplicant.conf")
IMAGER_SEED = ("user-data", "network-config")
AGAIN = "Write the image anew, and answer No when Imager asks about customisation"


@dataclass(frozen=True)
class System:
    """`target` as in a bundle's manifest, such as aarch64-3.13; `missing`: Debian packages that are needed."""

    codename: str
    target: str
    missing: tuple[str, ...]


def look(tree: Tree) -> System:
    """Raises ImageError unless it is Raspberry Pi OS of a kind that edge-voice runs on."""
    release = dict(line.partition("=")[::2] for line in tree.read("etc/os-release").splitlines())
    codename = release.get("VERSION_CODENAME", "").strip('"')
    if not tree.read("etc/rpi-issue") or not tree.at("boot/firmware").is_dir():
        name = release.get("PRETTY_NAME", "").strip('"') or "no system that is known"
        raise ImageError(f"This is not Raspberry Pi OS (12 or later): its root partition has {name}.")
    if codename not in PYTHON:
        raise ImageError(f"This is Raspberry Pi OS {codename}; {' and '.join(PYTHON)} are supported.")
    machine = _machine(tree.at("usr/bin/dpkg"))
    if machine not in {"aarch64", "x86_64"}:
        raise ImageError(f"This is the 32-bit Raspberry Pi OS ({machine}); take the 64-bit one.")
    return System(codename, f"{machine}-{PYTHON[codename]}", missing(tree.read("var/lib/dpkg/status")))


def _machine(program: Path) -> str:
    try:
        with program.open("rb") as file:
            head = file.read(MACHINE_AT + 2)
    except OSError:
        raise ImageError("There is no /usr/bin/dpkg in it; is this Raspberry Pi OS?") from None
    return MACHINES.get(int.from_bytes(head[MACHINE_AT:], "little"), "unknown machine")


def missing(status: str) -> tuple[str, ...]:
    """The packages that are needed and not installed, by dpkg's own list."""
    there = {match[1] for match in re.finditer(r"^Package: (\S+)\nStatus: install ok installed$", status, re.MULTILINE)}
    return tuple(name for name in NEEDED if name not in there)


def refuse_customised(names: list[str], seeds: dict[str, str]) -> None:
    """Raises ImageError when Imager has left a first boot of its own on the FAT partition."""
    for name in IMAGER:
        if name in names:
            raise ImageError(f"bootfs has {name} of Raspberry Pi Imager. {AGAIN}.")
    for name, text in seeds.items():
        if any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
            raise ImageError(f"bootfs has settings in {name}, which would be left lying there. {AGAIN}.")
