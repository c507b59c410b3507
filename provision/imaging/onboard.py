"""What the first boot needs on the card: the plan, the bundle, a code that is good once, and who carries it out."""

from __future__ import annotations

import json
import time
from pathlib import Path

from provision.updater import minisign
from provision.updater.archive import Reader
from provision.updater.errors import Refused
from provision.updater.manifest import Manifest, parse

from .errors import ImageError
from .system import System
from .tree import Tree
from .wanted import Wanted

ROOT = Path(__file__).resolve().parents[2]
FILES = Path(__file__).parent / "files"
PLACE = "var/lib/edge-voice-first-boot"
PROGRAM = "usr/local/lib/edge-voice-first-boot"
UNITS = ("edge-voice-first-boot.service", "edge-voice-host-key.service", "edge-voice-read-only.service")
ENABLED = UNITS[:2]
CODE_S = 24 * 3600  # as the relay's


def check(bundle: Path, wanted: Wanted, system: System) -> Manifest:
    """The bundle is whole, rightly signed and for this system: better seen here than on the device."""
    try:
        keys = tuple(minisign.public_key(path.read_text()) for path in wanted.trust)
        with bundle.open("rb") as file:
            reader = Reader(file)
            minisign.verify(reader.manifest, reader.signature, keys)
            manifest = parse(reader.manifest)
            reader.check(manifest)
    except (Refused, ValueError) as error:
        raise ImageError(f"{bundle.name} is not installed by any device: {error}") from None
    except OSError as error:
        raise ImageError(f"{error.filename} cannot be read: {error.strerror}.") from None
    if system.target not in manifest.targets:
        raise ImageError(f"{bundle.name} is for {', '.join(sorted(manifest.targets))}; this image is {system.target}.")
    return manifest


def place(tree: Tree, wanted: Wanted) -> None:
    """All of it; twice is once."""
    tree.folder(PLACE, 0o700)
    # Carried out again, by a card that had been through it: every step of it can be.
    for name in ("done", "finished.json"):
        tree.remove(f"{PLACE}/{name}")
    _configuration(tree, wanted)
    if wanted.bundle:
        tree.copy(wanted.bundle, f"{PLACE}/bundle.evb")
    else:
        tree.remove(f"{PLACE}/bundle.evb")
    before, until = _before(tree), 0.0
    if wanted.code:
        same = tree.read(f"{PLACE}/code") == f"{wanted.code}\n"
        until = before if same and before else time.time() + CODE_S
        tree.write(f"{PLACE}/code", f"{wanted.code}\n", 0o600)
    else:
        tree.remove(f"{PLACE}/code")
    plan = {"channel": wanted.channel, "locale": wanted.locale, "relay": wanted.relay, "code_until": int(until),
            "read_only": wanted.read_only, "wifi": wanted.wifi is not None}  # fmt: skip
    for name in ("updater", "firstboot"):
        tree.copy_folder(ROOT / "provision" / name, f"{PROGRAM}/provision/{name}")
    tree.copy(FILES / "read-only", f"{PROGRAM}/read-only", 0o755)
    tree.write(f"{PLACE}/plan.json", json.dumps(plan, indent=1, sort_keys=True) + "\n", 0o600)
    for name in UNITS:
        tree.copy(FILES / name, f"etc/systemd/system/{name}")
    for name in ENABLED:
        tree.link(f"etc/systemd/system/multi-user.target.wants/{name}", f"../{name}")
    tree.remove("etc/systemd/system/sysinit.target.wants/edge-voice-read-only.service")


def _configuration(tree: Tree, wanted: Wanted) -> None:
    tree.folder("etc/edge-voice/keys")
    names = {path.name for path in wanted.trust}
    there = tree.at("etc/edge-voice/keys")
    for path in sorted(there.glob("*.pub")) if there.is_dir() else ():
        if path.name not in names:
            tree.remove(f"etc/edge-voice/keys/{path.name}")
    for path in wanted.trust:
        tree.copy(path, f"etc/edge-voice/keys/{path.name}")
    for name, text in (("config.toml", wanted.config), ("update.conf", wanted.update)):
        if text:
            tree.write(f"etc/edge-voice/{name}", text)


def _before(tree: Tree) -> float:
    try:
        return float(json.loads(tree.read(f"{PLACE}/plan.json"))["code_until"])
    except (ValueError, KeyError, TypeError):
        return 0.0
