"""`provision/image`: one card, from the stock image to one device's own."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import disk, onboard, settings, system
from .disk import Disk
from .errors import ImageError, Usage
from .mounting import Boot, mounted
from .options import parser, wanted, with_new_code
from .system import System
from .tree import Tree
from .wanted import Wanted

SPARE = 48 << 20  # what the first start of Raspberry Pi OS writes before it has the whole card
GROWTH = 16 << 20  # with it, so that the next preparation finds room; a file system needs some for itself too


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(argv)
    try:
        _prepare(options)
    except ImageError as error:
        print("\n".join(f"image: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"image: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("image: interrupted; run it again before the card is used.", file=sys.stderr)
        return 130
    return 0


def _prepare(options: argparse.Namespace) -> None:
    card = _card(options)
    if os.geteuid() != 0:
        raise ImageError("This needs root, to mount the root partition: sudo provision/image ...")
    device = wanted(options)
    boot = Boot(card)
    cmdline = _boot(boot)
    found, need = _inspect(card, device)
    _confirm(options, card, device)
    if need:
        print(f"grow       the root partition of {card.path} by {need >> 20} MB")
        card = card if options.dry_run else disk.grown(card, need)
    device = device if options.dry_run else with_new_code(options, device)
    with mounted(card, write=not options.dry_run) as top:
        tree = Tree(top, print, dry=options.dry_run)
        settings.apply(tree, device)
        onboard.place(tree, device)
    changes = tree.changes + bool(need) + _country(boot, cmdline, device, dry=options.dry_run)
    print(_summary(device, found, changes, dry=options.dry_run))


def _card(options: argparse.Namespace) -> Disk:
    disk.refuse(options.image)
    return disk.look(options.image)


def _boot(boot: Boot) -> str:
    """The kernel's command line, of a boot partition that is as it was written."""
    names = boot.names()
    for name in ("config.txt", "cmdline.txt"):
        if name not in names:
            raise ImageError(f"bootfs has no {name}; is this Raspberry Pi OS?")
    system.refuse_customised(names, {name: boot.read(name) for name in system.IMAGER_SEED if name in names})
    return boot.read("cmdline.txt")


def _inspect(card: Disk, device: Wanted) -> tuple[System, int]:
    """What is on it, and by how many bytes it is too small."""
    with mounted(card, write=False) as top:
        found = system.look(Tree(top, print, dry=True))
        debs = False
        need = SPARE
        if device.bundle:
            manifest = onboard.check(device.bundle, device, found)
            debs = bool(manifest.debs.get(found.target))
            there = top / onboard.PLACE / "bundle.evb"
            need += max(0, device.bundle.stat().st_size - (there.stat().st_size if there.is_file() else 0))
        status = os.statvfs(top)
        free = status.f_bavail * status.f_frsize
    if found.missing and not debs:
        print(f"note: the image lacks {', '.join(found.missing)}: the first boot fetches that from Debian, over the"
              " network. A bundle made with --debs brings it.", file=sys.stderr)  # fmt: skip
    return found, need - free + GROWTH if need > free else 0


def _confirm(options: argparse.Namespace, card: Disk, device: Wanted) -> None:
    """Raises Usage unless a person says yes, where it is a card."""
    if card.is_file or options.yes or options.dry_run:
        return
    what = f"{card.path} ({card.size / 1e9:.1f} GB) becomes {device.name}."
    if not sys.stdin.isatty():
        raise Usage(f"{what} Without a terminal, say so with --yes.")
    if input(f"{what} Go on? (yes/no) ").strip().lower() not in {"y", "yes"}:
        raise ImageError("Nothing was done.")


def _country(boot: Boot, cmdline: str, device: Wanted, *, dry: bool) -> int:
    """Last: it is the one change on the FAT partition, and holds no secret."""
    after = settings.with_country(cmdline, device.wifi.country) if device.wifi else cmdline
    if after.split() == cmdline.split():
        return 0
    print("file       /boot/firmware/cmdline.txt")
    if not dry:
        boot.write("cmdline.txt", after)
    return 1


def _summary(device: Wanted, found: System, changes: int, *, dry: bool) -> str:
    name = f"{device.name} (Raspberry Pi OS {found.codename}, {found.target.partition('-')[0]})"
    if not changes:
        return f"Nothing to do: {name} is prepared."
    if dry:
        return f"{changes} changes would be made for {name}."
    source = Path(device.bundle).name if device.bundle else device.channel
    return f"{name} is prepared: at its first boot it installs {source}. Log in: ssh {device.user}@{device.name}"
