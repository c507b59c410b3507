"""The public recordings with their labels."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording; `speech` are the labelled stretches of speech in seconds."""

    path: Path
    transcript: str
    speech: tuple[tuple[float, float], ...]

    @property
    def name(self) -> str:
        """File name without its ending."""
        return self.path.stem


def clips(folder: str) -> list[Clip]:
    """All recordings of one folder: speech, turns, noise or multichannel."""
    labels: dict[str, list[tuple[float, float]]] = {}
    with (DATA / "labels.csv").open() as file:
        for row in csv.DictReader(file):
            labels.setdefault(row["file"], []).append((float(row["start_s"]), float(row["end_s"])))
    with (DATA / "recordings.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith(f"{folder}/")]
    return [Clip(DATA / r["file"], r["transcript"], tuple(labels.get(r["file"], ()))) for r in rows]


def english() -> list[Clip]:
    """Spoken English with a known transcript."""
    return [clip for clip in clips("speech") if clip.transcript and clip.name != "pv_test_de"]
