"""trial.json and updates.json: what must outlive a power cut."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from . import files
from .decisions import Trial
from .layout import Layout

MOST = 20  # of the last updates; refused sequences are kept apart
GOOD, BACK, FAILED = "good", "rolled back", "failed"


@dataclass(frozen=True)
class Entry:
    """What became of one update; `at` is by the device's clock, seconds since 1970."""

    version: str
    sequence: int
    result: str
    reason: str
    at: float


@dataclass(frozen=True)
class History:
    """updates.json. `channel` is the number of the newest channel file seen, `units` those that were enabled once."""

    entries: tuple[Entry, ...] = ()
    refused: tuple[int, ...] = ()
    channel: int = 0
    units: tuple[str, ...] = field(default=())

    @property
    def last(self) -> Entry | None:
        """The newest."""
        return self.entries[-1] if self.entries else None

    def with_entry(self, entry: Entry) -> History:
        """One more, instead of one that says the same: a killed updater does things twice."""
        same = [one for one in self.entries if (one.sequence, one.result) != (entry.sequence, entry.result)]
        return replace(self, entries=(*same, entry)[-MOST:])

    def refusing(self, sequences: Collection[int]) -> History:
        """Those are not tried again."""
        return replace(self, refused=tuple(sorted({*self.refused, *sequences})))


def load_history(layout: Layout) -> History:
    """What is known; nothing where the file is absent or unreadable."""
    said = _read(layout.history)
    try:
        entries = tuple(Entry(**entry) for entry in said.get("entries", []))
        return History(
            entries, tuple(said.get("refused", [])), int(said.get("channel", 0)), tuple(said.get("units", []))
        )
    except (TypeError, ValueError):
        return History()


def save_history(layout: Layout, history: History) -> None:
    """For good."""
    _save(layout.history, asdict(history))


def load_trial(layout: Layout) -> Trial | None:
    """The update on trial, if there is one."""
    said = _read(layout.trial)
    try:
        return Trial(
            said["from"],
            said["to"],
            int(said["sequence"]),
            said["earlier"],
            int(said["boots"]),
            said["started"],
            tuple(said["worked"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def save_trial(layout: Layout, trial: Trial) -> None:
    """For good."""
    said = asdict(trial)
    _save(layout.trial, {"from": said.pop("origin"), "to": said.pop("target"), **said})


def end_trial(layout: Layout) -> None:
    """It is over, one way or the other."""
    files.remove(layout.trial)


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _save(path: Path, said: dict[str, Any]) -> None:
    files.write(path, json.dumps(said, indent=1) + "\n")
