"""One device's link to this process: its messages in, commands out. Lean: there are thousands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket

from edge.relay.bus import Gone, NoAnswer
from edge.relay.bus.port import ANSWER_S, Json

VERSION = 1
MOST_BYTES = 64 * 1024  # of one message; a status has 3 kB
RATE, BURST = 60.0, 300.0  # messages a second in the long run, and at once; levels are 5 a second
MOST_WAITING = 64  # commands at a time
REPLACED, REVOKED, NOT_PROVEN, TOO_MANY, TOO_BIG, AGAIN_LATER = 4409, 4403, 4401, 4429, 1009, 1013


class Link:
    """`task` is the one that reads; `about` is what is shown of the device (version, state)."""

    __slots__ = (
        "_clock", "_full_at", "_number", "_socket", "_waiting", "about", "began", "device", "ended", "epoch", "name",
        "renew_at", "task", "transcripts", "watched",
    )  # fmt: skip

    def __init__(self, socket: WebSocket, device: str, name: str, clock: Callable[[], float]) -> None:
        self._socket, self.device, self.name, self._clock = socket, device, name, clock
        self.began = clock()
        self.epoch = 0
        self.about: Json = {}
        self.transcripts = False
        self.renew_at = 0.0
        self.task = asyncio.current_task()
        self.ended = self.watched = False
        self._full_at = 0.0
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Json]] | None = None

    @property
    def age(self) -> float:
        """Seconds since it began: by this the device can tell how old a message is."""
        return round(self._clock() - self.began, 3)

    async def send(self, message: Json) -> None:
        """To the device; raises Gone."""
        if self.ended:
            raise Gone("The device is offline.")
        try:
            await self._socket.send_text(json.dumps(message))
        except Exception:  # noqa: BLE001  what a server makes of a connection that has just gone
            raise Gone("The device is offline.") from None

    async def command(self, name: str, argument: object) -> Json:
        """What the device answers; raises Gone, NoAnswer. One that comes too late for it is not carried out."""
        waiting = self._waiting = self._waiting or {}
        if len(waiting) >= MOST_WAITING:
            raise NoAnswer("The device has too much to do.")
        self._number += 1
        number, answered = self._number, asyncio.get_running_loop().create_future()
        waiting[number] = answered
        message: Json = {"v": VERSION, "id": number, "command": name, "t": self.age}
        if argument is not None:
            message["argument"] = argument
        try:
            async with asyncio.timeout(ANSWER_S):
                await self.send(message)
                return dict(await answered)
        except TimeoutError:
            raise NoAnswer("The device has not answered.") from None
        finally:
            waiting.pop(number, None)
            if not waiting:
                self._waiting = None

    async def receive(self) -> Json | None:
        """The next message that is one; None at the end, after which it is closed."""
        while not self.ended:
            got = await self._socket.receive()
            if got["type"] != "websocket.receive":
                return None
            text = got.get("text")
            if text is None or len(text) > MOST_BYTES:
                await self.close(TOO_BIG, "too big")
            elif self._too_often():
                await self.close(TOO_MANY, "too many messages")
            elif (found := parsed(text)) is not None:
                return found
        return None

    def answered(self, message: Json) -> bool:
        """Whether it was an answer to a command."""
        number = message.get("id")
        waiting = (self._waiting or {}).get(number) if isinstance(number, int) else None
        if waiting is not None and not waiting.done():
            waiting.set_result({key: message[key] for key in ("ok", "result", "error") if key in message})
        return number is not None

    async def close(self, code: int, reason: str) -> None:
        """From here on nothing is taken from it or given to it. Idempotent."""
        if self.ended:
            return
        self.end()
        with suppress(Exception):  # it may have gone itself
            async with asyncio.timeout(0.5):
                await self._socket.close(code, reason)
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()

    def end(self) -> None:
        """It is over: commands that wait fail."""
        self.ended = True
        for waiting in (self._waiting or {}).values():
            if not waiting.done():
                waiting.set_exception(Gone("The device has gone."))

    def _too_often(self) -> bool:
        now = self._clock()
        self._full_at = max(self._full_at, now) + 1 / RATE
        return self._full_at - now > BURST / RATE


def parsed(text: str) -> Json | None:
    """An object of JSON; None for what is none."""
    with suppress(ValueError, RecursionError):
        found: Any = json.loads(text)
        return found if isinstance(found, dict) else None
    return None
