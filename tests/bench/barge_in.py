"""Interrupting by voice, in a closed loop: how fast, how often wrongly, and never by itself.

`python -m tests.bench.barge_in [--noises DIR ...] [--minutes 10] [--pictures DIR] [--no-neural]`. More noises
come from folders of their own.

The weights in `edge.core.judgement` were fitted on none of the recordings here: on 160 commands of Picovoice's
speech-to-intent benchmark (Apache-2.0), 80 French and Italian prompts of Asterisk (CC BY-SA 3.0) and half of ESC-10
(CC BY 3.0 or CC0), by the hash of the source, each over up to eight echoes. They were tried on these clips, on 180 wake
words (Picovoice, Apache-2.0), 100 prompts of other voices, the other half of ESC-10 and 121 coughs (Virufy, CC BY-NC-SA
4.0). Those, and these clips, were looked at when bases and rules were chosen.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from edge.audio.convert import Samples, level_db
from edge.audio.far import FarEnd
from edge.audio.files import load
from edge.audio.guard import Guard
from edge.core.near_end import NearEnd, NearEndSettings, Verdict
from tests.bench.clips import DATA, clips
from tests.bench.closed_loop import NEAR_DB, NOISE_DB, RATE, Condition, Room, Sound, at_level, reply, rms_db
from tests.bench.picture import Step, draw, write_png
from tests.bench.table import median, percentile, show

SPOKEN = ("librivox_0880", "librivox_0890", "librivox_0930", "jfk")  # by the device, never by the person
NONE, SAME, LOUDER = Condition("no echo"), Condition("echo 0 dB", 0.0), Condition("echo +6 dB", 6.0)
HARDER = (
    replace(LOUDER, name="+6 dB, 100 ppm", ppm=100.0),
    replace(LOUDER, name="+6 dB, distorted", drive=3.0),
    replace(LOUDER, name="+6 dB, 20 ms", delay_s=0.02),
    replace(LOUDER, name="+6 dB, 150 ms", delay_s=0.15),
    replace(LOUDER, name="+6 dB, room 2", room=2),
    replace(LOUDER, name="+6 dB, live room", room=3, decay_s=0.5),
)
MORE_GAPS_S = (2.03, 2.07)  # between two people: each falls on other words of the reply
SETTLE_S, AFTER_STOP = 12.0, 150  # the meter's settling reply; frames until the next reply
LONGEST_S = 2.5
STOPPED, FALSE_STOP = 35, 25  # frames of silence that the meter calls a stop, and a false one
BEFORE, AFTER = 30, 130  # frames of a picture around the onset
EARLY = 12  # frames before its label that a voice can be heard


@dataclass(frozen=True, slots=True)
class Case:
    """Something heard in the room; `onset_s` is where speech begins in it."""

    name: str
    sound: Sound
    onset_s: float = 0.0

    @property
    def tuned_on(self) -> bool:
        """Whether it is in the half that the first rules were chosen on."""
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % 2 == 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times in ms from the onset; None: it did not happen."""

    case: Case
    ducked: float | None
    paused: float | None
    decided: float | None
    silent: float | None
    stopped: bool
    lasting: bool  # silent so long that the meter counts a stop


class Given(FarEnd):
    """A far end whose frames are known."""

    now: Samples

    def frame(self, at: float) -> Samples:
        return self.now


class Guarded:
    """What is measured. Called with near and far end, the time, and whether the device speaks."""

    def __init__(self, *, neural: bool = True, **settings: float) -> None:
        self._near_end = NearEnd(replace(NearEndSettings(mode="duck"), **settings))  # type: ignore[arg-type]
        self._far = Given()
        self._guard = Guard(self._near_end, self._far, aside=lambda load: load() if neural else None)
        self._guard.prepare()

    def __call__(self, near: Samples, far: Samples, at: float, speaking: bool) -> Verdict:
        self._far.now = far
        frame = self._guard.clean(near, at)
        verdict = self._guard.judge(frame, at) if speaking else Verdict.NONE
        if verdict is Verdict.STOP:
            self._near_end.reset()
        return verdict

    @property
    def clean_db(self) -> float:
        return self._guard.echo.facts.clean_db


# --- sounds ------------------------------------------------------------------------------------------


def people() -> list[Case]:
    """Each labelled utterance that follows a pause, 150 ms of room before it."""
    found = []
    for clip in (*clips("speech"), *clips("turns")):
        if clip.name in SPOKEN:
            continue
        x, ended = load(clip.path) / 32768, 0.0
        for number, (start, end) in enumerate(clip.speech):
            if number == 0 or start - ended >= 0.15:
                last = min(max(e for s, e in clip.speech if s < start + LONGEST_S), start + LONGEST_S)
                lead = min(start, 0.15)
                part = x[int((start - lead) * RATE) : int((last + 0.1) * RATE)]
                spoken = rms_db(x[int(start * RATE) : int(last * RATE)])
                found.append(Case(f"{clip.name}#{number}", at_level(part, spoken, NEAR_DB), lead))
            ended = end
    return found


def noises(folder: Path) -> list[Case]:
    """The loudest 300 ms at -23 dBFS, and what is around it."""
    found = []
    kinds = {".flac", ".ogg", ".wav", ".mp3"}
    for path in sorted(p for p in folder.rglob("*") if p.suffix in kinds):
        x = load(path) / 32768
        energy = np.convolve(x**2, np.ones(4800) / 4800, "valid") if len(x) > 4800 else np.array([np.mean(x**2)])
        start = max(0, int(np.argmax(energy)) - 4800)
        loudest = 10 * float(np.log10(max(energy.max(), 1e-9)))
        part = x[start : start + int(LONGEST_S * RATE)]
        found.append(Case(path.stem, at_level(part, loudest, NOISE_DB)))
    return found


# --- trials ------------------------------------------------------------------------------------------


def session(
    cases: Sequence[Case], condition: Condition, judge: Guarded, *, gap_s: float = 2.0, pictures: Path | None = None
) -> list[Outcome]:
    """One long reply, stopped and begun again, over which one case after the other is heard."""
    rng = np.random.default_rng(len(cases))
    parts, onsets = [np.zeros(int(SETTLE_S * RATE))], []
    for case in cases:
        parts.append(np.zeros(int((gap_s + 0.5 * rng.random()) * RATE)))
        onsets.append(sum(map(len, parts)) / 160 + case.onset_s * 100)
        parts += [case.sound, np.zeros(RATE // 2)]
    room = Room(np.concatenate([*parts, np.zeros(RATE)]), SAID, condition)
    steps = listen(room, judge)
    told = [(n, s.verdict) for n, s in enumerate(steps) if s.verdict is not Verdict.NONE]
    ends = [*(onset - 50 for onset in onsets[1:]), room.frames]
    if pictures is not None:
        for case, onset in zip(cases, onsets, strict=True):
            part = steps[int(onset) - BEFORE : int(onset) + AFTER]
            write_png(draw(part, BEFORE), pictures / f"{condition.name} {case.name}.png".replace(" ", "_"))
    return [outcome(c, on, end, told, room) for c, on, end in zip(cases, onsets, ends, strict=True)]


def listen(room: Room, judge: Guarded) -> list[Step]:
    """Every frame of it. A reply that was stopped is followed by another."""
    steps: list[Step] = []
    stopped: int | None = None
    for now in range(room.frames):
        if stopped is not None and now - stopped > AFTER_STOP:
            stopped = None
            room.again()
        near, far = room.hear()
        verdict = judge(near, far, now / 100, stopped is None)
        steps.append(Step(level_db(near), level_db(far), judge.clean_db, verdict))
        if verdict is Verdict.STOP:
            stopped = now
        room.obey(verdict)
    return steps


def outcome(case: Case, onset: float, end: float, told: Sequence[tuple[int, Verdict]], room: Room) -> Outcome:
    """What became of one case."""
    here = [(frame, verdict) for frame, verdict in told if onset - EARLY <= frame < end]
    first = {verdict: frame for frame, verdict in reversed(here)}
    silent = room.silent_from(int(onset) - EARLY, STOPPED)
    lasting = room.silent_from(int(onset) - EARLY, FALSE_STOP)
    stop = first.get(Verdict.STOP)

    def since(frame: int | None, late: int) -> float | None:
        return None if frame is None else (frame + late - onset) * 10

    return Outcome(
        case,
        since(first.get(Verdict.DUCK), 1),
        since(first.get(Verdict.PAUSE), 1),
        since(stop, 1),
        since(silent, 0) if silent is not None and silent < end and stop is not None else None,
        stop is not None,
        lasting is not None and lasting < end,
    )


# --- tables ------------------------------------------------------------------------------------------


def speed(condition: Condition, outcomes: Sequence[Outcome]) -> list[object]:
    """A row of the table."""
    ducked, silent = ([v for o in outcomes if (v := getattr(o, n)) is not None] for n in ("ducked", "silent"))
    decided = [o.decided for o in outcomes if o.decided is not None]
    missed = sum(not o.stopped for o in outcomes)
    times = [round(f(v)) if v else "-" for v in (ducked, silent) for f in (median, lambda v: percentile(v, 0.95))]
    share = f"{missed} of {len(outcomes)}"
    return [condition.name, *times, round(median(decided)) if decided else "-", share]


def speeds(judging: Callable[[], Guarded], conditions: Sequence[Condition], pictures: Path | None) -> None:
    """How fast people interrupt."""
    everyone, rows = people(), []
    for condition in conditions:
        outcomes = session(everyone, condition, judging(), pictures=pictures)
        for gap_s in MORE_GAPS_S if condition in {NONE, SAME, LOUDER} else ():  # of 36, the slowest two are chance
            outcomes += session(everyone, condition, judging(), gap_s=gap_s)
        rows.append(speed(condition, outcomes))
    header = ["condition", "duck ms", "p95", "silent ms", "p95", "stop decided", "missed"]
    show("People who interrupt: from the labelled onset", header, rows)


def false_stops(judging: Callable[[], Guarded], folders: Sequence[Path], conditions: Sequence[Condition]) -> None:
    """How often a noise stops a reply."""
    rows: list[list[object]] = []
    for folder, condition in product(folders, conditions):
        outcomes = session(noises(folder), condition, judging(), gap_s=1.3)
        stops = [o.case.name for o in outcomes if o.stopped or (o.paused is not None and o.lasting)]
        ducks, pauses = (sum(getattr(o, n) is not None for o in outcomes) for n in ("ducked", "paused"))
        rows.append([folder.name, condition.name, len(outcomes), len(stops), pauses, ducks, " ".join(stops[:4])])
    show("Noises", ["folder", "condition", "clips", "stops", "pauses", "ducks", "which"], rows)


def alone(judging: Callable[[], Guarded], minutes: float, conditions: Sequence[Condition]) -> None:
    """A device that hears only itself: from a cold start, and the rest of the time."""
    said, rows = reply([load(clip.path) for clip in clips("speech")], 120.0), []
    for condition in conditions:
        room = Room(np.zeros(int(minutes * 60 * RATE)), said, condition)
        began = time.process_time()
        told = [(n, s.verdict) for n, s in enumerate(listen(room, judging()))]
        spent = time.process_time() - began
        count = {v: sum(verdict is v for _, verdict in told) for v in (Verdict.STOP, Verdict.PAUSE)}
        ducks = sum(frame < 300 and verdict is Verdict.DUCK for frame, verdict in told)
        rows.append([condition.name, minutes, count[Verdict.STOP], count[Verdict.PAUSE], ducks,
                     f"{int(room.silent.sum()) / 100:.1f} s", f"{1000 * spent / room.frames:.3f}"])  # fmt: skip
    header = ["condition", "minutes", "stops", "pauses", "ducks in 3 s", "silent", "ms a frame with the room"]
    show("The device alone", header, rows)


SAID = reply([load(DATA / "speech" / f"{name}.flac") for name in SPOKEN[:3]], 60.0)


def run_all(arguments: argparse.Namespace) -> None:
    """All tables."""

    def judging() -> Guarded:
        return Guarded(neural=not arguments.no_neural)

    speeds(judging, (NONE, SAME, LOUDER, *HARDER), arguments.pictures)
    false_stops(judging, [DATA / "noise", *arguments.noises], (NONE, SAME))
    alone(judging, arguments.minutes, (SAME, LOUDER, *HARDER))


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noises", type=Path, nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--pictures", type=Path, help="a folder for one PNG per case")
    parser.add_argument("--no-neural", action="store_true")
    return parser.parse_args(words)


def run() -> None:
    """For `python -m tests.bench`."""
    run_all(parse([]))


if __name__ == "__main__":
    run_all(parse())
