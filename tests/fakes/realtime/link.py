"""A socket with the network in between: delays, the record, and the cuts."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.fakes.realtime.faults import Cut, Faults
from tests.fakes.realtime.record import Record, Seen
from tests.fakes.realtime.schema import Event, Problem
from tests.fakes.realtime.session import Send, Session, chunk_of


class Link:
    """Half a round trip passes before an event is handled, and before one is sent. The record is of the socket."""

    def __init__(
        self, connection: ServerConnection, start: Callable[[Send], Session], faults: Faults, record: Record
    ) -> None:
        self.session = start(self.push)
        self._connection, self._faults, self._record = connection, faults, record
        self._arrived: asyncio.Queue[tuple[float, str | bytes]] = asyncio.Queue()
        self._leaving: asyncio.Queue[tuple[float, Event | str | bytes | None]] = asyncio.Queue()
        self._emptied = asyncio.Event()

    async def run(self) -> None:
        """Until the connection is gone; an error in the fake itself is raised."""
        tasks = [asyncio.create_task(work) for work in (self._read(), self._handle(), self._write())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._emptied.set()
            await self.session.close()

    def push(self, frame: Event | str | bytes) -> None:
        """Send half a round trip from now."""
        self._leaving.put_nowait((self._due(), frame))

    def error(self, problem: Problem) -> None:
        """Send an error event."""
        self.session.error(problem)

    async def close(self, code: int, reason: str) -> None:
        """Close properly, after what is on its way."""
        self._leaving.put_nowait((self._due(), None))
        await self._emptied.wait()
        await self._connection.close(code, reason)

    def drop(self, *, reset: bool) -> None:
        """End TCP without a word; by RST if asked."""
        transport = self._connection.transport
        if reset:
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    def pause(self, *, paused: bool) -> None:
        """Stop or go on reading; the kernel goes on acknowledging."""
        (self._connection.transport.pause_reading if paused else self._connection.transport.resume_reading)()

    @property
    def _gone(self) -> bool:
        """What would be sent now would never be on the wire."""
        return self._connection.transport.is_closing()

    def _due(self) -> float:
        return time.monotonic() + self.session.settings.rtt_ms / 2000

    async def _read(self) -> None:
        async for raw in self._connection:
            await self._faults.moving()
            event = parsed(raw)
            seen = self._record.add("in", self.session.number, event or {}, len(raw))
            if chunk := chunk_of(self.session.number, seen.at, seen.event):
                self._record.chunks.append(chunk)
            self._arrived.put_nowait((self._due(), raw))
            self._cut(self._faults.cut_for(seen))

    async def _handle(self) -> None:
        while True:
            due, raw = await self._arrived.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            event = parsed(raw)
            if self._gone or self._faults.stall:
                continue
            if event is None:
                message = "Could not parse the message as a JSON object."
                self.session.error(Problem("invalid_json", message))
            else:
                self.session.handle(event)

    async def _write(self) -> None:
        while True:
            due, frame = await self._leaving.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._faults.moving()
            if frame is None:
                self._emptied.set()
            elif not self._gone:
                await self._send(frame)

    async def _send(self, whole: Event | str | bytes) -> None:
        frame = self._faults.quirk(whole) if isinstance(whole, dict) else whole
        if frame is None:
            return
        raw = json.dumps(frame) if isinstance(frame, dict) else frame
        event = frame if isinstance(frame, dict) else {}
        cut = self._faults.cut_for(Seen(0, "out", self.session.number, str(event.get("type", "")), event, len(raw)))
        if cut == "half":
            self._half(raw)
        else:
            self._record.add("out", self.session.number, event, len(raw))
            with suppress(ConnectionClosed):  # the reader ends the session, once it has recorded what did arrive
                await self._connection.send(raw)
        self._cut(cut)

    def _half(self, raw: str | bytes) -> None:
        data = raw.encode() if isinstance(raw, str) else raw
        whole = Frame(Opcode.TEXT, data).serialize(mask=False)
        self._connection.transport.write(whole[: len(whole) // 2])

    def _cut(self, cut: Cut | None) -> None:
        if cut == "freeze":
            self._faults.freeze()
        elif cut is not None:
            self.drop(reset=False)


def parsed(raw: str | bytes) -> Event | None:
    """The event, if it is one."""
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
