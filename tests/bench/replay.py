"""A recording of ten minutes heard again: how long the core's events and the sound take, and that nothing differs."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from edge.config import Record
from edge.replay.command import as_it_was, as_recorded, seconds
from edge.sessions.reading import read
from edge.testing import Reply
from tests.bench.table import show
from tests.sessions.recording import ALLOWED, LONG, converse, recording

SESSION_S = 600.0
RUNS = 3


def run() -> None:
    """The conversation of the tests, an interruption in each round, until ten minutes are over."""
    with tempfile.TemporaryDirectory() as folder:
        path = asyncio.run(_recorded(Path(folder)))
        began = time.perf_counter()
        session = read(path)
        reading = time.perf_counter() - began
        config = as_recorded(session, {})
        results = [as_it_was(session, config, sound=True) for _ in range(RUNS)]
        events = [line for line in session.lines if "effects" in line]
        rows = [
            ("session", f"{seconds(session):.0f} s, {len(events)} events, {path.stat().st_size / 1e6:.1f} MB"),
            ("file read", f"{reading:.2f} s"),
            *((part, f"{min(one.took_s[part] for one in results):.2f} s") for part in ("events", "sound")),
            (
                "decisions",
                f"{results[0].decisions}, {'identical' if all(r.same for r in results) else 'NOT identical'}",
            ),
        ]
    show(f"Replay (the best of {RUNS})", ("what", ""), rows)


async def _recorded(folder: Path) -> Path:
    script = (LONG, Reply("lamp")) * 60
    config = replace(ALLOWED, record=Record(allowed=True, keep_free_mb=10))
    async with recording(folder, config, script) as (device, recorder):
        end = device.clock.now + SESSION_S
        while device.clock.now < end:
            await converse(device)
        return Path(await recorder.finish())
