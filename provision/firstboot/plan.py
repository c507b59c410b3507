"""What lies on the card for the first boot, and how far it has come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from provision.updater import files
from provision.updater.errors import UpdateError
from provision.updater.layout import Layout

PLACE = "var/lib/edge-voice-first-boot"


@dataclass(frozen=True)
class Plan:
    """plan.json. `channel` is "" with a bundle on the card; `code_until` is when the code has expired, since 1970."""

    channel: str = ""
    locale: str = "C.UTF-8"
    relay: str = ""
    code_until: float = 0.0
    read_only: bool = False
    wifi: bool = False


@dataclass(frozen=True)
class Card:
    """The files."""

    layout: Layout

    @property
    def folder(self) -> Path:
        """All of them, for root alone."""
        return self.layout.root / PLACE

    @property
    def bundle(self) -> Path:
        """What is installed from."""
        return self.folder / "bundle.evb"

    @property
    def code(self) -> Path:
        """The enrolment code."""
        return self.folder / "code"

    @property
    def done(self) -> Path:
        """The stamp; what stands in it tells how it went."""
        return self.folder / "done"

    def plan(self) -> Plan:
        """Raises UpdateError."""
        try:
            said = json.loads((self.folder / "plan.json").read_text())
            return Plan(**said)
        except (OSError, ValueError, TypeError) as error:
            raise UpdateError(f"{self.folder / 'plan.json'} cannot be read: {error}. Prepare the card again.") from None

    def finished(self) -> list[str]:
        """The steps that need not be done again."""
        try:
            return list(json.loads((self.folder / "finished.json").read_text()))
        except (OSError, ValueError, TypeError):
            return []  # all can be done twice

    def finish(self, step: str) -> None:
        """One more, on the disk when this returns."""
        files.write(self.folder / "finished.json", json.dumps([*self.finished(), step]), 0o600)

    def status(self) -> str:
        """For a person."""
        if self.done.exists():
            return f"done: {self.done.read_text().strip()}"
        return f"not done yet; finished: {', '.join(self.finished()) or 'nothing'}"

    def scrub(self, path: Path) -> None:
        """A secret that has been used: overwritten, then away. A card may keep an old copy of it all the same."""
        if path.is_file():
            size = path.stat().st_size
            with path.open("r+b", buffering=0) as file:
                file.write(bytes(size))
            files.sync(path)
            files.remove(path)
