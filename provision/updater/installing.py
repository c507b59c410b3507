"""What a blank machine needs beside the release: Debian packages, the user, folders, units. No network."""

from __future__ import annotations

import pwd
import shutil
import sys
import tempfile
from pathlib import Path

from . import files, itself
from .archive import Reader
from .errors import Refused, UpdateError
from .layout import Layout
from .manifest import File
from .service import UNIT, USER, command
from .switching import Switcher

# As in provision/install; without python3-venv, since the updater makes the environment itself. Without openssl nothing
# comes as far as this.
PACKAGES = ("python3", "python3-systemd", "libportaudio2", "alsa-utils")
MODEL = Path("/proc/device-tree/model")
LGPIO_WHEELS = 11  # the last Python that bundles have lgpio for; afterwards it is Debian's
DPKG_S = 600
CONFIG = """\
# Everything that can be set, with its meaning and what is in force:  edge-voice config show
# After a change:  edge-voice config check && sudo systemctl reload edge-voice    (some keys want a restart; it says so)
"""


def absent(layout: Layout) -> list[str]:
    """Debian packages that are needed and not there."""
    if layout.root != Path("/"):
        return []
    needed = [*PACKAGES, *(["python3-lgpio"] if is_pi() and sys.version_info.minor > LGPIO_WHEELS else [])]
    _, said = command(("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *needed), DPKG_S)
    there = {line.split()[1] for line in said.splitlines() if line.startswith("installed ")}
    return [name for name in needed if name not in there]


def is_pi() -> bool:
    """A Raspberry Pi, whose pins are used."""
    try:
        return b"Raspberry Pi" in MODEL.read_bytes()
    except OSError:
        return False


def missing_packages(layout: Layout, reader: Reader, debs: tuple[File, ...]) -> None:
    """Install them from the bundle; raises Refused where it has none."""
    lacking = absent(layout)
    if not lacking:
        return
    if not debs:
        raise Refused(f"Debian packages are missing: apt-get install {' '.join(lacking)} (or a bundle with --debs).")
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for file in debs:
            path = Path(folder) / Path(file.path).name
            path.write_bytes(reader.read(file))
            paths.append(path)
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        code, said = command(
            ("dpkg", "--install", "--skip-same-version", "--refuse-downgrade", *paths), DPKG_S, env=env
        )
    if code or absent(layout):
        raise UpdateError(f"The Debian packages of the bundle could not be installed: {said.strip()[-300:]}")


def install_device(switcher: Switcher) -> None:
    """All that is outside of the release, and the service started. Can be done again: what is right is left alone."""
    layout, service = switcher.layout, switcher.service
    changed = switcher.relink(commands=True)
    itself.install(layout, layout.current / "updater")
    if layout.root == Path("/"):
        _user(layout)
    files.make_folder(layout.etc)
    files.make_folder(layout.models)
    if layout.root == Path("/"):
        shutil.chown(layout.state, USER, USER)
    if not (layout.etc / "config.toml").exists():
        files.write(layout.etc / "config.toml", CONFIG)
    if changed:
        service.reload()
        if layout.root == Path("/"):
            command(("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/edge-voice.conf"), DPKG_S)
            command(("udevadm", "control", "--reload"), DPKG_S)
    service.systemctl("--quiet", "enable", UNIT)
    service.systemctl("--no-block", "start", UNIT)
    switcher.finish()


def _user(layout: Layout) -> None:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        code, said = command(("systemd-sysusers", layout.current / "units/edge-voice.sysusers.conf"), DPKG_S)
        if code:
            raise UpdateError(f"The user {USER} could not be made: {said.strip()[-200:]}") from None
