"""`python -m tests.bench memory [--turns 1000]`: does a daemon that is talked to for long grow?

Short turns against the fake Realtime server through virtual cards, three typed ones to each spoken one.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.bench.attended import Attended, Held, attended, held
from tests.bench.realtime import Served
from tests.bench.table import show
from tests.rig import rig

TURNS = 1000
FIRST = 100  # from there on nothing is new to it
SPOKEN_EACH = 4
REPLY_S = 0.15
MOST_MB = 1.0


def _turns(person: Attended, turns: int) -> list[tuple[int, Held]]:
    """What the daemon holds at some turns of them."""
    pid, looks = person.device.process.pid, []
    for turn in range(1, turns + 1):
        if turn % SPOKEN_EACH:
            person.ask()
        else:
            person.talk()
        if turn % max(1, turns // 10) == 0 or turn == FIRST:
            time.sleep(1)
            looks.append((turn, held(pid)))
            print(turn, looks[-1][1], flush=True)
    return looks


def run(turns: int = TURNS) -> None:
    """Twenty minutes for all of them."""
    served = Served()
    served.seconds, served.think_ms = REPLY_S, 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound, attended(sound, served) as person:
        looks = _turns(person, turns)
        status = person.command("status")
    rows = [(turn, one.resident, one.threads, one.files) for turn, one in looks]
    show(f"{turns} turns in {time.monotonic() - began:.0f} s", ("turn", "resident (MB)", "threads", "files"), rows)
    first = next((one for turn, one in looks if turn >= FIRST), looks[0][1])
    grown = looks[-1][1].resident - first.resident
    lost = status["microphone"]["lost_frames"]
    summary = [("grown since turn 100 (MB)", grown, f"< {MOST_MB:.0f}"), ("lost frames of the microphone", lost, "0")]
    show("Memory", ("what", "value", "goal"), summary)
