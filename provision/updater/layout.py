"""Where everything is on a device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

OPT = "/opt/edge-voice"  # as written into scripts and links, whatever the root is


@dataclass(frozen=True)
class Layout:
    """The paths below `root`, which is / on a device and a folder in tests."""

    root: Path = Path("/")

    @property
    def opt(self) -> Path:
        """All releases and the updater."""
        return self.root / OPT.lstrip("/")

    @property
    def releases(self) -> Path:
        """One folder a release, named <version>+<sequence>."""
        return self.opt / "releases"

    @property
    def current(self) -> Path:
        """The link that says which release runs."""
        return self.opt / "current"

    @property
    def previous(self) -> Path:
        """The link that says where `rollback` goes."""
        return self.opt / "previous"

    @property
    def trial(self) -> Path:
        """There while an update is on trial."""
        return self.opt / "trial.json"

    @property
    def history(self) -> Path:
        """What became of each update."""
        return self.opt / "updates.json"

    @property
    def updater(self) -> Path:
        """The link to the updater in use, below `updaters`."""
        return self.opt / "updater"

    @property
    def downloads(self) -> Path:
        """Bundles on their way here."""
        return self.opt / "downloads"

    @property
    def etc(self) -> Path:
        """Configuration."""
        return self.root / "etc/edge-voice"

    @property
    def keys(self) -> Path:
        """Public keys, *.pub."""
        return self.etc / "keys"

    @property
    def state(self) -> Path:
        """The daemon's own folder."""
        return self.root / "var/lib/edge-voice"

    @property
    def models(self) -> Path:
        """The offline engine's models."""
        return self.state / "models"

    @property
    def clock(self) -> Path:
        """A file whose time is the last one known to systemd-timesyncd."""
        return self.root / "var/lib/systemd/timesync/clock"

    def release(self, name: str) -> Path:
        """The folder of a release."""
        return self.releases / name

    def named_by(self, link: Path) -> str:
        """The release that `current` or `previous` leads to; "" where it leads nowhere."""
        try:
            name = link.readlink().name
        except OSError:
            return ""
        return name if self.release(name).is_dir() else ""
