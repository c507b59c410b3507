"""Changes to a mounted root file system: only what is not right yet is changed, and each change is told."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from .errors import ImageError

Owner = tuple[int, int]
ROOT: Owner = (0, 0)


class Tree:
    """The file system below `top`; paths are as on the device, without the leading /. With `dry` nothing is changed."""

    def __init__(self, top: Path, tell: Callable[[str], None], *, dry: bool = False) -> None:
        self.top, self._tell, self._dry = top.resolve(), tell, dry
        self.changes = 0

    def at(self, path: str) -> Path:
        """Where it is here; raises ImageError where a link in the image would lead out of it."""
        there = self.top / path
        if not there.parent.resolve().is_relative_to(self.top):
            raise ImageError(f"/{path} leads out of the image; is this Raspberry Pi OS?")
        return there

    def read(self, path: str) -> str:
        """A text file; "" where there is none."""
        there = self.at(path)
        if there.is_symlink() and not there.resolve().is_relative_to(self.top):
            raise ImageError(f"/{path} leads out of the image; is this Raspberry Pi OS?")
        try:
            return there.read_text(encoding="utf-8", errors="surrogateescape")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return ""

    def write(self, path: str, text: str, mode: int = 0o644, owner: Owner = ROOT) -> None:
        """A whole file, never readable to others before it is meant to be. A link in its place is replaced."""
        there = self.at(path)
        if not there.is_symlink() and there.is_file() and self.read(path) == text and _is(there, mode, owner):
            return
        if self._change("file", path):
            self.folder(str(Path(path).parent))
            partial = there.with_name(f".{there.name}.new")
            partial.unlink(missing_ok=True)
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
            _own(partial, mode, owner)
            partial.replace(there)

    def copy(self, source: Path, path: str, mode: int = 0o644) -> None:
        """A file of this machine."""
        there = self.at(path)
        if there.is_file() and filecmp.cmp(source, there, shallow=False) and _is(there, mode, ROOT):
            return
        if self._change("copy", path):
            self.folder(str(Path(path).parent))
            partial = there.with_name(f".{there.name}.new")
            shutil.copyfile(source, partial)
            _own(partial, mode, ROOT)
            partial.replace(there)

    def copy_folder(self, source: Path, path: str) -> None:
        """All files of a folder of this machine; what else is in the other one is taken away."""
        wanted = {file.relative_to(source) for file in source.rglob("*") if file.is_file() and "__pycache__" not in
                  file.parts}  # fmt: skip
        tell, self._tell, before = self._tell, lambda _: None, self.changes
        for name in sorted(wanted):
            mode = 0o755 if (source / name).stat().st_mode & 0o100 else 0o644
            self.copy(source / name, f"{path}/{name}", mode)
        self._tell = tell
        if copied := self.changes - before:
            self._tell(f"{'copy':<10} /{path}/ ({copied} files)")
        there = self.at(path)
        for file in sorted(there.rglob("*")) if there.is_dir() else ():
            if not file.is_dir() and file.relative_to(there) not in wanted:
                self.remove(f"{path}/{file.relative_to(there)}")

    def folder(self, path: str, mode: int = 0o755, owner: Owner = ROOT) -> None:
        """With its parents; the mode and owner are those of a new one, and are put right for others than 0755."""
        there, special = self.at(path), mode != 0o755  # noqa: PLR2004  a mode
        if there.is_dir():
            if special and not _is(there, mode, owner) and self._change("folder", path):
                _own(there, mode, owner)
        elif path not in {"", "."}:
            self.folder(str(Path(path).parent))
            if self._change("folder", path) if special else not self._dry:
                there.mkdir(mode)
                _own(there, mode, owner)

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        there = self.at(path)
        if there.is_symlink() and str(there.readlink()) == target:
            return
        if self._change("link", f"{path} -> {target}"):
            self.folder(str(Path(path).parent))
            there.unlink(missing_ok=True)
            there.symlink_to(target)

    def remove(self, path: str) -> None:
        """A file or link."""
        there = self.at(path)
        if (there.is_symlink() or there.exists()) and self._change("away", path):
            there.unlink()

    def move(self, path: str, to: str) -> None:
        """A folder."""
        if self.at(path).is_dir() and not self.at(to).exists() and self._change("move", f"{path} -> /{to}"):
            self.at(path).rename(self.at(to))

    def touch(self, path: str, time: float, slack: float, owner: Owner = ROOT) -> None:
        """An empty file that is not older than `time`, give or take."""
        there = self.at(path)
        if there.is_file() and there.stat().st_mtime >= time - slack:
            return
        if self._change("time", path):
            self.folder(str(Path(path).parent))
            there.touch()
            os.chown(there, *owner)
            os.utime(there, (time, time))

    def _change(self, kind: str, path: str) -> bool:
        """Tell it; whether it is to be done."""
        self.changes += 1
        self._tell(f"{kind:<10} /{path}")
        return not self._dry


def _is(path: Path, mode: int, owner: Owner) -> bool:
    status = path.stat()
    return (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (mode, *owner)


def _own(path: Path, mode: int, owner: Owner) -> None:
    os.chown(path, *owner)
    path.chmod(mode)
