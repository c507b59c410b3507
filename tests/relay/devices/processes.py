"""Relays as processes of their own on one database, a balancer before them, and a person with a session."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx2 as httpx
from websockets.asyncio.client import connect
from websockets.typing import Origin

from edge.relay.people import repository
from edge.relay.store import codes
from edge.relay.store.database import Store
from tests.relay.devices.linked import Viewer


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def planted_owner(folder: Path) -> str:
    """The secret of a session of the relay's owner, in the database that the relays will use."""
    secret = codes.long()
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder / "relay.sqlite")

    def write(db: sqlite3.Connection) -> None:
        who = repository.add(db, "Root", owner=True, password=None, now=1.0)
        db.execute(
            "INSERT INTO sessions (hash, person, created, seen, expires) VALUES (?, ?, 1, ?, ?)",
            (codes.digest(secret), who.id, time.time(), time.time() + 86400),
        )

    store.do(write)
    store.close()
    return secret


class Person:
    """At one relay, or at whichever the balancer gives."""

    def __init__(self, origin: str, secret: str) -> None:
        self.origin, self._secret = origin, secret

    def page(self) -> httpx.Client:
        return httpx.Client(base_url=self.origin, cookies={"edge-voice": self._secret}, timeout=10,
                            headers={"origin": self.origin, "x-edge-voice": "1"})  # fmt: skip

    @asynccontextmanager
    async def viewer(self, device: str) -> AsyncIterator[Viewer]:
        url = f"{self.origin.replace('http', 'ws')}/api/devices/{device}/live"
        headers = {"Cookie": f"edge-voice={self._secret}"}
        async with connect(url, additional_headers=headers, origin=Origin(self.origin)) as line:
            found = Viewer(line)
            reading = asyncio.ensure_future(found.read())
            try:
                yield found
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


@contextmanager
def relay_process(folder: Path, port: int, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """Ready when it begins; `env` as EDGE_VOICE_ variables or others."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_VOICE_")}
    given = {**keep, "STATE_DIRECTORY": str(folder), "EDGE_VOICE_SERVER__LISTEN": f"127.0.0.1:{port}",
             "EDGE_VOICE_SERVER__REQUESTS_PER_SECOND": "1000", **env}  # fmt: skip
    with (folder / f"relay-{port}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "edge", "relay"], env=given, stdout=log, stderr=log)
    try:
        for _ in range(400):
            with suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            assert process.poll() is None, (folder / f"relay-{port}.log").read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait(10)


class Balancer:
    """Gives each new connection to the first of `ports` that takes it."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        for port in self.ports:
            try:
                back, forth = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            ways = [asyncio.ensure_future(_pour(reader, forth)), asyncio.ensure_future(_pour(back, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                forth.transport.abort()
            break
        writer.transport.abort()


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
