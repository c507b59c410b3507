"""Interrupting by voice through virtual sound cards, ours and Pipecat's on the same clips in the same run.

`python -m tests.bench.barge_in_cards [--clips 5] [--noises 5] [--all] [--each] [--only NAME]`. Clips are of the half
that no weight was chosen on. Pipecat is measured when PIPECAT_PYTHON names a Python with pipecat-ai[local,silero] (or
this one has it). The echo is a loopback from speaker to microphone, 40 ms late, as loud as in the simulated room but
without the room's response.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr

from tests import rig as sound
from tests.bench.barge_in import LOUDER, NONE, SAID, SAME, Case, noises, people
from tests.bench.cards import FALSE_S, Alone, Booth, Trial
from tests.bench.clips import DATA
from tests.bench.closed_loop import NEAR_DB, RATE, REPLY_DB, Condition
from tests.bench.peers import pipecat_peer
from tests.bench.peers.ours import ours
from tests.bench.peers.program import RATE as REPLY_RATE
from tests.bench.peers.program import Program
from tests.bench.table import median, percentile, show

CONDITIONS = (NONE, SAME, LOUDER)
ALONE_S = 12.0  # a reply that nobody speaks over, before all others: a canceller learns the room in it
Opened = Callable[[sound.Rig, bytes], AbstractContextManager[Program]]


@dataclass
class Results:
    """Of one program, by condition."""

    name: str = ""
    people: dict[str, list[Trial]] = field(default_factory=dict)
    noises: dict[str, list[Trial]] = field(default_factory=dict)
    alone: dict[str, list[Alone]] = field(default_factory=dict)


def chosen(cases: Sequence[Case], count: int) -> list[Case]:
    """So many of those that nothing was tuned on, spread evenly."""
    held_out = [case for case in cases if not case.tuned_on]
    return [held_out[int(n * len(held_out) / count)] for n in range(min(count, len(held_out)))]


def measure(opened: Opened, spoken: Sequence[Case], noisy: Sequence[Case], *, noise_in: int) -> Results:
    """Everything with one program, in a sound server of its own."""
    recording = np.clip(soxr.resample(SAID, RATE, REPLY_RATE) * 32767, -32768, 32767).astype("<i2").tobytes()
    results = Results()
    with (
        tempfile.TemporaryDirectory() as folder,
        sound.rig(Path(folder), steady=True) as rig,
        opened(rig, recording) as program,
    ):
        booth, results.name = Booth(rig), program.name
        for number, condition in enumerate(CONDITIONS):
            with echo(rig, condition):
                alone = booth.alone(program, ALONE_S)
                results.people[condition.name] = [booth.trial(program, case) for case in spoken]
                if number < noise_in:
                    results.noises[condition.name] = [booth.trial(program, case, FALSE_S) for case in noisy]
                if condition.echo_db is not None:
                    results.alone[condition.name] = [alone, booth.alone(program, ALONE_S)]
    return results


def echo(rig: sound.Rig, condition: Condition) -> AbstractContextManager[None]:
    """The way from the speaker to the microphone."""
    if condition.echo_db is None:
        return nullcontext()
    return rig.echo(NEAR_DB + condition.echo_db - REPLY_DB, round(condition.delay_s * 1000))


def speed(name: str, condition: str, trials: Sequence[Trial]) -> list[object]:
    """A row of the first table."""
    heard = [t for t in trials if not (t.itself or t.lost)]
    times: list[object] = []
    for values in ([t.ducked for t in heard], [t.silent for t in heard]):
        there = [v for v in values if v is not None]
        times += [round(median(there)), round(percentile(there, 0.95))] if there else ["-", "-"]
    missed = sum(t.silent is None for t in heard)
    return [name, condition, len(trials), *times, f"{missed} of {len(heard)}",
            sum(t.itself for t in trials), sum(t.lost for t in trials)]  # fmt: skip


def each(results: Sequence[Results]) -> None:
    """Clip by clip."""
    rows = [
        [r.name, condition, t.case.name, *("-" if v is None else round(v) for v in (t.ducked, t.silent)), round(t.held),
         "yes" if t.itself else ""]
        for r in results for kind in (r.people, r.noises) for condition, trials in kind.items() for t in trials
    ]  # fmt: skip
    header = ["program", "condition", "clip", "quieter ms", "silent ms", "silent and back ms", "cut itself off"]
    show("Every clip", header, rows)


def ended(one: Alone) -> tuple[str, int, int]:
    """Three cells of the last table."""
    return "no" if one.ended is None else f"after {one.ended:.2f} s", round(one.held), round(one.delay)


def told(results: Sequence[Results]) -> None:
    """All tables."""
    header = ["program", "condition", "clips", "quieter ms", "p95", "silent ms", "p95", "missed", "cut itself off",
              "lost"]  # fmt: skip
    rows = [speed(r.name, condition, trials) for r in results for condition, trials in r.people.items()]
    show("People who interrupt, through sound cards: from the labelled onset", header, rows)
    rows = []
    for r in results:
        for condition, trials in r.noises.items():
            heard = [t for t in trials if not (t.itself or t.lost)]
            stops = [t.case.name for t in heard if t.silent is not None]
            held = sum(t.held > 20 for t in heard)
            rows.append(
                [r.name, condition, len(heard), len(stops), held, sum(t.itself for t in trials), " ".join(stops)]
            )
    header = ["program", "condition", "noises", "stops", "silent and back", "cut itself off", "which"]
    show("Noises, through sound cards", header, rows)
    rows = []
    for r in results:
        for condition, ends in r.alone.items():
            rows.append([r.name, condition, *(cell for one in ends for cell in ended(one))])
    header = ["program", "condition", *("stopped", "silent ms", "echo ms late") * 2]
    show(f"Nobody speaks: does a reply of {ALONE_S:.0f} s stop by itself? The first, and the last", header, rows)


def run_all(arguments: argparse.Namespace) -> None:
    """Ours, then Pipecat."""
    if sound.missing():
        print(f"Nothing is measured through sound cards: {', '.join(sound.missing())} are not here.")
        return
    spoken, noisy = people(), noises(DATA / "noise")
    spoken = chosen(spoken, len(spoken) if arguments.all else arguments.clips)
    noisy = chosen(noisy, len(noisy) if arguments.all else arguments.noises)
    programs: dict[str, Opened] = {"edge-voice": ours}
    if version := pipecat_peer.version():
        programs["pipecat"] = pipecat_peer.pipecat
        print(f"Pipecat {version} in {pipecat_peer.python()}")
    else:
        print("Pipecat is left out: PIPECAT_PYTHON names no Python that has pipecat-ai[local,silero].")
    noise_in = len(CONDITIONS) if arguments.all else 1
    results = []
    for name, opened in programs.items():
        if arguments.only in {"", name}:
            began, before = time.monotonic(), busy()
            results.append(measure(opened, spoken, noisy, noise_in=noise_in))
            share = (busy() - before) / (time.monotonic() - began)
            print(f"{name}: {time.monotonic() - began:.0f} s; {share:.2f} cores were busy, this included")
    told(results)
    if arguments.each:
        each(results)


def busy() -> float:
    """Seconds that all processors have worked since the machine's start: what else runs makes figures worse."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=5)
    parser.add_argument("--noises", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="every clip and noise; takes most of an hour")
    parser.add_argument("--each", action="store_true", help="a table of every clip, too")
    parser.add_argument("--only", default="", choices=("", "edge-voice", "pipecat"))
    return parser.parse_args(words)


def run() -> None:
    """For `python -m tests.bench`."""
    run_all(parse([]))


if __name__ == "__main__":
    run_all(parse())
