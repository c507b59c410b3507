"""Timers that are killed: each one that was set rings, or is told after the restart, and none rings twice.

A child process keeps timers as the daemon does. It is killed at random moments, while it sets some, while they ring
and while they are acknowledged. Its reports go through a pipe, which a kill leaves whole. How late each ring was is
measured too, and what a tool call adds.
"""

from __future__ import annotations

import asyncio
import json
import random
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from edge.core.events import Event, TimerDue
from edge.ports import Fields
from edge.tools.kept import boot_clock
from edge.tools.toolbox import Toolbox

MOST_S = 0.6  # a child lives so long at most, after its first report
QUIET_S = 4.0  # what is still set when the killing is over rings within this
CALLS = 300


def run(kills: int = 200, seed: int = 1) -> None:
    """Print the counts, the lateness and the cost of a call."""
    rng, seen = random.Random(seed), Seen()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "timers.json"
        for _ in range(kills):
            _life(path, seen, rng.uniform(0.0, MOST_S))
        _life(path, seen, QUIET_S, busy=False)
    rung = Counter(seen.rang)
    lost = [one for one in seen.was_set if one not in rung and one not in seen.told]
    twice = [one for one, count in rung.items() if count > 1]
    late = sorted(seen.late_ms)
    told, again = len(set(seen.told)), len(set(seen.again))
    print(f"timers: {kills} kills, {len(seen.was_set)} set, {len(seen.rang)} rang, {told} told after a restart")
    print(f"timers: {len(lost)} lost, {len(twice)} rang twice, {again} rang or were told after being heard")
    if late:
        print(f"timers: late by {statistics.median(late):.1f} ms in the middle, {late[-1]:.1f} ms at most")
    asyncio.run(_calls())


@dataclass
class Seen:
    """What the children have reported: numbers of timers."""

    was_set: list[int] = field(default_factory=list)
    rang: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    heard: set[int] = field(default_factory=set)

    def take(self, line: bytes) -> None:
        """One report."""
        what, number, value = json.loads(line)
        if what in {"rang", "told"} and number in self.heard:
            self.again.append(number)
        if what == "heard":
            self.heard.add(number)
        else:
            {"set": self.was_set, "rang": self.rang, "told": self.told}[what].append(number)
        if what == "rang":
            self.late_ms.append(value * 1000)


def _life(path: Path, seen: Seen, seconds: float, *, busy: bool = True) -> None:
    words = [sys.executable, "-c", "from tests.bench.timers import child; child()", str(path), str(int(busy))]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        select.select([process.stdout], [], [], 20.0)
        time.sleep(seconds)
        process.kill()
        for line in process.stdout:
            if line.endswith(b"\n"):
                seen.take(line)


def child() -> None:
    """Keep timers, and report them, until killed."""
    asyncio.run(_keep(Path(sys.argv[1]), busy=sys.argv[2] == "1"))


async def _keep(path: Path, *, busy: bool) -> None:
    box = Toolbox(lambda: 50, lambda _: None, shelf=path)
    heard: asyncio.Queue[int] = asyncio.Queue()
    deadlines = {one.id: one.deadline for one in box.timers.find()}

    def due(event: Event) -> None:
        if isinstance(event, TimerDue):
            report("told" if event.late else "rang", event.id, boot_clock() - deadlines.get(event.id, boot_clock()))
            heard.put_nowait(event.id)

    async def acknowledge() -> None:
        while True:
            number = await heard.get()
            await asyncio.sleep(random.uniform(0.0, 0.3))
            box.published("ringing_over", {"timers": [number], "how": "stopped"})
            while number in _numbers(path):  # noqa: ASYNC110  what is waited for is a file
                await asyncio.sleep(0.001)
            report("heard", number, 0.0)

    tasks = [asyncio.ensure_future(box.ring(due)), asyncio.ensure_future(acknowledge())]
    while busy:
        result = await box.run("set_timer", {"seconds": random.randint(1, 2)})
        if "error" not in result:
            newest = max(box.timers.find(), key=lambda one: one.id)
            deadlines[newest.id] = newest.deadline
            report("set", newest.id, 0.0)
        await asyncio.sleep(random.uniform(0.0, 0.2))
    await asyncio.gather(*tasks)


def _numbers(path: Path) -> set[int]:
    return {int(one["id"]) for one in json.loads(path.read_bytes())["timers"]}


def report(what: str, number: int, value: float) -> None:
    """A line to whoever counts; shorter than a pipe takes in one piece."""
    sys.stdout.write(json.dumps([what, number, value]) + "\n")
    sys.stdout.flush()


async def _calls() -> None:
    """What a call costs, of one that does nothing to speak of and of one that writes."""
    with tempfile.TemporaryDirectory() as folder:
        box = Toolbox(lambda: 50, lambda _: None, shelf=Path(folder) / "timers.json")
        reading = await _timed(box, "get_volume", {})
        writing = await _timed(box, "set_timer", {"seconds": 900}, 30)
    for name, found in (("get_volume", reading), ("set_timer, written to the disk", writing)):
        print(f"tools: {name}: {statistics.median(found):.2f} ms in the middle, {max(found):.2f} ms at most")


async def _timed(box: Toolbox, name: str, arguments: Fields, calls: int = CALLS) -> list[float]:
    found = []
    for _ in range(calls):
        began = time.perf_counter()
        await box.run(name, arguments)
        found.append((time.perf_counter() - began) * 1000)
    return found
