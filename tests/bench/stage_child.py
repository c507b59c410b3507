"""One adapter in a process of its own, which has loaded what a daemon has: its first use, and many more."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import psutil

import edge.wiring  # noqa: F401
from edge.agents.chained.setup import Service, stage
from edge.config import Llm, Stt, Tts
from edge.doctor.vendors import first_byte
from tests.bench.table import median, percentile

TIMES = 20


def child(given: dict[str, Any]) -> None:
    """`given`: stage, kind, entry and key; prints what was measured as JSON."""
    kinds: dict[str, Any] = {"stt": Stt, "llm": Llm, "tts": Tts}
    entry = kinds[given["stage"]](kind=given["kind"], **given["entry"])
    before = _mb()

    async def work() -> tuple[float, list[float]]:
        used = stage(Service(given["stage"], given["kind"], given["kind"], entry, given["key"]))
        began = time.monotonic()
        await first_byte(given["stage"], used)
        first = time.monotonic() - began
        later = [await first_byte(given["stage"], used) for _ in range(TIMES)]
        await used.close()
        return first, later

    first, later = asyncio.run(work())
    ms = [seconds * 1000 for seconds in later]
    print(json.dumps({"mb": round(_mb() - before, 1), "first_s": round(first, 2), "median": round(median(ms), 1),
                      "p95": round(percentile(ms, 0.95), 1)}))  # fmt: skip


def _mb() -> float:
    return psutil.Process().memory_info().rss / 2**20


if __name__ == "__main__":
    child(json.loads(sys.argv[1]))
