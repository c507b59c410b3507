"""The updater's own replacement: only by a release that has been found good, or by provision/install."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from . import files
from .layout import Layout
from .service import command

COMMAND = "edge-voice-update"
KEPT = 2
TRY_S = 30
NUMBER = re.compile(rb"^VERSION = (\d+)", re.MULTILINE)


def number(folder: Path) -> int:
    """The VERSION in an updater's folder; -1 where there is none."""
    try:
        match = NUMBER.search((folder / "__init__.py").read_bytes())
    except OSError:
        return -1
    return int(match[1]) if match else -1


def _print(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]


def install(layout: Layout, source: Path, *, same_number: bool = False, check: bool = False) -> str:
    """Take over the updater in `source` if its number is higher; gives what was changed, or "".

    With `same_number`, for work on the updater itself, one that differs is enough.
    """
    theirs, ours = number(source), number(layout.updater)
    if theirs < ours or (theirs == ours and not (same_number and _print(source) != _print(layout.updater))):
        return ""
    name = f"{theirs}-{_print(source)}"
    if check:
        return f"updater {name}"
    updaters = layout.opt / "updaters"
    files.make_folder(updaters)
    partial, there = updaters / f".{name}.partial", updaters / name
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial / "updater", ignore=shutil.ignore_patterns("__pycache__"))
    (partial / "updater" / COMMAND).chmod(0o755)
    code, said = command(("/usr/bin/python3", partial / "updater" / COMMAND, "--help"), TRY_S)
    if code:
        shutil.rmtree(partial, ignore_errors=True)
        return f"updater {name} does not run and is left aside: {said.strip()[-200:]}"
    files.sync_tree(partial)
    files.remove_tree(there)
    files.rename(partial, there)
    files.link(layout.updater, f"updaters/{name}/updater")
    _prune(updaters, name)
    return f"updater {name}"


def _prune(updaters: Path, newest: str) -> None:
    """Older ones; the one that runs now may be among the kept."""
    others = sorted(path for path in updaters.iterdir() if path.name != newest)
    for path in others[: max(0, len(others) - KEPT + 1)]:
        shutil.rmtree(path, ignore_errors=True)
