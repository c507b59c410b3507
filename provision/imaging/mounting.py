"""The two file systems: the root mounted by its offset, the boot partition through mtools.

So nothing depends on the kernel's view of the partitions, and no FAT is needed in the kernel.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .disk import Disk, run
from .errors import ImageError

# Nothing of what is in an image is to be run here, and none of its device nodes is to be used.
SAFE = "nosuid,nodev,noexec"


@contextmanager
def mounted(disk: Disk, *, write: bool = True) -> Iterator[Path]:
    """The root file system; it is on the disk when this ends. Without `write` not even its journal is replayed."""
    if os.geteuid() != 0:
        raise ImageError("This needs root, to mount the root partition: sudo provision/image ...")
    how = SAFE if write else f"{SAFE},ro,noload"
    with tempfile.TemporaryDirectory(prefix="edge-voice-image-") as folder:
        where = f"loop,offset={disk.root.begin},sizelimit={disk.root.size},{how}"
        run("mount", "-t", "ext4", "-o", where, disk.path, folder)
        try:
            yield Path(folder)
        finally:
            run("umount", folder)
    if write:
        with disk.path.open("rb") as file:
            os.fsync(file.fileno())


class Boot:
    """The FAT partition, bootfs. Names are those in its top folder."""

    def __init__(self, disk: Disk) -> None:
        self._image = f"{disk.path}@@{disk.boot.begin}"

    def names(self) -> list[str]:
        """What lies there."""
        listing = run("mdir", "-i", self._image, "-b", "::")
        return [line.removeprefix("::/").rstrip("/") for line in listing.splitlines() if line.strip()]

    def read(self, name: str) -> str:
        """A small text file."""
        return run("mtype", "-i", self._image, f"::{name}")

    def write(self, name: str, text: str) -> None:
        """The same, instead of the one that is there."""
        run("mcopy", "-o", "-i", self._image, "-", f"::{name}", data=text.encode())
