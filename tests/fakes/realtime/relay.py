"""A relay between a Realtime client and a server, which can be cut: for a client that is to see a restart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException

Note = Callable[[str], None]
Socket = ClientConnection | ServerConnection


class Relay:
    """Passes frames on; keeps those that the client sent, and the errors that came back."""

    def __init__(self, url: str) -> None:
        self.sent: list[str] = []
        self.errors: list[str] = []
        self.sessions = self._port = 0
        self._far, self._lines = url.partition("?")[0], set[ServerConnection]()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self._port}/v1/realtime"

    async def open(self) -> None:
        """Listen, always on the same port."""
        self._server = await serve(self._line, "127.0.0.1", self._port, max_size=None, compression=None)
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def restart(self, away_s: float) -> None:
        """Be gone with all lines, and back after so long."""
        for line in self._lines:
            line.transport.abort()
        assert self._server is not None
        self._server.close()
        await asyncio.sleep(away_s)
        await self.open()

    async def _line(self, line: ServerConnection) -> None:
        assert line.request is not None
        self._lines.add(line)
        url = f"{self._far}?{line.request.path.partition('?')[2]}"
        key = {name: value for name, value in line.request.headers.items() if name.lower() == "authorization"}
        try:
            async with connect(url, additional_headers=key, max_size=None) as far:
                self.sessions += 1
                ways = [self._pass(line, far, self.sent.append), self._pass(far, line, self._note_error)]
                tasks = [asyncio.ensure_future(way) for way in ways]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
        except (OSError, WebSocketException) as error:
            await line.close(1011, str(error)[:100])
        self._lines.discard(line)

    async def _pass(self, one: Socket, other: Socket, note: Note) -> None:
        with suppress(ConnectionClosed):
            async for frame in one:
                note(frame if isinstance(frame, str) else frame.decode())
                await other.send(frame)
        await other.close()

    def _note_error(self, frame: str) -> None:
        event = json.loads(frame)
        if event["type"] == "error":
            self.errors.append(str(event["error"].get("message")))
