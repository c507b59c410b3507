"""Canceller and detector over real recordings of two people talking at once, with what the loudspeaker was given.

`DOUBLE_TALK=FOLDER python -m tests.bench double_talk`. The recordings are not part of this project; the folder has
NAME_mic.wav and NAME_lpb.wav of those in tests/data/double_talk/recordings.csv. They cannot answer: the far end goes
on after a duck or a pause, so that a decision is made over its echo, which is harder than at a device.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.audio.convert import FRAME, level_db
from edge.audio.files import load
from edge.core.near_end import Verdict
from tests.bench.barge_in import Guarded
from tests.bench.clips import DATA
from tests.bench.table import median, percentile, show

HERE = DATA / "double_talk"
FAR_DB = -40.0  # of a far end that speaks
OVER_S = 0.5  # from an onset on, in half of which the far end speaks if it is one over it
EARLY_S, LATE_S = 0.12, 0.3  # around a person's speech, in which a stop is that person's
CLEAR_S = 0.3  # around a person's speech, which is left out of what counts as far end alone


@dataclass(frozen=True, slots=True)
class Recording:
    """`speech` are the person's stretches in seconds, with pauses of 0.3 s or more between them."""

    name: str
    folder: Path
    speech: tuple[tuple[float, float], ...]

    @property
    def files(self) -> tuple[Path, Path]:
        """Microphone and loopback."""
        return self.folder / f"{self.name}_mic.wav", self.folder / f"{self.name}_lpb.wav"


@dataclass(frozen=True, slots=True)
class Heard:
    """By frame: levels, verdicts, whether the far end speaks, and whether it may be the person's doing."""

    near_db: np.ndarray
    clean_db: np.ndarray
    far: np.ndarray
    alone: np.ndarray
    told: Sequence[tuple[int, Verdict]]


@dataclass(frozen=True, slots=True)
class Onset:
    """One beginning of the person's speech; times in ms after it, None where nothing happened."""

    over: bool
    first: dict[Verdict, float]


def recordings(folder: Path) -> list[Recording]:
    """Those that are there."""
    speech: dict[str, list[tuple[float, float]]] = {}
    with (HERE / "labels.csv").open() as file:
        for row in csv.DictReader(file):
            speech.setdefault(row["file"], []).append((float(row["start_s"]), float(row["end_s"])))
    with (HERE / "recordings.csv").open() as file:
        rows = list(csv.DictReader(file))
    every = [(Recording(r["file"], folder, tuple(speech.get(r["file"], ()))), r) for r in rows]
    return [one for one, r in every if [digest(path) for path in one.files] == [r["mic_sha256"], r["lpb_sha256"]]]


def digest(path: Path) -> str:
    """Of a file; empty where there is none. The labels are right for these very recordings."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def listen(recording: Recording, judge: Guarded, passes: int) -> Heard:
    """Every frame of it, `passes` times; the last of them is kept."""
    mic, far = (load(path) for path in recording.files)
    frames = min(len(mic), len(far)) // FRAME
    near_db, clean_db, far_db = np.zeros((3, frames))
    told: list[tuple[int, Verdict]] = []
    for number in range(passes * frames):
        n = number % frames
        if n == 0:
            told = []
        part = slice(n * FRAME, (n + 1) * FRAME)
        verdict = judge(mic[part], far[part], number / 100, speaking=True)
        facts = judge._guard.echo.facts
        near_db[n], clean_db[n], far_db[n] = facts.near_db, facts.clean_db, level_db(far[part])
        if verdict is not Verdict.NONE:
            told.append((n, verdict))
    at = np.arange(frames) / 100
    person = np.zeros(frames, bool)
    for start, end in recording.speech:
        person |= (at > start - CLEAR_S) & (at < end + CLEAR_S)
    return Heard(near_db, clean_db, far_db > FAR_DB, ~person, told)


def erle(heard: Heard) -> float:
    """What is taken off the echo, in dB, where the far end speaks alone."""
    which = heard.far & heard.alone
    if which.sum() < 30:
        return float("nan")
    near, clean = (float(np.sum(10 ** (db[which] / 10))) for db in (heard.near_db, heard.clean_db))
    return 10 * float(np.log10(near / clean))


def onsets(recording: Recording, heard: Heard) -> list[Onset]:
    """What became of each."""
    found = []
    for start, end in recording.speech:
        first: dict[Verdict, float] = {}
        for frame, verdict in heard.told:
            if start - EARLY_S <= frame / 100 < end + LATE_S:
                first.setdefault(verdict, (frame + 1) * 10 - start * 1000)
        over = heard.far[int(start * 100) : int((start + OVER_S) * 100)].mean() >= 0.5
        found.append(Onset(bool(over), first))
    return found


def alone(recording: Recording, heard: Heard, verdict: Verdict) -> int:
    """How often it was told with nobody there."""
    times = [frame / 100 for frame, told in heard.told if told is verdict]
    return sum(not any(start - EARLY_S <= at < end + LATE_S for start, end in recording.speech) for at in times)


def summary(name: str, found: Sequence[Onset]) -> list[object]:
    """A row of the first table."""
    times: list[object] = []
    for verdict in (Verdict.DUCK, Verdict.STOP):
        there = [onset.first[verdict] for onset in found if verdict in onset.first]
        times += [round(median(there)), round(percentile(there, 0.95))] if there else ["-", "-"]
    missed = sum(Verdict.STOP not in onset.first for onset in found)
    return [name, len(found), *times, f"{missed} of {len(found)}"]


@dataclass(frozen=True, slots=True)
class Row:
    """One recording, heard once."""

    recording: Recording
    heard: Heard
    onsets: Sequence[Onset]

    @property
    def alone_s(self) -> float:
        """For how long the far end speaks alone."""
        return float((self.heard.far & self.heard.alone).sum()) / 100

    def cells(self, start: str) -> list[object]:
        """Of the second table."""
        stopped = sum(Verdict.STOP in onset.first for onset in self.onsets)
        wrong = [alone(self.recording, self.heard, verdict) for verdict in (Verdict.STOP, Verdict.PAUSE)]
        return [self.recording.name, start, self.alone_s, erle(self.heard), *wrong, len(self.onsets), stopped]


def tables(every: Sequence[Recording], judging: Callable[[], Guarded]) -> None:
    """From a cold start, and when the room has been heard once."""
    people, each, notes = [], [], []
    for start, passes in (("cold", 1), ("warm", 2)):
        heard = [listen(recording, judging(), passes) for recording in every]
        rows = [Row(r, h, onsets(r, h)) for r, h in zip(every, heard, strict=True)]
        for kind, over in (("over the far end", True), ("in its pauses", False)):
            found = [onset for row in rows for onset in row.onsets if onset.over is over]
            people.append(summary(f"{start}, {kind}", found))
        each += [row.cells(start) for row in rows]
        known = [taken for row in rows if not np.isnan(taken := erle(row.heard))]
        stops, pauses = (sum(alone(r.recording, r.heard, v) for r in rows) for v in (Verdict.STOP, Verdict.PAUSE))
        notes.append([start, sum(row.alone_s for row in rows), median(known), stops, pauses])
    header = ["start, onset", "onsets", "duck ms", "p95", "stop decided", "p95", "missed"]
    show("Real double talk: from the onset of the person's speech", header, people)
    header = ["start", "seconds", "ERLE dB (median)", "stops itself", "pauses itself"]
    show("Real double talk: the far end alone", header, notes)
    header = ["recording", "start", "far end alone s", "ERLE dB", "stops itself", "pauses itself", "onsets", "stopped"]
    show("Real double talk, by recording", header, each)


def run() -> None:
    """For `python -m tests.bench`."""
    folder = Path(os.environ.get("DOUBLE_TALK", HERE))
    every = recordings(folder)
    if not every:
        print("Real double talk is left out: DOUBLE_TALK names no folder with recordings of "
              "tests/data/double_talk/recordings.csv.")  # fmt: skip
        return
    tables(every, Guarded)


if __name__ == "__main__":
    run()
