"""What calibration found, kept in a file for the daemon and `doctor`."""

from __future__ import annotations

import json
import math
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, get_type_hints

from edge.audio.advice import Advice, Concern, Safety, delay_concern, drift_concern
from edge.audio.calibration import Finding, Report
from edge.config import Config

NAME = "calibration.json"
VERSION = 1
VERDICTS = {Safety.SAFE: "safe", Safety.UNSAFE: "not safe", Safety.UNKNOWN: "not known"}
_CARD = re.compile(r"\s*\(hw:\d+,\d+\)$")  # PortAudio's ending; a card's number may change with every start


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

    @property
    def day(self) -> str:
        """The date alone."""
        return self.date[:10]

    @property
    def verdict(self) -> str:
        """Whether voice may interrupt, in a few words."""
        safety = Safety(self.safety)
        return f"safe up to volume {self.volume_limit}" if safety is Safety.LIMITED else VERDICTS[safety]

    def is_of(self, microphone: str, speaker: str) -> bool:
        """Whether it was measured with these two devices."""
        return _same(self.microphone, microphone) and _same(self.speaker, speaker)


def _same(one: str, other: str) -> bool:
    return _CARD.sub("", one) == _CARD.sub("", other)


def concerns(found: Profile, config: Config) -> list[Concern]:
    """What speaks against the settings in a profile of the devices in use. Nothing where no voice interrupts."""
    if config.conversation.barge_in not in {"duck", "stop"}:
        return []
    told = [_unsafe(found), _too_loud(found, config.audio.volume)]
    if config.audio.echo in {"auto", "own"}:  # else another canceller has to follow
        told += [delay_concern(found.delay_ms), drift_concern(found.drift_ppm, found.drift_error_ppm)]
    return [concern for concern in told if concern is not None]


def _unsafe(found: Profile) -> Concern | None:
    if found.safety != Safety.UNSAFE:
        return None
    return Concern(
        f"Interrupting by voice is not safe here (calibration of {found.day}).",
        'Set conversation.barge_in = "button", or mend what `edge-voice calibrate` names.',
    )


def _too_loud(found: Profile, volume: int) -> Concern | None:
    if found.safety != Safety.LIMITED or volume <= found.volume_limit:
        return None
    return Concern(
        f"audio.volume is {volume}, and interrupting by voice is safe up to {found.volume_limit} "
        f"(calibration of {found.day}).",
        f'Set audio.volume = {found.volume_limit}, or conversation.barge_in = "button".',
    )


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
