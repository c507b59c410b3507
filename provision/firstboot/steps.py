"""The steps of the first boot. Each can be done again, and the stamp comes last: the power may go at any moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provision.updater import files, installing
from provision.updater.archive import Reader
from provision.updater.errors import UpdateError
from provision.updater.health import Look
from provision.updater.manifest import parse
from provision.updater.service import as_user, with_status

from . import fetching
from .plan import Card

UPDATER = Path(__file__).resolve().parents[1] / "updater/edge-voice-update"
INSTALL_S, APT_S, LOCALE_S, ENROL_S = 3600, 1200, 600, 120
READ_ONLY = "edge-voice-read-only.service"
# What only tries to write, and fails, where nothing may be written.
IDLE = ("apt-daily.timer", "apt-daily-upgrade.timer", "man-db.timer", "dpkg-db-backup.timer", "logrotate.timer",
        "e2scrub_all.timer")  # fmt: skip
Run = Callable[..., tuple[int, str]]  # provision.updater.service.command


class Later(UpdateError):
    """Without a network it cannot be done now."""


class FirstBoot:
    """The plan of one card. `run` runs a program, `tell` tells a person how far it is."""

    def __init__(self, card: Card, run: Run, tell: Callable[[str], Any]) -> None:
        self._card, self._run, self._tell = card, run, tell
        self._plan = card.plan()
        self._notes: list[str] = []

    def go(self) -> None:
        """All that is not finished; raises UpdateError at the first that fails."""
        if self._card.done.exists():
            return
        steps: dict[str, Callable[[], None]] = {
            "radio": self._radio, "bundle": self._bundle, "packages": self._packages, "install": self._install,
            "locale": self._locale, "enrol": self._enrol, "read-only": self._read_only, "clear": self._clear,
        }  # fmt: skip
        finished = self._card.finished()
        for name, step in steps.items():
            if name not in finished:
                self._tell(f"first boot: {name}")
                step()
                self._card.finish(name)
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        files.write(self._card.done, f"{when} {'; '.join(self._notes) or 'everything as planned'}\n")
        self._tell("first boot: done")

    def _radio(self) -> None:
        """Raspberry Pi OS keeps it off until a country is set, which is on the kernel's command line."""
        if self._plan.wifi:
            self._run(("rfkill", "unblock", "wifi"), LOCALE_S)

    def _bundle(self) -> None:
        if self._plan.channel and not self._card.bundle.exists():
            fetching.newest(self._card, self._plan.channel)

    def _packages(self) -> None:
        """Debian's, where the bundle has none; `install` takes those that it has."""
        lacking = installing.absent(self._card.layout)
        with self._card.bundle.open("rb") as file:
            if not lacking or parse(Reader(file).manifest).debs:
                return
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        self._run(("apt-get", "update", "-qq"), APT_S, env=env)
        self._run(("dpkg", "--configure", "-a"), APT_S, env=env)  # where it was cut off before
        words = ("apt-get", "install", "-qq", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300")
        code, _ = self._run((*words, *lacking), APT_S, env=env)
        if code:
            raise Later(f"Debian packages are missing and cannot be fetched: {', '.join(lacking)}.")

    def _install(self) -> None:
        code, said = self._run((sys.executable, UPDATER, "apply", self._card.bundle, "--install"), INSTALL_S)
        if code:
            raise UpdateError(f"not installed: {_last(said)}")
        self._tell(_last(said))

    def _locale(self) -> None:
        if not self._plan.locale.startswith("C.") and Path("/usr/sbin/locale-gen").exists():
            code, said = self._run(("/usr/sbin/locale-gen",), LOCALE_S)
            if code:
                self._notes.append(f"locale-gen failed: {_last(said)}")

    def _enrol(self) -> None:
        card, plan = self._card, self._plan
        code = card.code.read_text().strip("\0\n") if card.code.is_file() else ""
        if code and time.time() > plan.code_until:
            self._notes.append("the enrolment code had expired: provision/fleet enrol makes another")
        elif code and not self._is_linked():
            release = card.layout.current / "bin/edge-voice"
            failed, said = self._run((release, "enrol", "--relay", plan.relay, "--code", code), ENROL_S, **as_user())
            if failed:
                raise Later(f"not enrolled yet: {_last(said).replace(code, '...')}")
            self._run(("systemctl", "--no-block", "restart", "edge-voice.service"), ENROL_S)
        card.scrub(card.code)

    def _is_linked(self) -> bool:
        """The power went after the code had been used: it would be refused now."""
        _, said = self._run((self._card.layout.current / "bin/edge-voice", "status", "--json"), ENROL_S, **as_user())
        return bool(with_status(Look("active"), said).relay)

    def _read_only(self) -> None:
        """From the next boot on."""
        if not self._plan.read_only:
            return
        system = self._card.layout.root / "etc/systemd/system"
        for name in IDLE:
            files.make_folder(system)
            files.link(system / name, "/dev/null")
        # NetworkManager then keeps it in /run by itself.
        files.link(self._card.layout.root / "etc/resolv.conf", "/run/NetworkManager/resolv.conf")
        files.make_folder(system / "sysinit.target.wants")
        files.link(system / "sysinit.target.wants" / READ_ONLY, f"../{READ_ONLY}")

    def _clear(self) -> None:
        """What has been used takes no room, and tells nothing."""
        self._card.scrub(self._card.code)
        files.remove(self._card.bundle)


def _last(text: str) -> str:
    lines = [line.removeprefix("edge-voice-update: ") for line in text.strip().splitlines()]
    return lines[-1] if lines else "it said nothing"
