"""The bundle that is brought to devices, and the updater as one file for those that have none."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.fleeting.errors import FleetError, Usage
from provision.updater import minisign
from provision.updater.archive import Reader
from provision.updater.errors import UpdateError
from provision.updater.manifest import parse

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
UPDATER = ROOT / "provision/updater"
MAIN = "import sys\nfrom updater.main import main\nsys.exit(main())\n"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip file knows no earlier time; the same bytes each time


@dataclass(frozen=True)
class Bundle:
    """A file whose manifest is signed by one of the fleet's keys."""

    path: Path
    version: str
    sequence: int
    debs: bool = False  # whether it brings Debian packages

    @property
    def megabytes(self) -> int:
        """How much room it needs, rounded up."""
        return (self.path.stat().st_size >> 20) + 1

    @property
    def name(self) -> str:
        """As `status` shows it."""
        return f"{self.version}+{self.sequence}"


def open_bundle(path: Path | None, keys: Sequence[Path], folder: Path = DIST) -> Bundle:
    """The bundle at `path`, else the one with the highest number in `folder`; raises FleetError.

    Devices check every byte; here only the manifest's signature is, to find a mistake before anything is copied.
    """
    if path is not None:
        return _read(path, keys)
    found = [_read(one, keys) for one in sorted(folder.glob("*.evb"))]
    if not found:
        raise Usage(f"There is no bundle in {folder}: make one with provision/bundle, or name it with --bundle.")
    return max(found, key=lambda bundle: bundle.sequence)


def _read(path: Path, keys: Sequence[Path]) -> Bundle:
    try:
        with path.open("rb") as file:
            reader = Reader(file)
        minisign.verify(reader.manifest, reader.signature, tuple(minisign.public_key(key.read_text()) for key in keys))
        manifest = parse(reader.manifest)
    except OSError as error:
        raise Usage(f"{path} cannot be read: {error.strerror}.") from None
    except (UpdateError, ValueError) as error:
        raise FleetError(f"{path}: {error}") from None
    return Bundle(path.resolve(), manifest.version, manifest.sequence, bool(manifest.debs))


def write_bootstrap(target: Path) -> Path:
    """The updater as a file that Python runs, the same bytes for the same sources."""
    pieces = {f"updater/{path.name}": path.read_bytes() for path in sorted(UPDATER.glob("*.py"))}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in {"__main__.py": MAIN.encode(), **pieces}.items():
            out.writestr(zipfile.ZipInfo(name, EARLIEST), data, zipfile.ZIP_DEFLATED)
    target.write_bytes(whole.getvalue())
    return target
