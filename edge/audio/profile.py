"""What calibration found, kept in a file for the daemon and `doctor`."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, get_type_hints

from edge.audio.advice import Advice, Safety
from edge.audio.calibration import Finding, Report

NAME = "calibration.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Profile:
    """Figures as in calibration.Report, measured at `volume` percent with these devices at `date` (ISO 8601)."""

    date: str
    microphone: str
    speaker: str
    finding: str
    safety: str
    volume: int
    volume_limit: int
    noise_dbfs: float
    delay_ms: float | None = None
    return_db: float | None = None
    echo_dbfs: float | None = None
    drift_ppm: float | None = None
    drift_error_ppm: float | None = None


def profile(report: Report, advice: Advice, microphone: str, speaker: str, now: datetime) -> Profile:
    """What is kept of a measurement."""
    return Profile(
        now.isoformat(timespec="seconds"), microphone, speaker, report.finding.value, advice.safety.value,
        report.volume, advice.volume_limit, report.noise_dbfs, report.delay_ms, report.return_db, report.echo_dbfs,
        report.drift_ppm, report.drift_error_ppm,
    )  # fmt: skip


def save(found: Profile, path: Path) -> None:
    """Whole or not at all; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".partial")
    with aside.open("w") as file:
        json.dump({"version": VERSION, **asdict(found)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def load(path: Path) -> Profile | None:
    """What was saved; None when there is nothing, or nothing that can be relied on: no JSON, no object, wrong keys."""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        kept = {**json.loads(path.read_bytes())}
        if kept.pop("version") == VERSION and set(kept) <= {field.name for field in fields(Profile)}:
            return _checked(Profile(**kept))
    return None


def _checked(found: Profile) -> Profile:
    """Raises ValueError for a value that cannot be."""
    for name, kind in get_type_hints(Profile).items():
        if not _fits(getattr(found, name), kind):
            raise ValueError(name)
    Finding(found.finding)
    Safety(found.safety)
    datetime.fromisoformat(found.date)
    if not {found.volume, found.volume_limit} <= set(range(101)):
        raise ValueError("volume")
    return found


def _fits(value: Any, kind: Any) -> bool:
    if kind in {str, int}:
        return type(value) is kind
    if value is None:
        return kind is not float
    return type(value) in {int, float} and math.isfinite(value)
