"""WS /api/devices/{device}/live: somebody sees a device, and may command it if it is theirs.

<- {"v": 1, "event": "presence", "online"}, {"v": 1, "event": "status", ...}, then what the device tells
-> {"v": 1, "id", "command", "argument"}    <- {"v": 1, "id", "ok", "result" | "error"}
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import deque
from contextlib import AsyncExitStack, suppress

from starlette.websockets import WebSocket

from edge.relay.bus.port import Json
from edge.relay.devices import registry
from edge.relay.devices.hub import Hub
from edge.relay.devices.link import REVOKED, TOO_BIG, VERSION, parsed
from edge.relay.doors import Role, Who, allowed
from edge.relay.refused import Refused

MOST_WAITING = 256  # messages that a viewer may be behind; when a quarter is full, levels are dropped
MOST_BYTES = 16 * 1024  # of a command; the longest text has 4,000 characters
MOST_AT_ONCE = 8  # commands
RATE = (5.0, 30.0)  # commands a second, and at once: a volume's slider
MOST_OF_ONE, MOST_OF_DEVICE = 16, 64  # sockets
LOOK_S = 0.8  # between looks whether the viewer still may
SLOW, AWAY = 4408, 1012
LOOKING = frozenset({"status", "timers"})  # commands of a viewer
OWNERS = LOOKING | {
    "press", "hold", "release", "mute", "unmute", "forget", "say", "ask", "volume", "settings", "restart"
}  # fmt: skip


class Viewer:
    """One socket. `show` and `end` return at once."""

    def __init__(self, hub: Hub, socket: WebSocket, who: Who, device: str) -> None:
        self._hub, self._socket, self._who, self._device = hub, socket, who, device
        self._out: deque[str] = deque()
        self._more = asyncio.Event()
        self._ending: tuple[int, str] | None = None
        self._commands: set[asyncio.Task[None]] = set()
        self._dropped = hub.house.metrics.counter("viewer_dropped_total", "messages that a viewer was too slow for")

    def show(self, text: str, *, droppable: bool = False) -> None:
        """Queue a message. Whoever does not keep up loses levels at first, then the socket."""
        if self._ending is not None:
            return
        if droppable and len(self._out) >= MOST_WAITING / 4:
            self._dropped.add(what="level")
        elif len(self._out) >= MOST_WAITING:
            self._dropped.add(what="viewer")
            self.end(SLOW, "too slow")
        else:
            self._out.append(text)
            self._more.set()

    def end(self, code: int, reason: str) -> None:
        """Close it, without what still waits."""
        if self._ending is None:
            self._ending = (code, reason)
            self._out.clear()
            self._more.set()

    async def run(self) -> None:
        """Until either side has had enough."""
        self._hub.watch(self._device, self)
        tasks = [asyncio.ensure_future(one()) for one in (self._write, self._read, self._mind, self._greet)]
        try:
            await asyncio.wait(tasks[:3], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.unwatch(self._device, self)
            for task in (*tasks, *self._commands):
                task.cancel()
            await asyncio.gather(*tasks, *self._commands, return_exceptions=True)
        with suppress(Exception):  # it may have gone
            await self._socket.close(*(self._ending or (1000, "")))

    async def _write(self) -> None:
        while self._ending is None:
            await self._more.wait()
            self._more.clear()
            while self._out:
                await self._socket.send_text(self._out.popleft())

    async def _greet(self) -> None:
        """What the page shows at once."""
        online = self._device in await self._hub.house.bus.where([self._device])
        self._tell({"event": "presence", "online": online})
        if online:
            answer = await self._hub.command(self._device, "status", None)
            if answer.get("ok") and isinstance(answer.get("result"), dict):
                self._tell({**answer["result"], "event": "status"})

    async def _mind(self) -> None:
        """What somebody may see can be taken away while they look."""
        while not self._hub.house.leaving.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._hub.house.leaving.wait()
            if await self._role() is None:
                self.end(REVOKED, "This device is not yours to see any more.")
        self.end(AWAY, "restart")

    async def _role(self) -> Role | None:
        who = self._who

        def look(db: sqlite3.Connection) -> Role | None:
            there = allowed(db, who.kind, who.id, who.key)
            return registry.role(db, who.id, self._device) if there else None

        return await self._hub.house.store.run(look)

    async def _read(self) -> None:
        while self._ending is None:
            got = await self._socket.receive()
            if got["type"] != "websocket.receive":
                return
            given = got.get("text")
            if given is None or len(given) > MOST_BYTES:
                self.end(TOO_BIG, "too big")
                return
            await self._begin(parsed(given))

    async def _begin(self, message: Json | None) -> None:
        if message is None or not isinstance(message.get("command"), str):
            self._answer(None, {"ok": False, "error": "That is no command."})
            return
        wait = await self._hub.house.limits.take(f"command:{self._who.id}", *RATE)
        if wait > 0 or len(self._commands) >= MOST_AT_ONCE:
            self._answer(message.get("id"), {"ok": False, "error": "Too many commands. Please wait a moment."})
            return
        task = asyncio.ensure_future(self._carry_out(message))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _carry_out(self, message: Json) -> None:
        name, number = str(message["command"]), message.get("id")
        role = await self._role()
        if name not in OWNERS:
            answer: Json = {"ok": False, "error": f"There is no command {name[:40]!r} here."}
        elif role is not Role.OWNER and (role is None or name not in LOOKING):
            answer = {"ok": False, "error": "Only an owner of this device may do that."}
        else:
            if name not in LOOKING:
                self._hub.house.audit.note(self._who, "device_commanded", self._device, command=name)
            answer = await self._hub.command(self._device, name, message.get("argument"))
        self._answer(number, answer)

    def _answer(self, number: object, answer: Json) -> None:
        self._tell({"id": number if isinstance(number, int | str) else None, **answer})

    def _tell(self, message: Json) -> None:
        self.show(json.dumps({"v": VERSION, **message}))


class Live:
    """The route."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, socket: WebSocket) -> None:
        """One viewer."""
        house, device = self._hub.house, socket.path_params["device"]
        who = await house.doors.need(socket, device=device, role=Role.VIEWER)
        if house.leaving.is_set():
            raise Refused(503, "going_away", "The relay is restarting. Please try again.", wait_s=1)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(house.limits.hold(f"viewer:{who.id}", MOST_OF_ONE))
            await stack.enter_async_context(house.limits.hold(f"viewers-of:{device}", MOST_OF_DEVICE))
            await socket.accept()
            await Viewer(self._hub, socket, who, device).run()
