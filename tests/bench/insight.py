"""What metrics and traces cost while somebody talks: processor time for each second of conversation.

A simulated device holds a conversation once; what it has published then goes, many times over, through the store, the
counters and the exporter of traces, with a collector in another process and a scrape every 15 s of the conversation's
time. Each turn is a request of its own to the collector, as when people talk.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.core.events import Spent, TextGiven
from edge.core.trace import trace_of
from edge.host import otlp
from edge.host.book import Book
from edge.host.diary import Diary
from edge.host.gauges import Gauges
from edge.host.otlp import Exporter, collector
from edge.host.spans import Span
from edge.host.tracing import About, Tracer
from edge.ports import Fields, Watcher
from edge.testing import Reply, ScriptedAgent, SimulatedDevice
from tests.bench.table import show
from tests.waiting import wait_until

TURNS, SCRAPE_S = 500, 15.0
WORDS = "It is four o'clock in the afternoon, and there is no rain to be seen until the evening."
SERVER = """
import sys
from tests.fakes.collector import collecting
with collecting() as there:
    print(there.url, flush=True)
    sys.stdin.read()
    print(len(there.spans), there.bytes, flush=True)
"""


class _Counting(Exporter):
    """Tells when nothing waits any more."""

    given = 0

    def put(self, spans: list[Span]) -> None:
        self.given += len(spans)
        super().put(spans)

    @property
    def all_sent(self) -> bool:
        return self.sent + self.dropped == self.given


Published = list[tuple[str, Fields]]


def run() -> None:
    """Print percent of one core, without and with traces."""
    published, seconds = asyncio.run(_conversation())
    rows = []
    for name, traces in (("store and counters", False), ("and traces by OTLP", True)):
        with tempfile.TemporaryDirectory() as folder, _server() as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            spent, export = asyncio.run(_cost(published, seconds, Path(folder), url if traces else ""))
        percent = 100 * spent / (TURNS * seconds)
        rows.append((name, f"{percent:.3f}", f"{1e6 * spent / TURNS:.0f}", export.sent if export else "-",
                     export.dropped if export else "-"))  # fmt: skip
    about = f"Metrics and traces: {TURNS} turns of {seconds:.1f} s, {len(published)} events each"
    show(about, ("what", "% of a core", "us a turn", "spans sent", "dropped"), rows)


@contextmanager
def _server() -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=pipe, stdout=pipe, text=True) as server:
        try:
            yield server
        finally:
            server.terminate()


async def _conversation() -> tuple[Published, float]:
    """One turn as it is published, and how long it lasts."""
    async with SimulatedDevice(ScriptedAgent([Reply(WORDS)])) as device:
        device.watcher.events.clear()
        began = device.clock()
        device.daemon.post(TextGiven("what time is it"))
        await device.run_until(lambda: bool(device.watcher.of("turn")))
        device.daemon.post(Spent(1, {"input_audio": 70, "output_audio": 90}, 0.002, ids={"response": "resp_1"}))
        await device.until("idle")
        return list(device.watcher.events), device.clock() - began


async def _cost(published: Published, seconds: float, folder: Path, url: str) -> tuple[float, Exporter | None]:
    diary = Diary(Book(folder / "insight.db"), folder / "aside.jsonl", lambda: "realtime", print)
    gauges = Gauges(lambda: "realtime", "USD")
    watchers: list[Watcher] = [diary, gauges]
    otlp.GATHER_S, otlp.MOST_AT_ONCE = 0.0, 1
    export = _Counting(collector(url, "", {"service.name": "edge-voice"})) if url else None
    tracer = None
    if export is not None:
        tracer = Tracer(About("bench", diary.run, lambda: "realtime", lambda _: "gpt-realtime-2.1"), export)
        watchers.append(tracer)
    before, scraped = time.process_time(), 0.0
    for turn in range(1, TURNS + 1):
        trace = trace_of(diary.run, turn)
        for event, fields in published:
            told = {**fields, "turn": turn, "trace": trace} if "turn" in fields else fields
            for watcher in watchers:
                watcher.published(event, told)
        scraped += seconds
        while scraped >= SCRAPE_S:
            scraped -= SCRAPE_S
            gauges.text()
        if export is not None:  # as slowly as people talk, the queue is never full
            await wait_until(lambda: export.all_sent)
        await asyncio.sleep(0)
    if tracer is not None and export is not None:
        tracer.close()
        await wait_until(lambda: export.all_sent)
        await asyncio.to_thread(export.close)
    await diary.close()
    return time.process_time() - before, export
