"""Small bundles for tests: a real signature, real wheels, the real builder, and as little in them as will do."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from provision.bundling.building import Release, build
from provision.updater.layout import Layout

ROOT = Path(__file__).parents[2]
TARGET = f"{os.uname().machine}-3.{sys.version_info.minor}"
CREATED = datetime(2026, 11, 1, tzinfo=UTC)
NEEDS = ("minisign", "openssl")


def missing() -> str:
    """What these tests lack here, or ""."""
    return ", ".join(name for name in NEEDS if shutil.which(name) is None)


def make_keys(folder: Path, name: str = "fleet") -> Path:
    """A pair without a password; gives the secret one."""
    folder.mkdir(parents=True, exist_ok=True)
    public, secret = folder / f"{name}.pub", folder / f"{name}.key"
    subprocess.run(["minisign", "-G", "-W", "-f", "-p", public, "-s", secret], check=True, capture_output=True)
    return secret


def wheel(path: Path, files: Mapping[str, str | bytes], *, record: Mapping[str, str] | None = None) -> Path:
    """A wheel with these files; `record` overrules what RECORD says of some."""
    info = f"{'-'.join(path.name.split('-')[:2])}.dist-info"
    lines = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in {**files, f"{info}/METADATA": "Name: tiny\nVersion: 1\n"}.items():
            data = content.encode() if isinstance(content, str) else content
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},{(record or {}).get(name, f'sha256={digest}')},{len(data)}")
            out.writestr(zipfile.ZipInfo(name), data)
        out.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "\n".join([*lines, f"{info}/RECORD,,"]) + "\n")
    return path


@dataclass(frozen=True)
class Maker:
    """Makes bundles of one product, signed with one key."""

    folder: Path
    key: Path
    signed: bool = True
    files: int = 6  # beside the command; each of `size` bytes
    size: int = 2000

    def sources(self, sequence: int, behaviour: str) -> Path:
        """The folder that becomes a bundle."""
        there = self.folder / f"sources-{sequence}-{behaviour}"
        shutil.rmtree(there, ignore_errors=True)
        (there / "wheels").mkdir(parents=True)
        shutil.copytree(ROOT / "provision/updater", there / "updater", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "systemd", there / "units")
        (there / "LICENSE").write_text("Apache-2.0\n")
        package = {
            f"edge/part{number}.py": f"# {sequence}\n" + os.urandom(self.size // 2).hex()
            for number in range(self.files)
        }
        name = f"edge_voice-0.{sequence}.0"
        package |= {
            "edge/__init__.py": f"BEHAVIOUR = {behaviour!r}\n", "edge/cli.py": "def main():\n    return 0\n",
            f"{name}.data/scripts/helper": "#!python\nprint(1)\n", f"{name}.data/data/share/note.txt": "data\n",
            f"{name}.dist-info/entry_points.txt": "[console_scripts]\nedge-voice = edge.cli:main\n",
        }  # fmt: skip
        wheel(there / f"wheels/{name}-py3-none-any.whl", package)
        return there

    def make(self, sequence: int, behaviour: str = "good", **how: object) -> Path:
        """A bundle whose release behaves in a certain way, see rehearsal.py."""
        return self.pack(self.sources(sequence, behaviour), sequence, **how)

    def pack(self, sources: Path, sequence: int, **how: object) -> Path:
        """The bundle of what is in a folder; `how` overrules its Release."""
        names = sorted(path.name for path in (sources / "wheels").iterdir())
        release = Release(f"0.{sequence}.0", sequence, CREATED, updater=1, targets={TARGET: names})
        changed = replace(release, **how)  # type: ignore[arg-type]  # by name
        return build(changed, sources, self.folder, self.key if self.signed else None)


def blank(root: Path, *keys: Path) -> Layout:
    """A device on which nothing is installed yet."""
    layout = Layout(root)
    layout.keys.mkdir(parents=True)
    for key in keys:
        shutil.copy(key.with_suffix(".pub"), layout.keys)
    (root / "etc/machine-id").write_text("0123456789abcdef\n")
    return layout


def contents(folder: Path) -> dict[str, str]:
    """Of each file its hash, of each link where it leads."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
