"""A device's real link, with a device behind it that does little, and a person's socket at the other end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from edge.config import Relay as Section
from edge.errors import UsageError
from edge.host.identity import Identity
from edge.host.link import Device, Link
from edge.host.link_home import Home
from edge.ports import Fields
from edge.relay.doors import Who
from tests.relay.rig import Relay
from tests.waiting import wait_until

Json = dict[str, Any]


class Box:
    """A device: what it was told to do, what it said aloud, and its link."""

    def __init__(self, folder: Path, url: str, name: str = "Kitchen", **section: Any) -> None:
        self.home = Home(folder, url)
        self.done: list[tuple[str, object]] = []
        self.said: list[str] = []
        self.tokens = 0
        self.answers: dict[str, Callable[[object], Fields]] = {}
        device = Device(name, self._do, lambda: -33.0, lambda: {"state": "idle", "muted": False}, self.said.append,
                        self._token)  # fmt: skip
        self.link = Link(Section(url, **section), self.home, device)

    @property
    def id(self) -> str:
        identity = self.home.identity()
        assert isinstance(identity, Identity)
        return identity.id

    @property
    def standing(self) -> str:
        return str(self.link.stats()["standing"])

    @property
    def problem(self) -> str:
        return str(self.link.stats()["problem"])

    def _token(self) -> None:
        self.tokens += 1

    def _do(self, name: str, argument: object) -> Fields:
        self.done.append((name, argument))
        if name == "status":
            return {"state": "idle", "muted": False, "version": "0"}
        if name == "volume" and not isinstance(argument, int):
            raise UsageError("The volume is a number.")
        return self.answers[name](argument) if name in self.answers else {}

    async def until(self, standing: str, limit: float = 15.0) -> None:
        await wait_until(lambda: self.standing == standing, limit)


@asynccontextmanager
async def box(folder: Path, url: str, **more: Any) -> AsyncIterator[Box]:
    found = Box(folder, url, **more)
    found.link.open()
    try:
        yield found
    finally:
        await found.link.close()


async def later(work: Callable[..., Any], *given: Any) -> Any:
    """Something of the test's own thread, beside the device's loop."""
    return await asyncio.get_running_loop().run_in_executor(None, work, *given)


async def enrolled(relay: Relay, device: Box, owner: Who) -> None:
    """By a code of the relay's owner, as `edge-voice enrol` does it."""
    answer = await later(lambda: relay.visitor(owner).post("/api/enrolments"))
    assert answer.status_code == 201, answer.text
    device.link.enrol({"relay": device.home.url, "code": answer.json()["code"]})
    await device.until("online")


class Viewer:
    """A page's socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Json] = []
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Json]] = {}

    async def read(self) -> None:
        async for text in self.socket:
            message = json.loads(text)
            if "event" in message:
                self.events.append(message)
            elif (waiting := self._waiting.get(message["id"])) is not None:
                waiting.set_result(message)

    async def do(self, command: str, argument: object = None) -> Json:
        self._number += 1
        waiting = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"v": 1, "id": self._number, "command": command, "argument": argument}))
        return await asyncio.wait_for(waiting, 10)

    def of(self, name: str) -> list[Json]:
        return [one for one in self.events if one["event"] == name]

    async def until(self, name: str, count: int = 1) -> Json:
        await wait_until(lambda: len(self.of(name)) >= count)
        return self.of(name)[count - 1]


@asynccontextmanager
async def viewer(relay: Relay, who: Who, device: str) -> AsyncIterator[Viewer]:
    headers = await later(relay.socket_headers, who)
    origin = Origin(headers.pop("Origin"))
    async with connect(f"{relay.ws}/api/devices/{device}/live", additional_headers=headers, origin=origin) as socket:
        found = Viewer(socket)
        reading = asyncio.ensure_future(found.read())
        try:
            yield found
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
