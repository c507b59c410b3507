"""channel.json: which bundles a web server offers, and to how many devices."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from provision.updater.archive import Reader
from provision.updater.channel import CHANNEL
from provision.updater.channel import parse as parse_channel
from provision.updater.errors import UpdateError
from provision.updater.manifest import FORMAT, PRODUCT, parse

from .building import stamp
from .errors import BundleError
from .sbom import digest
from .signing import sign

DAYS = 90  # signed anew before that, or devices say that it has expired


def publish(folder: Path, percentage: int, key: Path, *, halt: bool, now: datetime | None = None) -> Path:
    """Write channel.json beside the bundles of a folder: the newest for `percentage` of devices, older as they were."""
    now = now or datetime.now(UTC)
    before = _before(folder / CHANNEL)
    earlier = {one["file"]: one["percentage"] for one in before.get("releases", [])}
    bundles = sorted((_about(path) for path in folder.glob("*.evb")), key=lambda one: int(one["sequence"]))
    if not bundles:
        raise BundleError(f"There is no bundle in {folder}.")
    for one in bundles:
        one["percentage"] = earlier.get(one["file"], 100)
    bundles[-1]["percentage"] = percentage
    said = {
        "format": FORMAT, "product": PRODUCT, "class": bundles[-1].pop("class"), "number": before.get("number", 0) + 1,
        "created": stamp(now), "expires": stamp(now + timedelta(days=DAYS)), "halt": halt,
        "releases": [{key: value for key, value in one.items() if key != "class"} for one in bundles],
    }  # fmt: skip
    data = (json.dumps(said, indent=1) + "\n").encode()
    parse_channel(data)
    signed = sign(data, key, f"edge-voice channel {said['number']}")
    # A device that comes between the two finds a signature that does not hold, and asks again later.
    (folder / f"{CHANNEL}.minisig").write_bytes(signed)
    (folder / CHANNEL).write_bytes(data)
    return folder / CHANNEL


def _before(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        said = json.loads(path.read_text())
        return said if isinstance(said, dict) else {}
    return {}


def _about(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            manifest = parse(Reader(file).manifest)
    except UpdateError as error:
        raise BundleError(f"{path}: {error}") from None
    return {
        "version": manifest.version, "sequence": manifest.sequence, "class": manifest.kind, "file": path.name,
        "size": path.stat().st_size, "sha256": digest(path),
    }  # fmt: skip
