"""What provision/image leaves alone, and that it says why in a line or two."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.imaging import disk, system, users
from provision.imaging.errors import ImageError, Usage
from provision.imaging.settings import with_country
from provision.imaging.wanted import Wanted, Wifi
from tests.provision import card, evb

needs_tools = pytest.mark.skipif(bool(card.missing()), reason=card.missing())


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> card.Kit:
    return card.kit(tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    return card.image(folder / "card.img", card.skeleton(folder / "root"), root_mb=100)


def copy(good: Path, folder: Path) -> Path:
    card.do("cp", "--reflink=auto", "--sparse=always", good, folder / "card.img")
    return folder / "card.img"


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - card.MB)


def at(path: Path, where: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(where)
        file.write(data)


def without_second(path: Path) -> None:
    at(path, disk.TABLE + disk.ENTRY, bytes(disk.ENTRY))


def with_gpt(path: Path) -> None:
    at(path, disk.TABLE + 4, bytes([disk.GPT]))


def packed(path: Path) -> None:
    at(path, 0, b"\xfd7zXZ\0".ljust(512, b"\1"))


def not_ext4(path: Path) -> None:
    at(path, disk.look(path).root.begin + disk.EXT4_AT, b"\0\0")


def not_fat(path: Path) -> None:
    at(path, disk.look(path).boot.begin + 510, b"\0\0")


def by_imager(path: Path) -> None:
    card.do("mcopy", "-i", f"{path}@@{card.BEGIN}", "-", "::custom.toml", data=b"[user]\n")


def seeded(path: Path) -> None:
    card.do("mcopy", "-i", f"{path}@@{card.BEGIN}", "-", "::user-data", data=b"#cloud-config\nhostname: x\n")


def without_config(path: Path) -> None:
    card.do("mdel", "-i", f"{path}@@{card.BEGIN}", "::config.txt")


def plain_debian(path: Path) -> None:
    with card.opened(path, write=True) as root:
        (root / "etc/rpi-issue").unlink()


def bullseye(path: Path) -> None:
    with card.opened(path, write=True) as root:
        (root / "etc/os-release").write_text("VERSION_CODENAME=bullseye\n")


def of_32_bits(path: Path) -> None:
    with card.opened(path, write=True) as root:
        card.skeleton(path.parent / "armv7", machine="armv7l")
        (root / "usr/bin/dpkg").write_bytes((path.parent / "armv7/usr/bin/dpkg").read_bytes())


def leading_out(path: Path) -> None:
    with card.opened(path, write=True) as root:
        (root / "etc").rename(root / "etc2")
        (root / "etc").symlink_to("/etc")


@needs_tools
@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (cut, "cut off"), (without_second, "has no partition 2"), (with_gpt, "has a GPT"),
        (packed, "has no partition table; unpack"), (not_ext4, "is not ext4"), (not_fat, "is not FAT"),
        (by_imager, "custom.toml of Raspberry Pi Imager"), (seeded, "settings in user-data"),
        (without_config, "no config.txt"), (plain_debian, "not Raspberry Pi OS"),
        (bullseye, "bullseye; bookworm and trixie"), (of_32_bits, "32-bit"), (leading_out, "leads out of the image"),
    ],
)  # fmt: skip
def test_what_is_no_such_card(tmp_path: Path, good: Path, kit: card.Kit, harm: Callable, words: str) -> None:
    path = copy(good, tmp_path)
    harm(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    refused(kit.prepare(path), words)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def refused(done: object, words: str, code: int = 1) -> None:
    assert (done.returncode, done.stdout) == (code, "")  # type: ignore[attr-defined]  # CompletedProcess
    assert words in done.stderr  # type: ignore[attr-defined]  # the same
    assert 1 <= len(done.stderr.splitlines()) <= 2  # type: ignore[attr-defined]  # the same


@needs_tools
@pytest.mark.slow
def test_bundles_that_would_not_be_installed(tmp_path: Path, good: Path, kit: card.Kit) -> None:
    path = copy(good, tmp_path)
    maker = evb.Maker(tmp_path, kit.trust.with_suffix(".key"), files=1)
    foreign = maker.pack(maker.sources(2, "good"), 2, targets={"x86_64-3.11": ["edge_voice-0.2.0-py3-none-any.whl"]})
    refused(kit.prepare(path, "--bundle", foreign), "is for x86_64-3.11; this image is aarch64-3.11")
    other = evb.make_keys(tmp_path, "other")
    stranger = evb.Maker(tmp_path, other, files=1).make(3)
    refused(kit.prepare(path, "--bundle", stranger), "a key that this device does not know")
    half = tmp_path / "half.evb"
    half.write_bytes(kit.bundle.read_bytes()[:-2000])
    refused(kit.prepare(path, "--bundle", half), "half.evb is not installed by any device")
    refused(kit.prepare(path, "--bundle", tmp_path / "none.evb"), "none.evb cannot be read: No such file")


@needs_tools
@pytest.mark.slow
def test_one_that_is_mounted(tmp_path: Path, good: Path, kit: card.Kit) -> None:
    path = copy(good, tmp_path)
    with card.opened(path, write=True):
        refused(kit.prepare(path), "is in use by loop")


@needs_tools
@pytest.mark.slow
def test_one_without_room(tmp_path: Path, kit: card.Kit) -> None:
    begin = (card.BEGIN + (card.BOOT_MB + card.ROOT_MB) * card.MB) // 512
    path = card.image(tmp_path / "card.img", card.skeleton(tmp_path / "root"), more=f"{begin},8192,83\n")
    done = kit.prepare(path)
    assert done.returncode == 1
    assert "too small by" in done.stderr
    assert "another partition is in the way" in done.stderr


@needs_tools
@pytest.mark.slow
def test_this_machines_own_disk(tmp_path: Path, good: Path, kit: card.Kit) -> None:
    """A loop device is neither removable nor on USB: as near as a test may come to a real disk."""
    path = copy(good, tmp_path)
    loop = card.do("losetup", "--find", "--show", path).strip()
    try:
        refused(kit.prepare(Path(loop), "--yes"), "looks like this machine's own disk")
    finally:
        card.do("losetup", "--detach", loop)
    refused(kit.prepare(tmp_path), "neither an image file nor a card")
    refused(kit.prepare(tmp_path / "none.img"), "No such file")


# ---- what the kernel shows, played in a folder -----------------------------------------------------------------------


def kernel(
    folder: Path, name: str, number: str, *, removable: str = "0", where: str = "pci0000:00/ata1"
) -> disk.Kernel:
    """sysfs and procfs with one disk of one partition."""
    there = folder / f"sys/devices/{where}/block/{name}"
    part = there / f"{name}1"
    part.mkdir(parents=True)
    (there / "removable").write_text(f"{removable}\n")
    (there / "dev").write_text(f"{number}\n")
    major, _, minor = number.partition(":")
    (part / "dev").write_text(f"{major}:{int(minor) + 1}\n")
    (part / "partition").write_text("1\n")
    (folder / "sys/dev/block").mkdir(parents=True)
    (folder / f"sys/dev/block/{number}").symlink_to(there)
    (folder / f"sys/dev/block/{major}:{int(minor) + 1}").symlink_to(part)
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/mountinfo").write_text("21 1 254:1 / / rw - ext4 /dev/vda1 rw\n")
    (folder / "proc/swaps").write_text("Filename Type Size Used Priority\n")
    return disk.Kernel(folder / "sys", folder / "proc")


def node(folder: Path, major: int, minor: int) -> Path:
    path = folder / f"node-{major}-{minor}"
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(major, minor))
    return path


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes device nodes")


@needs_root
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("sdb", {"where": "pci0000:00/usb1/1-2/host6"}), ("sdb", {"removable": "1"}),
        ("mmcblk0", {"where": "platform/emmc2bus"}),
    ],
)  # fmt: skip
def test_a_card_that_nothing_uses_is_taken(tmp_path: Path, name: str, how: dict[str, str]) -> None:
    disk.refuse(node(tmp_path, 8, 16), kernel(tmp_path, name, "8:16", **how))


@needs_root
def test_a_card_in_use_is_left_alone(tmp_path: Path) -> None:
    shown, path = kernel(tmp_path, "sdb", "8:16", removable="1"), node(tmp_path, 8, 16)
    mounts = tmp_path / "proc/self/mountinfo"
    before = mounts.read_text()
    mounts.write_text(before + "40 21 8:17 / /media/rootfs rw - ext4 /dev/sdb1 rw\n")
    with pytest.raises(ImageError, match="sdb1 is mounted at /media/rootfs; umount it"):
        disk.refuse(path, shown)
    mounts.write_text(before)
    (tmp_path / "proc/swaps").write_text("Filename Type Size Used Priority\n/dev/sdb1 partition 8 0 -2\n")
    with pytest.raises(ImageError, match="sdb1 is swap"):
        disk.refuse(path, shown)
    (tmp_path / "proc/swaps").write_text("")
    part = (tmp_path / "sys/dev/block/8:17").resolve()
    (part / "holders/dm-0").mkdir(parents=True)
    with pytest.raises(ImageError, match="sdb1 is part of dm-0"):
        disk.refuse(path, shown)
    with pytest.raises(ImageError, match="it is a partition; give the whole card, /dev/sdb"):
        disk.refuse(node(tmp_path, 8, 17), shown)


# ---- the command line ------------------------------------------------------------------------------------------------


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK me"


def test_all_mistakes_at_once() -> None:
    wifi = Wifi("x" * 33, "de", "short")
    bad = Wanted("Kitchen_1", "Root!", ("-----BEGIN OPENSSH PRIVATE KEY-----",), wifi=wifi, locale="german",
                 timezone="../../etc", keyboard="q1", relay="voice", code="a b")  # fmt: skip
    with pytest.raises(Usage) as caught:
        bad.check()
    said = str(caught.value)
    for words in ("1 to 32 bytes", "8 to 63 characters", "two capital letters", "'Kitchen_1'", "'Root!'", "de_DE.UTF-8",
                  "Europe/Berlin", "no public one", "--bundle FILE", "--trust FILE.pub", "enrolment code",
                  "voice is no address"):  # fmt: skip
        assert words in said
    assert len(said.splitlines()) == 13
    Wanted("kitchen", "pi", (KEY,), bundle=Path("x.evb"), trust=(Path("x.pub"),)).check()


def test_nothing_secret_is_shown() -> None:
    device = Wanted("kitchen", "pi", (KEY,), wifi=Wifi("Home", "DE", "my passphrase"), code="evc_secret")
    assert "my passphrase" not in repr(device)
    assert "evc_secret" not in repr(device)


@pytest.mark.parametrize(
    ("ssid", "line"),
    [("Home 2.4", "ssid=Home 2.4"), ("a;b", "ssid=97;59;98;"), ("ä", "ssid=195;164;"), (" x", "ssid=32;120;")],
)
def test_names_of_networks(ssid: str, line: str) -> None:
    text = Wifi(ssid, "DE").keyfile("kitchen")
    assert line in text.splitlines()
    assert "wifi-security" not in text


def test_the_key_of_a_network() -> None:
    """The example of IEEE 802.11i, annex H.4.1."""
    key = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    assert f"psk={key}\n" in Wifi("IEEE", "DE", "password").keyfile("kitchen")


def test_users_of_the_system_are_left_alone() -> None:
    texts = {path: card.FILES.get(path, "") for path in users.FILES}
    with pytest.raises(Usage, match="daemon is a name of the system's own"):
        users.renamed(texts, "daemon")
    groups = users.renamed(texts, "adm")["etc/group"]
    assert "\nadm:x:4:adm\n" in groups
    assert "\npi:x:1000:\n" in groups
    without = {**texts, "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n", "etc/group": "root:x:0:\n", "etc/shadow": ""}
    made = users.renamed(without, "anna")
    assert made["etc/passwd"].endswith("anna:x:1000:1000:,,,:/home/anna:/bin/bash\n")
    assert made["etc/shadow"] == "anna:*:19000:0:99999:7:::\n"
    assert users.renamed(made, "anna") == made


def test_the_command_line_of_the_kernel() -> None:
    once = with_country("root=x  rootwait\n", "DE")
    assert once == "root=x rootwait cfg80211.ieee80211_regdom=DE\n"
    assert with_country(once, "DE") == once
    assert with_country(once, "FR") == "root=x rootwait cfg80211.ieee80211_regdom=FR\n"


def test_packages_that_are_missing() -> None:
    status = (
        "Package: openssl\nStatus: install ok installed\n\nPackage: alsa-utils\nStatus: deinstall ok config-files\n"
    )
    assert system.missing(status) == ("python3", "python3-systemd", "libportaudio2", "alsa-utils")
