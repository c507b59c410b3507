"""A slow way to the fake server: so many bytes a second in each direction, and next to no buffers."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

TICK_S = 0.01
BUFFER = 4096


@asynccontextmanager
async def slow_way(url: str, up: float = math.inf, down: float = math.inf) -> AsyncIterator[str]:
    """The URL by which the server is reached through it."""
    port = int(url.split(":")[2].split("/", maxsplit=1)[0])
    links: set[asyncio.Task[None]] = set()

    async def link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        links.add(task := asyncio.current_task())  # type: ignore[arg-type]
        there, back = await asyncio.open_connection("127.0.0.1", port, limit=BUFFER)
        try:
            await asyncio.gather(_pump(reader, back, up), _pump(there, writer, down))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            links.discard(task)
            for end in (writer, back):
                end.transport.abort()

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)  # those that it accepts inherit it
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    server = await asyncio.start_server(link, sock=listener, limit=BUFFER)
    try:
        yield url.replace(f":{port}/", f":{listener.getsockname()[1]}/")
    finally:
        server.close()
        for task in [*links]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float) -> None:
    """Ends by an error, so that the other direction ends, too."""
    writer.transport.set_write_buffer_limits(BUFFER)
    block = 1 << 16 if rate == math.inf else max(1, round(rate * TICK_S))
    while data := await reader.read(block):
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(len(data) / rate)
    raise ConnectionAbortedError("one side has gone")
