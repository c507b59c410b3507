"""What a release has outside of its folder: units, rules and commands, all links through `current`.

So they change with the release, and go back with it.
"""

from __future__ import annotations

import os
from pathlib import Path

from . import files
from .layout import OPT, Layout

UNITS = f"{OPT}/current/units"
SYSTEM = "etc/systemd/system"
NOTIFY_RELOAD = 254  # the systemd from which edge-voice-254.conf is understood
PLACES = {
    "edge-voice.sysusers.conf": "etc/sysusers.d/edge-voice.conf",
    "edge-voice.tmpfiles.conf": "etc/tmpfiles.d/edge-voice.conf",
    "70-edge-voice.rules": "etc/udev/rules.d/70-edge-voice.rules",
    "edge-voice-254.conf": f"{SYSTEM}/edge-voice.service.d/254.conf",
    "edge-voice-jit.conf": f"{SYSTEM}/edge-voice.service.d/jit.conf",
}
COMMANDS = {
    "usr/local/bin/edge-voice": f"{OPT}/current/bin/edge-voice",
    "usr/local/sbin/edge-voice-update": f"{OPT}/updater/edge-voice-update",
}
RELAY_JIT = f"{SYSTEM}/edge-voice-relay.service.d/jit.conf"
FOLDERS = (
    SYSTEM,
    f"{SYSTEM}/edge-voice.service.d",
    f"{SYSTEM}/edge-voice-relay.service.d",
    "etc/systemd/user",
    "etc/sysusers.d",
    "etc/tmpfiles.d",
    "etc/udev/rules.d",
)


def wanted(release: Path, systemd: int) -> dict[str, str]:
    """Path below the root -> where the link leads."""
    units, found = release / "units", dict[str, str]()
    for path in sorted(units.rglob("*")):
        name = str(path.relative_to(units))
        place = PLACES.get(name)
        if path.suffix in {".service", ".timer"}:
            place = f"etc/systemd/{name}" if name.startswith("user/") else f"{SYSTEM}/{name}"
        if place and fits(name, release, systemd):
            found[place] = f"{UNITS}/{name}"
            if name == "edge-voice-jit.conf":  # the relay has the offline engine, too
                found[RELAY_JIT] = f"{UNITS}/{name}"
    return found


def fits(name: str, release: Path, systemd: int) -> bool:
    """Some are for certain machines only."""
    if name == "edge-voice-254.conf":
        return systemd >= NOTIFY_RELOAD
    if name == "edge-voice-jit.conf":
        return os.uname().machine == "x86_64" and any(release.glob("lib/python3*/site-packages/ctranslate2"))
    return True


def reconcile(layout: Layout, systemd: int, *, commands: bool = False, check: bool = False) -> list[str]:
    """Make links as the current release wants them, and take away those of another; gives what was changed.

    With `commands` those in /usr/local too, which is only needed once. With `check` nothing is changed, and what would
    be is given. A release without units leaves everything as it is.
    """
    if not (layout.current / "units").is_dir():
        return []
    links = wanted(layout.current, systemd) | (COMMANDS if commands else {})
    changed = [place for place, target in links.items() if not _leads(layout.root / place, target)]
    stale = [place for place in _ours(layout) if place not in links]
    if not check:
        for place in changed:
            files.make_folder((layout.root / place).parent)
            files.link(layout.root / place, links[place])
        for place in stale:
            files.remove(layout.root / place)
    return [*changed, *stale]


def _leads(path: Path, target: str) -> bool:
    try:
        return str(path.readlink()) == target
    except OSError:
        return False


def _ours(layout: Layout) -> list[str]:
    """Links into the current release's units."""
    found = []
    for folder in FOLDERS:
        there = layout.root / folder
        for path in sorted(there.iterdir()) if there.is_dir() else ():
            ours = path.is_symlink() and str(path.readlink()).startswith(f"{UNITS}/")
            found += [f"{folder}/{path.name}"] if ours else []
    return found
