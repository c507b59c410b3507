"""Everything of a device that is a file of the system: names, users, SSH, Wi-Fi, language, journal, watchdog, clock."""

from __future__ import annotations

import re
import time
from pathlib import Path

from . import users
from .errors import Usage
from .tree import Tree
from .wanted import Wanted

FILES = Path(__file__).parent / "files"
PLAIN = {
    "journald.conf": "etc/systemd/journald.conf.d/90-edge-voice.conf",
    "watchdog.conf": "etc/systemd/system.conf.d/90-edge-voice.conf",
    "timesyncd.conf": "etc/systemd/timesyncd.conf.d/90-edge-voice.conf",
}
SUDOERS = "etc/sudoers.d/010_edge-voice-operator"
WIFI = "etc/NetworkManager/system-connections/edge-voice-wifi.nmconnection"
# Whoever logs in first must not be able to choose a name and password for the device.
DIALOGUES = (
    "etc/systemd/system/multi-user.target.wants/userconfig.service", "etc/xdg/autostart/piwiz.desktop",
    "etc/ssh/sshd_config.d/rename_user.conf", "etc/sudoers.d/010_pi-nopasswd", "etc/sudoers.d/010_wiz-nopasswd",
    "var/lib/userconf-pi/autologin",
    # Takes all host keys away and makes them anew, not all at once: edge-voice-host-key.service does that.
    "etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service",
)  # fmt: skip
CLOCK_SLACK_S = 3600
REGULATORY = "cfg80211.ieee80211_regdom"


def apply(tree: Tree, wanted: Wanted) -> None:
    """All of it; twice is once."""
    _names(tree, wanted.name)
    _login(tree, wanted)
    _region(tree, wanted)
    for name, path in PLAIN.items():
        tree.write(path, (FILES / name).read_text())
    if wanted.wifi:
        tree.folder(str(Path(WIFI).parent), 0o700)
        tree.write(WIFI, wanted.wifi.keyfile(wanted.name), 0o600)
    else:
        tree.remove(WIFI)
    # Trixie's cloud-init would read its settings from the FAT partition, which anybody can write to.
    if tree.at("etc/cloud").is_dir():
        tree.write("etc/cloud/cloud-init.disabled", "Prepared by edge-voice's provision/image.\n")
    _clock(tree)


def _names(tree: Tree, name: str) -> None:
    tree.write("etc/hostname", f"{name}\n")
    lines = [line for line in tree.read("etc/hosts").splitlines() if not re.match(r"127\.0\.1\.1\s", line)]
    if not any(re.match(r"127\.0\.0\.1\s", line) for line in lines):
        lines.insert(0, "127.0.0.1\tlocalhost")
    tree.write("etc/hosts", "".join(f"{line}\n" for line in [*lines, f"127.0.1.1\t{name}"]))


# ---- who may log in ------------------------------------------------------------------------------------------------


def _login(tree: Tree, wanted: Wanted) -> None:
    home = _operator(tree, wanted.user) if wanted.user != "root" else "root"
    passwd = tree.read("etc/passwd")
    owner = users.number_of(passwd, wanted.user)
    tree.folder(f"{home}/.ssh", 0o700, owner)
    tree.write(f"{home}/.ssh/authorized_keys", "".join(f"{key}\n" for key in wanted.ssh_keys), 0o600, owner)
    root = "prohibit-password" if wanted.user == "root" else "no"
    text = (FILES / "sshd.conf").read_text().replace("@USER@", wanted.user).replace("@ROOT@", root)
    tree.write("etc/ssh/sshd_config.d/10-edge-voice.conf", text)
    for path in DIALOGUES:
        tree.remove(path)
    # As `systemctl enable` would.
    tree.link("etc/systemd/system/multi-user.target.wants/ssh.service", "/usr/lib/systemd/system/ssh.service")
    tree.link("etc/systemd/system/sshd.service", "/usr/lib/systemd/system/ssh.service")
    tree.link("etc/systemd/system/getty.target.wants/getty@tty1.service", "/usr/lib/systemd/system/getty@.service")


def _operator(tree: Tree, name: str) -> str:
    """User 1000 gets this name; its home."""
    before = {path: tree.read(path) for path in users.FILES}
    old = users.first_user(before["etc/passwd"])
    shadow = users.group_number(before["etc/group"], "shadow")
    for path, text in users.renamed(before, name).items():
        if text != before[path]:
            secret = path in {"etc/shadow", "etc/gshadow"}
            tree.write(path, text, 0o640 if secret else 0o644, (0, shadow) if secret else (0, 0))
    if old and old != name:
        tree.move(f"home/{old}", f"home/{name}")
    tree.folder(f"home/{name}", 0o700, (int(users.NUMBER), int(users.NUMBER)))
    # There is no password that sudo could ask for.
    tree.write(SUDOERS, f"{name} ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    return f"home/{name}"


# ---- where it stands -----------------------------------------------------------------------------------------------


def _region(tree: Tree, wanted: Wanted) -> None:
    zone = f"usr/share/zoneinfo/{wanted.timezone}"
    if not tree.at(zone).is_file() and not tree.at(zone).is_symlink():
        raise Usage(f"There is no time zone {wanted.timezone} in the image; one is like Europe/Berlin.")
    tree.link("etc/localtime", f"/{zone}")
    tree.write("etc/timezone", f"{wanted.timezone}\n")
    place = "etc/locale.conf" if tree.at("etc/locale.conf").is_file() else "etc/default/locale"
    tree.write(place, f"LANG={wanted.locale}\n")
    generated = tree.read("etc/locale.gen")
    if generated and not wanted.locale.startswith("C."):
        line = f"{wanted.locale} UTF-8"
        text = re.sub(rf"^# *{re.escape(line)}$", line, generated, flags=re.MULTILINE)
        if line not in text.splitlines():
            raise Usage(f"There is no locale {wanted.locale} in the image; one is like de_DE.UTF-8.")
        tree.write("etc/locale.gen", text)
    keyboard = tree.read("etc/default/keyboard") or 'XKBMODEL="pc105"\nXKBLAYOUT="us"\n'
    tree.write("etc/default/keyboard",
               re.sub(r"^XKBLAYOUT=.*$", f'XKBLAYOUT="{wanted.keyboard}"', keyboard, flags=re.MULTILINE))  # fmt: skip


def with_country(cmdline: str, country: str) -> str:
    """The kernel's command line: without its country a Raspberry Pi's radio stays off."""
    words = [word for word in cmdline.split() if not word.startswith(f"{REGULATORY}=")]
    return " ".join([*words, f"{REGULATORY}={country}"]) + "\n"


def _clock(tree: Tree) -> None:
    """A Raspberry Pi has no clock of its own: it starts with the time of now, and certificates hold."""
    now = time.time()
    tree.touch("usr/lib/clock-epoch", now, CLOCK_SLACK_S)
    owner = users.number_of(tree.read("etc/passwd"), "systemd-timesync")
    tree.folder("var/lib/systemd/timesync", owner=owner)
    tree.touch("var/lib/systemd/timesync/clock", now, CLOCK_SLACK_S, owner)
