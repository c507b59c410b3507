"""How long after the last word a turn ends, and how often a pause is taken for the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from edge.config import Config
from edge.testing import ScriptedAgent, SimulatedDevice
from tests.bench.clips import Clip, clips, english
from tests.bench.table import median, percentile, show

SILENCES_MS = (350, 450, 550, 700, 1000, 1400)


class _Ends(ScriptedAgent):
    """Hears nothing, and notes when it was told that a turn is over."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []
        self.clock: Callable[[], float] = lambda: 0.0

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self.ends.append(self.clock())
        super().end_of_turn(turn)


async def _ends(clip: Clip, silence_ms: int) -> list[float]:
    """When turns ended, in seconds into the recording, listening on as a hands-free device does."""
    talk = replace(Config().conversation, end_silence_ms=silence_ms, eager_silence_ms=min(200, silence_ms - 50))
    agent = _Ends()
    async with SimulatedDevice(agent, replace(Config(), conversation=talk)) as device:
        device.press()
        await device.run(0.02)
        began = device.clock.now
        agent.clock = lambda: device.clock.now - began
        await device.hear(clip.path, then=2.0)
        return agent.ends


async def _row(silence_ms: int) -> tuple[object, ...]:
    delays: list[float] = []
    cut = heard = 0
    material = [*english(), *(clip for clip in clips("turns") if clip.speech)]
    for clip in material:
        ends = await _ends(clip, silence_ms)
        last = clip.speech[-1][1]
        early = [end for end in ends if end < last]
        cut += bool(early)
        late = [end for end in ends if end >= last]
        heard += bool(ends)
        if late:
            delays.append((late[0] - last) * 1000)
    count = len(material)
    return silence_ms, f"{heard}/{count}", f"{cut}/{count}", round(median(delays)), round(percentile(delays, 0.95))


async def _false_starts() -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for clip in clips("noise"):
        ends = await _ends(clip, 550)
        if ends:
            rows.append((clip.name, len(ends)))
    return rows


def run() -> None:
    """Every recording of speech at several settings; then the noises."""
    rows = [asyncio.run(_row(ms)) for ms in SILENCES_MS]
    header = ("end_silence_ms", "turns found", "cut in a pause", "delay median ms", "p95")
    show("Endpointing (from the labelled end of the last word)", header, rows)
    noises = asyncio.run(_false_starts())
    count = len(clips("noise"))
    title = f"Noises taken for a turn by the detector: {len(noises)} of {count} (the transcript check comes after)"
    show(title, ("recording", "turns"), noises)
