"""The relay's device links: memory of an idle one, and how long a command takes from a page's socket to the answer.

The relay is one process, or several on a Redis; all devices and pages are in this one, on the same machine. Devices
prove themselves with real keys and answer each command at once. A page sends one command after another to its device,
four a second; every page's device is linked somewhere, in the page's own process or not.

provision/relay/README.md has what it measured, and what 1,000,000 devices would need on paper.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from edge.host.identity import Identity
from edge.host.link_wire import address, signed_text
from edge.relay.people.repository import add
from edge.relay.store import codes
from edge.relay.store.database import Store
from tests.bench.table import median, percentile, show
from tests.relay.redis_rig import redis_server

LINKS, FIRST, PAGES, MEASURE_S, SETTLE_S = 5000, 100, 20, 10.0, 3.0
EVERY_S = 0.25
COMING = 100  # at a time; the relay lets 200 a second in


class Planted:
    """Devices and people, written into the relay's database before it starts."""

    def __init__(self, folder: Path, count: int) -> None:
        self.devices = [Identity(Ed25519PrivateKey.generate()) for _ in range(count)]
        self.sessions: list[str] = []
        store = Store(folder / "relay.sqlite")
        store.do(self._write)
        store.close()

    def _write(self, db: sqlite3.Connection) -> None:
        for n, device in enumerate(self.devices):
            db.execute(
                "INSERT INTO devices (id, name, public_key, created) VALUES (?, ?, ?, 1)",
                (device.id, f"d{n}", device._key.public_key().public_bytes_raw()),
            )
        for n in range(PAGES):
            who, secret = add(db, f"p{n}", owner=True, password=None, now=1.0), codes.long()
            db.execute(
                "INSERT INTO sessions (hash, person, created, seen, expires) VALUES (?, ?, 1, ?, ?)",
                (codes.digest(secret), who.id, time.time(), time.time() + 86400),
            )
            self.sessions.append(secret)


@contextmanager
def _relay(folder: Path, redis: str, workers: int) -> Iterator[tuple[str, psutil.Process]]:
    port = _free_port()
    env = {
        **os.environ, "STATE_DIRECTORY": str(folder), "EDGE_VOICE_SERVER__LISTEN": f"127.0.0.1:{port}",
        "EDGE_VOICE_SERVER__REQUESTS_PER_SECOND": "10000", "EDGE_VOICE_SERVER__LINKS_PER_ADDRESS": "20000",
        "EDGE_VOICE_SERVER__DEVICES": "10000", "EDGE_VOICE_SERVER__REDIS": redis,
        "EDGE_VOICE_SERVER__WORKERS": str(workers), "EDGE_VOICE_LOG__LEVEL": "error",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "edge", "relay"], env=env, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        origin = f"http://127.0.0.1:{port}"
        time.sleep(4 + workers)
        yield origin, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(40)


def _free_port() -> int:
    import socket

    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def _serving(process: psutil.Process) -> list[psutil.Process]:
    """The processes that have the links."""
    return process.children() or [process]


def _memory(process: psutil.Process) -> float:
    return sum(one.memory_info().rss for one in _serving(process)) / 1e6


def _cpu(process: psutil.Process) -> float:
    return float(sum(sum(one.cpu_times()[:2]) for one in _serving(process)))


async def _device(origin: str, identity: Identity, gate: asyncio.Semaphore, up: list[int]) -> None:
    at = address(origin)
    socket: ClientConnection | None = None
    while socket is None:
        try:
            async with gate:
                socket = await connect(at.url, compression=None, ping_interval=None, max_size=2**16, open_timeout=60)
                nonce = json.loads(await socket.recv())["nonce"]
                signature = identity.sign(signed_text(at.host, nonce))
                await socket.send(json.dumps({"type": "hello", "device": identity.id, "signature": signature}))
                assert json.loads(await socket.recv())["type"] == "welcome"
        except Exception:  # noqa: BLE001  not let in yet
            socket = None
            await asyncio.sleep(2)
    up[0] += 1
    try:
        async for text in socket:
            message = json.loads(text)
            if "command" in message:
                await socket.send(json.dumps({"v": 1, "id": message["id"], "ok": True, "result": {}}))
    except ConnectionClosed:
        pass


async def _page(socket: ClientConnection, offset: float, until: float, took: list[float]) -> None:
    number = 0
    await asyncio.sleep(offset)  # people do not click as one
    while time.monotonic() < until:
        number += 1
        began = time.monotonic()
        await socket.send(json.dumps({"v": 1, "id": number, "command": "timers"}))
        while (answer := json.loads(await socket.recv())).get("id") != number:
            pass
        assert answer["ok"], answer
        took.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(max(0.0, began + EVERY_S - time.monotonic()))


async def _all(up: list[int], count: int) -> None:
    while up[0] < count:  # noqa: ASYNC110  counted, not told
        await asyncio.sleep(0.1)


async def _measure(origin: str, process: psutil.Process, planted: Planted) -> list[str]:
    gate, up = asyncio.Semaphore(COMING), [0]
    links = [asyncio.ensure_future(_device(origin, one, gate, up)) for one in planted.devices[:FIRST]]
    await _all(up, FIRST)  # what is loaded at the first is no link's
    before, began = _memory(process), time.monotonic()
    links += [asyncio.ensure_future(_device(origin, one, gate, up)) for one in planted.devices[FIRST:]]
    await _all(up, len(links))
    came = time.monotonic() - began
    await asyncio.sleep(SETTLE_S)
    after, cpu, idle_from = _memory(process), _cpu(process), time.monotonic()
    await asyncio.sleep(MEASURE_S)
    idle = (_cpu(process) - cpu) / (time.monotonic() - idle_from)
    pages = [
        await connect(
            f"{origin.replace('http', 'ws')}/api/devices/{planted.devices[n * 7].id}/live", origin=Origin(origin),
            additional_headers={"Cookie": f"edge-voice={session}"},
        )
        for n, session in enumerate(planted.sessions)
    ]  # fmt: skip
    took: list[float] = []
    until = time.monotonic() + MEASURE_S
    await asyncio.gather(*(_page(page, n * EVERY_S / PAGES, until, took) for n, page in enumerate(pages)))
    for one in (*pages,):
        one.transport.abort()
    for link in links:
        link.cancel()
    await asyncio.gather(*links, return_exceptions=True)
    each = (after - before) * 1000 / (len(links) - FIRST)
    figures = (came, each, after, idle * 100, median(took), percentile(took, 0.99), max(took))
    return [f"{len(links)}", *(f"{one:.1f}" for one in figures)]


def run(count: int = LINKS) -> None:
    """The table; several processes with half as many links, since the machine is small."""
    rows = []
    ways = [(1, count, False), (1, count // 2, True), (2, count // 2, True), (4, count // 2, True)]
    for workers, links, shared in ways if shutil.which("redis-server") else ways[:1]:
        with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as redis:
            planted = Planted(Path(name), links)
            with _relay(Path(name), redis.url if shared else "", workers) as (origin, process):
                figures = asyncio.run(_measure(origin, process, planted))
        rows.append([f"{workers} process{'es' * (workers > 1)}{', Redis' * shared}", *figures])
        print(*rows[-1], sep="  ", flush=True)
    show("device links", ["relay", "links", "all there s", "KB a link", "MB", "idle CPU %", "command median ms",
                          "p99 ms", "most ms"], rows)  # fmt: skip
