"""A simulated device behind its real control socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, unix_connect

from edge.commands import Commands
from edge.config import show
from edge.host.control import ControlServer
from edge.testing import Reply, ScriptedAgent, SimulatedDevice


class Client:
    """A raw client that numbers its requests."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._number = 0

    async def raw(self, data: str | bytes) -> dict[str, Any]:
        await self.connection.send(data)
        answer = json.loads(await self.connection.recv())
        assert isinstance(answer, dict)
        return answer

    async def do(self, command: object, argument: object = None) -> dict[str, Any]:
        self._number += 1
        answer = await self.raw(json.dumps({"v": 1, "id": self._number, "command": command, "argument": argument}))
        assert (answer["v"], answer["id"]) == (1, self._number)
        return answer

    async def event(self, name: str) -> dict[str, Any]:
        """The next event of this name."""
        while True:
            message = json.loads(await self.connection.recv())
            if message.get("event") == name:
                return dict(message)


class Served:
    def __init__(self, path: Path, device: SimulatedDevice) -> None:
        self.path, self.device = path, device
        self.commands = Commands(device.daemon, lambda: show(device.config))
        self.server = ControlServer(path, self.commands.do, lambda: -42.0)
        device.daemon.ports.watchers += [self.commands, self.server]

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with unix_connect(str(self.path), uri="ws://localhost/", compression=None) as connection:
            yield Client(connection)


@asynccontextmanager
async def served(path: Path, replies: list[Reply] | None = None) -> AsyncIterator[Served]:
    async with SimulatedDevice(ScriptedAgent(replies or [])) as device:
        setup = Served(path, device)
        await setup.server.open()
        try:
            yield setup
        finally:
            await setup.server.close()
