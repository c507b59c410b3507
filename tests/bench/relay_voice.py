"""The relay's voice: what a pass-through adds, what a session costs, and how long an offer takes.

The relay is a process of its own; the vendor and its clients are in this one. A session talks both ways all the time:
25 frames of 40 ms a second. Times are one way, from before the send to after the receipt, by the machine's one clock.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from edge.relay.doors import give_token
from edge.relay.store.database import Store
from tests.bench.table import median, percentile, show
from tests.fakes.realtime_calls import FakeVendor
from tests.relay.voice.talking import OFFER

FRAME_S = 0.04
AUDIO = base64.b64encode(bytes(1920)).decode()  # 40 ms at 24 kHz
WHERE = '"response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0'
DOWN = '{{"type":"response.output_audio.delta","event_id":"{}",' + WHERE + ',"delta":"' + AUDIO + '"}}'
UP = '{{"type":"input_audio_buffer.append","event_id":"{}","audio":"' + AUDIO + '"}}'
STAMPED = ('{"type":"input', '{"type":"response')
CREATED = '{"type":"session.created","event_id":"e","session":{"type":"realtime","expires_at":0}}'
MANY, SETTLE_S, MEASURE_S = 50, 2.0, 15.0
OFFERS, TOKENS = 200, 50


@dataclass
class Times:
    """Milliseconds of each frame, by direction."""

    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)

    def clear(self) -> None:
        self.up.clear()
        self.down.clear()


def _stamp() -> str:
    return str(time.monotonic_ns())


def _age(frame: str) -> float:
    """Of a frame with its time in the event_id."""
    begin = frame.index('"event_id":"') + 12
    return (time.monotonic_ns() - int(frame[begin : frame.index('"', begin)])) / 1e6


async def _talk(socket: ClientConnection | ServerConnection, frame: str, offset: float, ages: list[float]) -> None:
    async def speak() -> None:
        due = asyncio.get_running_loop().time() + offset
        while True:
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            due += FRAME_S
            await socket.send(frame.format(_stamp()))

    speaking = asyncio.ensure_future(speak())
    try:
        async for received in socket:
            ages += [_age(received)] if isinstance(received, str) and received.startswith(STAMPED) else []
    except ConnectionClosed:
        pass
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)


@dataclass(frozen=True)
class Bench:
    """A relay process before a vendor, with tokens to come in by."""

    port: int
    tokens: list[str]
    process: psutil.Process

    def cpu(self) -> float:
        """Seconds so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """MB."""
        return float(self.process.memory_info().rss / 1e6)


@contextmanager
def _relay(vendor: str) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "relay.sqlite")
        tokens = [store.do(partial(_token, f"c{n}")) for n in range(TOKENS)]
        store.close()
        port = _free_port()
        env = {
            **os.environ, "OPENAI_API_KEY": "bench", "EDGE_VOICE_REALTIME__URL": vendor, "STATE_DIRECTORY": folder,
            "EDGE_VOICE_SERVER__LISTEN": f"127.0.0.1:{port}", "EDGE_VOICE_SERVER__SESSIONS": "1000",
            "EDGE_VOICE_SERVER__SESSIONS_EACH": "100", "EDGE_VOICE_SERVER__REQUESTS_PER_SECOND": "10000",
            "EDGE_VOICE_SERVER__LINKS_PER_ADDRESS": "10000",
        }  # fmt: skip
        process = subprocess.Popen([sys.executable, "-m", "edge", "relay"], env=env, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            _wait_ready(port)
            yield Bench(port, tokens, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(60)


def _token(holder: str, db: sqlite3.Connection) -> str:
    return give_token(db, "client", holder, "bench", now=time.time(), seconds=None)


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_ready(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx2.HTTPError:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


async def _sessions(url: str, headers: Callable[[int], dict[str, str]], count: int, times: Times,
                    measured: Callable[[], Awaitable[None]]) -> None:  # fmt: skip
    sockets = [await connect(url, additional_headers=headers(n), max_size=None, compression=None) for n in range(count)]
    tasks = [asyncio.ensure_future(_talk(one, UP, FRAME_S * n / count, times.down)) for n, one in enumerate(sockets)]
    await asyncio.sleep(SETTLE_S)
    times.clear()
    await measured()
    for one in sockets:
        one.transport.abort()
    await asyncio.gather(*tasks, return_exceptions=True)


def _row(what: str, ages: list[float]) -> tuple[object, ...]:
    return what, len(ages), median(ages), percentile(ages, 0.99), max(ages)


async def _passing(rows: list[tuple[object, ...]], costs: list[tuple[object, ...]]) -> None:
    times = Times()

    async def vendor(socket: ServerConnection) -> None:
        await socket.send(CREATED)
        await _talk(socket, DOWN, 0.01, times.up)

    async with serve(vendor, "127.0.0.1", 0, compression=None, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        where = f"ws://127.0.0.1:{port}/v1/realtime"
        around = _relay(where)
        bench = await asyncio.to_thread(around.__enter__)
        try:
            idle = bench.memory()
            for count in (1, MANY):
                await _sessions(where, lambda _: {}, count, times, lambda: asyncio.sleep(MEASURE_S / 2))
                rows += [_row(f"{count} direct, to the vendor", times.up), _row(f"{count} direct, back", times.down)]
                used: list[float] = []

                async def measured(used: list[float] = used) -> None:
                    before = bench.cpu()
                    await asyncio.sleep(MEASURE_S)
                    used += [(bench.cpu() - before) / MEASURE_S * 100, bench.memory()]

                relayed = f"ws://127.0.0.1:{bench.port}/v1/realtime"
                await _sessions(relayed, lambda n: {"Authorization": f"Bearer {bench.tokens[n % TOKENS]}"}, count,
                                times, measured)  # fmt: skip
                rows += [_row(f"{count} relayed, to the vendor", times.up), _row(f"{count} relayed, back", times.down)]
                costs.append((count, used[0], used[0] / count, idle, used[1], (used[1] - idle) * 1000 / count))
        finally:
            await asyncio.to_thread(around.__exit__, None, None, None)


async def _offers() -> list[tuple[object, ...]]:
    """Milliseconds from an offer to its answer, with and without the relay between."""
    async with FakeVendor() as vendor, httpx2.AsyncClient() as client:
        around = _relay(vendor.url)
        bench = await asyncio.to_thread(around.__enter__)
        try:
            direct = f"http://{vendor.place}/v1/realtime/calls"
            async with httpx2.AsyncClient() as other:
                from edge.relay.voice.calls import multipart

                kind, body = multipart(OFFER.encode(), b'{"type":"realtime","model":"gpt-realtime-2.1"}')
                plain = await _timed(other, direct, {"Authorization": "Bearer bench", "Content-Type": kind}, body, 1)
            relayed = f"http://127.0.0.1:{bench.port}/v1/realtime/calls"
            taken: list[float] = []
            for n in range(OFFERS):
                headers = {"Authorization": f"Bearer {bench.tokens[n % TOKENS]}", "Content-Type": "application/sdp"}
                taken += await _timed(client, relayed, headers, OFFER.encode(), OFFERS)
            metrics = (await client.get(f"http://127.0.0.1:{bench.port}/metrics")).text
        finally:
            await asyncio.to_thread(around.__exit__, None, None, None)
    prefix = "edge_voice_relay_voice_offer_seconds_"
    own = dict(line.removeprefix(prefix).split(" ") for line in metrics.splitlines() if line.startswith(prefix))
    mean = float(own["sum"]) / float(own["count"]) * 1000
    return [
        _row("offer direct", plain),
        _row("offer relayed", taken),
        ("... of it in the relay, mean", OFFERS, mean, "", ""),
    ]


async def _timed(client: httpx2.AsyncClient, url: str, headers: dict[str, str], body: bytes, share: int) -> list[float]:
    taken = []
    for _ in range(OFFERS // share):
        began = time.perf_counter()
        answer = await client.post(url, headers=headers, content=body)
        taken.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 201, answer.text
    return taken


def run() -> None:
    """All of it once, in about a minute and a half."""
    rows: list[tuple[object, ...]] = []
    costs: list[tuple[object, ...]] = []
    gc.collect()
    gc.freeze()  # or this process's own collections would be measured
    asyncio.run(_passing(rows, costs))
    show("Pass-through, one way (ms)", ("sessions", "frames", "median", "p99", "most"), rows)
    show("What it costs the relay", ("sessions", "CPU (% of a core)", "per session", "idle (MB)", "resident (MB)",
                                     "KB per session"), costs)  # fmt: skip
    show("WebRTC offers (ms)", ("what", "n", "median", "p99", "most"), asyncio.run(_offers()))
