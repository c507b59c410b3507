"""Small images that look like Raspberry Pi OS: its builder's partitions, and the files that are changed in them."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provision.imaging import disk, mounting
from tests.provision import evb

ROOT = Path(__file__).parents[2]
PROGRAMS = ("sfdisk", "mkfs.vfat", "mkfs.ext4", "mcopy", "mount", "losetup", "e2fsck", "resize2fs", "ssh-keygen")
MB = 1 << 20
BEGIN, BOOT_MB, ROOT_MB = 8 * MB, 8, 24
MACHINES = {"aarch64": 0xB7, "x86_64": 0x3E, "armv7l": 0x28}
VERSIONS = {"bullseye": "11", "bookworm": "12", "trixie": "13"}
PACKAGES = ("python3", "openssl", "python3-systemd", "libportaudio2", "alsa-utils")
CMDLINE = (
    "console=serial0,115200 console=tty1 root=PARTUUID=1d2c3b4a-02 rootfstype=ext4 fsck.repair=yes rootwait resize\n"
)
PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
systemd-timesync:x:997:996:systemd Time Synchronization:/:/usr/sbin/nologin
pi:x:1000:1000:,,,:/home/pi:/bin/bash
"""
FILES = {
    "etc/passwd": PASSWD,
    "etc/group": "root:x:0:\ndaemon:x:1:\nadm:x:4:pi\noperator:x:37:\nshadow:x:42:\naudio:x:29:pi,pulse\npi:x:1000:\n",
    "etc/shadow": "root:*:19600:0:99999:7:::\ndaemon:*:19600:0:99999:7:::\npi:$y$j9T$abc$def:19600:0:99999:7:::\n",
    "etc/gshadow": "root:*::\naudio:*::pi,pulse\npi:!::\n",
    "etc/subuid": "pi:100000:65536\n",
    "etc/subgid": "pi:100000:65536\n",
    "etc/hostname": "raspberrypi\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n::1\t\tlocalhost\n\n127.0.1.1\traspberrypi\n",
    "etc/locale.gen": "# de_DE.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n",
    "etc/default/keyboard": 'XKBMODEL="pc105"\nXKBLAYOUT="gb"\nXKBVARIANT=""\n',
    "etc/fstab": "PARTUUID=1d2c3b4a-02 / ext4 defaults,noatime 0 1\n",
    "etc/rpi-issue": "Raspberry Pi reference 2025-10-01\n",
    "etc/sudoers.d/010_pi-nopasswd": "pi ALL=(ALL) NOPASSWD: ALL\n",
    "etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\n",
    "etc/ssh/sshd_config.d/rename_user.conf": "Banner /usr/share/userconf-pi/sshd_banner\n",
    "home/pi/.bashrc": "# mine\n",
    "usr/share/zoneinfo/Etc/UTC": "TZif",
    "usr/share/zoneinfo/Europe/Berlin": "TZif",
    "usr/lib/systemd/system/ssh.service": "[Service]\nExecStart=/usr/sbin/sshd -D\n",
}  # fmt: skip
LINKS = {
    "etc/localtime": "/usr/share/zoneinfo/Europe/London",
    "etc/systemd/system/multi-user.target.wants/userconfig.service": "/usr/lib/systemd/system/userconfig.service",
    "etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service":
        "/usr/lib/systemd/system/regenerate_ssh_host_keys.service",
}  # fmt: skip
FOLDERS = ("boot/firmware", "etc/NetworkManager/system-connections", "root", "tmp", "var/lib/systemd/timesync")


def missing() -> str:
    """What these tests lack here, or ""."""
    lacking = ", ".join(name for name in PROGRAMS if shutil.which(name) is None)
    if lacking:
        return f"{lacking} (apt install fdisk dosfstools mtools e2fsprogs openssh-client)"
    return evb.missing() or ("" if os.geteuid() == 0 else "root")


def do(*words: object, data: bytes | None = None) -> str:
    done = subprocess.run([str(word) for word in words], input=data, capture_output=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout.decode()}{done.stderr.decode()}"
    return done.stdout.decode()


def skeleton(folder: Path, codename: str = "bookworm", machine: str = "aarch64") -> Path:
    """The files of a root partition, as far as they matter."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    status = "".join(f"Package: {name}\nStatus: install ok installed\n\n" for name in PACKAGES)
    system = (
        f'PRETTY_NAME="Debian GNU/Linux {VERSIONS[codename]} ({codename})"\nVERSION_CODENAME={codename}\nID=debian\n'
    )
    files = FILES | {"etc/os-release": system, "var/lib/dpkg/status": status}
    if codename == "trixie":
        files |= {
            "etc/cloud/cloud.cfg": "datasource_list: [ NoCloud, None ]\n",
            "etc/locale.conf": "LANG=en_GB.UTF-8\n",
        }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "usr/bin").mkdir(parents=True)
    (folder / "usr/bin/dpkg").write_bytes(
        b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + struct.pack("<H", MACHINES[machine])
    )
    for name, target in LINKS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    do("chown", "-R", "1000:1000", folder / "home/pi")
    return folder


def image(
    path: Path, root: Path, *, root_mb: int = ROOT_MB, boot: dict[str, str] | None = None, more: str = ""
) -> Path:
    """An image file with this root; `more` are further lines for sfdisk."""
    begin = BEGIN + BOOT_MB * MB
    do("truncate", "-s", begin + (root_mb + (8 if more else 0)) * MB, path)
    boot_part, root_part = (
        f"{begin // 512},{size * MB // 512}" for begin, size in ((BEGIN, BOOT_MB), (begin, root_mb))
    )
    table = f"label: dos\nlabel-id: 0x1d2c3b4a\nunit: sectors\n{boot_part},c\n{root_part},83\n{more}"
    do("sfdisk", "-q", path, data=table.encode())
    do("mkfs.vfat", "-F", "16", "-s", "1", "-n", "bootfs", "--offset", BEGIN // 512, path, BOOT_MB * 1024)
    for name, text in ({"cmdline.txt": CMDLINE, "config.txt": "arm_64bit=1\n"} | (boot or {})).items():
        do("mcopy", "-i", f"{path}@@{BEGIN}", "-", f"::{name}", data=text.encode())
    do("mkfs.ext4", "-q", "-L", "rootfs", "-d", root, "-E", f"offset={begin}", path, f"{root_mb}M")
    return path


@contextmanager
def opened(path: Path, *, write: bool = False) -> Iterator[Path]:
    """Its root."""
    with mounting.mounted(disk.look(path), write=write) as root:
        yield root


def cmdline(path: Path) -> str:
    return do("mtype", "-i", f"{path}@@{BEGIN}", "::cmdline.txt")


def everything(path: Path) -> dict[str, tuple[int, int, int, str]]:
    """Of each file of the root its mode, owner, group and content or target."""
    found = {}
    with opened(path) as root:
        texts = evb.contents(root)
        for there in sorted(root.rglob("*")):
            name, status = str(there.relative_to(root)), there.lstat()
            found[name] = (status.st_mode & 0o7777, status.st_uid, status.st_gid, texts.get(name, ""))
    return found


@dataclass(frozen=True)
class Kit:
    """What an operator has at hand: a key of his own, minisign's, and a bundle for every kind of device."""

    folder: Path
    bundle: Path
    trust: Path
    ssh_key: Path

    def prepare(self, path: Path, *words: object, **how: object) -> subprocess.CompletedProcess[str]:
        """provision/image with what it always needs; an option that is given again goes before."""
        usual = ("--name", "kitchen", "--ssh-key", self.ssh_key, "--trust", self.trust)
        given = () if "--channel" in words or "--bundle" in words else ("--bundle", self.bundle)
        command = [sys.executable, ROOT / "provision/image", *usual, *given, *words, path]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, cwd=self.folder, **how)  # type: ignore[call-overload]  # fmt: skip


def kit(folder: Path, *, size: int = 2000) -> Kit:
    """Made for one module of tests."""
    maker = evb.Maker(folder, evb.make_keys(folder), files=2, size=size)
    sources = maker.sources(1, "good")
    names = sorted(path.name for path in (sources / "wheels").iterdir())
    targets = dict.fromkeys(("aarch64-3.11", "aarch64-3.13", "x86_64-3.11", "x86_64-3.13"), names)
    bundle = maker.pack(sources, 1, targets=targets)
    do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", folder / "me")
    return Kit(folder, bundle, maker.key.with_suffix(".pub"), folder / "me.pub")
