"""A card or an image file as a whole: whether it may be written to, its partitions, and making room on it."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import ImageError

SECTOR = 512
TABLE, ENTRY = 446, 16  # where the four entries of a master boot record begin, and their size
SIGNATURE = b"\x55\xaa"
FAT, LINUX, GPT = {0x0B, 0x0C, 0x0E}, 0x83, 0xEE
EXT4_MAGIC, EXT4_AT = b"\x53\xef", 1024 + 56
LIKE_PI_OS = "Raspberry Pi OS has two: bootfs (FAT) and rootfs (ext4)"
STEP = 4 << 20  # cards erase in blocks of this size
RESIZE_S = 600
MENDED = 1  # of e2fsck: errors were put right


@dataclass(frozen=True)
class Partition:
    """One entry of the table; begin and size in bytes."""

    number: int
    kind: int
    begin: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.begin + self.size


@dataclass(frozen=True)
class Disk:
    """A card or an image file with the two partitions of Raspberry Pi OS. `size` in bytes."""

    path: Path
    size: int
    boot: Partition
    root: Partition
    others: tuple[Partition, ...] = ()

    @property
    def is_file(self) -> bool:
        """An image, which can grow."""
        return self.path.is_file()


def look(path: Path) -> Disk:
    """Read the table; raises ImageError for all that is not laid out as Raspberry Pi OS is."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            table = partitions(file.read(SECTOR), path)
            known = {part.number: part for part in table}
            for number in (1, 2):
                if number not in known:
                    raise ImageError(f"{path} has no partition {number}; {LIKE_PI_OS}.")
                if known[number].end > size:
                    raise ImageError(f"{path} is cut off: partition {number} ends behind it. Unpack or copy it again.")
            boot, root = known[1], known[2]
            file.seek(boot.begin)
            sector = file.read(SECTOR)
            file.seek(root.begin + EXT4_AT)
            magic = file.read(2)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from None
    if boot.kind not in FAT or sector[-2:] != SIGNATURE:
        raise ImageError(f"Partition 1 of {path} is not FAT; {LIKE_PI_OS}.")
    if root.kind != LINUX or magic != EXT4_MAGIC:
        raise ImageError(f"Partition 2 of {path} is not ext4; {LIKE_PI_OS}.")
    others = tuple(part for part in table if part.number > 2)  # noqa: PLR2004  the third and fourth
    return Disk(path, size, boot, root, others)


def partitions(sector: bytes, path: Path) -> list[Partition]:
    """Those of a master boot record."""
    if len(sector) < SECTOR or sector[-2:] != SIGNATURE:
        raise ImageError(f"{path} has no partition table; unpack the image first (unxz), if it is packed.")
    found = []
    for number in range(4):
        kind, begin, size = struct.unpack_from("<4xB3xII", sector, TABLE + number * ENTRY)
        if kind == GPT:
            raise ImageError(f"{path} has a GPT, which Raspberry Pi OS has not.")
        if kind and size:
            found.append(Partition(number + 1, kind, begin * SECTOR, size * SECTOR))
    return found


# ---- whether it may be written to ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kernel:
    """What the kernel shows of disks; other folders in tests."""

    sys: Path = Path("/sys")
    proc: Path = Path("/proc")

    def block(self, path: Path) -> Path:
        """A block device's folder in sysfs, with its own links resolved."""
        number = path.stat().st_rdev
        return (self.sys / f"dev/block/{os.major(number)}:{os.minor(number)}").resolve()

    def in_use(self, folder: Path) -> str:
        """How a disk or one of its partitions is used, or ""."""
        disks = [folder, *(part.parent for part in folder.glob("*/partition"))]
        numbers = {_text(disk / "dev"): disk.name for disk in disks}
        for line in _text(self.proc / "self/mountinfo").splitlines():
            fields = line.split()
            if fields[2] in numbers:
                return f"{numbers[fields[2]]} is mounted at {fields[4]}; umount it"
        swaps = {Path(line.split()[0]).name for line in _text(self.proc / "swaps").splitlines()[1:]}
        for disk in disks:
            if disk.name in swaps:
                return f"{disk.name} is swap"
            if (disk / "holders").is_dir() and any((disk / "holders").iterdir()):
                return f"{disk.name} is part of {next((disk / 'holders').iterdir()).name}"
        return ""

    def loop(self, path: Path) -> str:
        """The loop device that shows an image file, or ""."""
        for backing in (self.sys / "block").glob("loop*/loop/backing_file"):
            if _text(backing) == str(path.resolve()):
                return backing.parents[1].name
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def refuse(path: Path, kernel: Kernel | None = None) -> None:
    """Raises ImageError unless this may be written to: a file, or a card that nothing uses."""
    kernel = kernel or Kernel()
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}.") from None
    if stat.S_ISREG(mode):
        if loop := kernel.loop(path):
            raise ImageError(f"{path} is in use by {loop}: umount it, or losetup --detach /dev/{loop}.")
    elif stat.S_ISBLK(mode):
        if why := _no_card(path, kernel):
            raise ImageError(f"{path} is left alone: {why}.")
    else:
        raise ImageError(f"{path} is neither an image file nor a card.")


def _no_card(path: Path, kernel: Kernel) -> str:
    folder = kernel.block(path)
    if (folder / "partition").exists():
        return f"it is a partition; give the whole card, /dev/{folder.parent.name}"
    if why := kernel.in_use(folder):
        return why
    removable = _text(folder / "removable") == "1"
    if not removable and not folder.name.startswith("mmcblk") and not any("usb" in part for part in folder.parts):
        return "it looks like this machine's own disk: it is not removable, and neither USB nor a card reader"
    return ""


# ---- making room ---------------------------------------------------------------------------------------------------


def grown(disk: Disk, more: int) -> Disk:
    """The root partition and its file system made larger by so many bytes; raises ImageError where there is no room."""
    more = -(-more // STEP) * STEP
    if any(part.begin >= disk.root.end for part in disk.others):
        raise ImageError(f"{disk.path} is too small by {more >> 20} MB, and another partition is in the way.")
    end = disk.root.end + more
    if end > disk.size and not disk.is_file:
        raise ImageError(f"{disk.path} is too small by {(end - disk.size) >> 20} MB; take a larger card.")
    with disk.path.open("r+b") as file:
        if end > disk.size:
            file.truncate(end)
        file.seek(TABLE + ENTRY + 12)
        file.write(struct.pack("<I", (disk.root.size + more) // SECTOR))
        file.flush()
        os.fsync(file.fileno())
    after = look(disk.path)
    _resize(after)
    return after


def _resize(disk: Disk) -> None:
    where = ("--offset", str(disk.root.begin), "--sizelimit", str(disk.root.size))
    loop = run("losetup", "--find", "--show", *where, disk.path).strip()
    try:
        run("e2fsck", "-f", "-p", loop, fine=(0, MENDED))
        run("resize2fs", loop)
    finally:
        run("losetup", "--detach", loop)


def run(*words: str | Path, fine: tuple[int, ...] = (0,), data: bytes | None = None) -> str:
    """A program's output; raises ImageError with its last line."""
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=RESIZE_S, input=data)
    except FileNotFoundError:
        raise ImageError(f"{words[0]} is needed: apt-get install mtools e2fsprogs mount fdisk openssl") from None
    except subprocess.TimeoutExpired:
        raise ImageError(f"{words[0]} took longer than {RESIZE_S // 60} minutes.") from None
    if done.returncode not in fine:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise ImageError(f"{words[0]} failed: {said[-1] if said else done.returncode}")
    return done.stdout.decode(errors="replace")
