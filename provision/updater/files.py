"""Changes that are on the disk when the function returns, whole or not at all.

A file that was only written may be empty after a power cut, and a folder that was only renamed may be there without
what is in it: so everything is synced before the name by which it is found is changed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def sync(path: Path) -> None:
    """A file or folder, and what the disk itself still has in its cache."""
    there = os.open(path, os.O_RDONLY)
    try:
        os.fsync(there)
    finally:
        os.close(there)


def sync_tree(folder: Path) -> None:
    """All below, and the folder. The whole system first, at once: file by file alone takes minutes on a card."""
    os.sync()
    for path in walk(folder):
        if not path.is_symlink():
            sync(path)
    sync(folder)


def walk(folder: Path) -> Iterator[Path]:
    """Everything below; links are not followed."""
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from walk(path)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """The whole file, or the one before."""
    partial = path.with_name(f".{path.name}.new")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    rename(partial, path)


def rename(source: Path, target: Path) -> None:
    """In the same folder, over what may be there."""
    source.replace(target)
    sync(target.parent)


def link(path: Path, target: str) -> None:
    """A symbolic link, at once instead of what was there."""
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    rename(partial, path)


def remove(path: Path) -> None:
    """A file or link; nothing where there is none."""
    if path.is_symlink() or path.exists():
        path.unlink()
        sync(path.parent)


def remove_tree(folder: Path) -> None:
    """A folder, first out of its name: half a folder must not look like one."""
    if not folder.exists():
        return
    going = folder
    if not folder.name.startswith("."):
        going = folder.with_name(f".{folder.name}.going")
        shutil.rmtree(going, ignore_errors=True)
        rename(folder, going)
    shutil.rmtree(going)


def make_folder(path: Path, mode: int = 0o755) -> None:
    """A folder that is still there after a power cut, with its parents."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode, exist_ok=True)
    path.chmod(mode)
    sync(path.parent)
