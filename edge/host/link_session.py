"""One connection to the relay: proven, then messages both ways until it is over."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidURI

from edge import __version__
from edge.errors import EdgeVoiceError
from edge.host.identity import Identity
from edge.host.link_refusal import Refused, by_code, refusal
from edge.host.link_wire import TOO_LATE_S, Address, Ages, Hello, Terms, Wish, introduction, signed_text
from edge.ports import Fields

OPEN_S = 10.0  # of the handshake and the proof; a healthy one takes two round trips
CODE_S = 660.0  # that a person has for typing the code, and a minute
PING_S, PONG_S = 20.0, 20.0  # a link that is gone is found in 40 s at rest
PROBE_S = 3.0  # the same when somebody presses, or the network has changed
CLOSE_S = 0.3
MOST_BYTES = 64 * 1024
MOST_WAITING = 256  # messages for a relay that does not take them; then the link is a dead one
LEVEL_S = 0.2

Json = dict[str, Any]
Do = Callable[[str, object], Fields]


@dataclass(frozen=True, slots=True)
class Outside:
    """The device, as the link sees it. `shown` gets the code that a person is to type."""

    do: Do
    level: Callable[[], float]
    shown: Callable[[str], None]
    token: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Who:
    """The device, on one link."""

    identity: Identity
    name: str
    outside: Outside


@dataclass(slots=True)
class Session:
    """`await Session.open(...)`, then `run` until it is over; `tell` at any time in between."""

    socket: ClientConnection
    terms: Terms
    outside: Outside
    device: str
    ages: Ages
    dropped: int = 0
    left: bool = False
    began: float = field(default_factory=time.monotonic)
    _out: deque[str] = field(default_factory=deque)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _probing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, at: Address, who: Who, wish: Wish, terms: Terms) -> Session:
        """A link that the relay has welcomed. Raises Refused."""
        try:
            async with asyncio.timeout(OPEN_S):
                socket = await _dialled(at)
        except TimeoutError:
            raise Refused("The relay does not answer.") from None
        try:
            return await cls._introduced(socket, at, who, wish, terms)
        except ConnectionClosed as closed:
            raise _closed(closed) from None
        except TimeoutError:
            raise Refused("The relay does not answer.") from None
        except BaseException:
            socket.transport.abort()
            raise

    @classmethod
    async def _introduced(cls, socket: ClientConnection, at: Address, who: Who, wish: Wish, terms: Terms) -> Session:
        identity, outside = who.identity, who.outside
        async with asyncio.timeout(OPEN_S):
            challenge = await _next(socket)
            signature = identity.sign(signed_text(at.host, str(challenge.get("nonce", ""))))
            await socket.send(json.dumps(introduction(wish, identity, signature, who.name, __version__)))
            answer = await _next(socket)
        if answer.get("type") == "code":
            outside.shown(str(answer.get("code", ""))[:20])
            async with asyncio.timeout(CODE_S):
                answer = await _next(socket)
        if answer.get("type") != "welcome":
            raise Refused("What answers is no relay of this kind: look at relay.url.", least_s=60)
        session = cls(socket, terms, outside, identity.id, Ages(time.monotonic()))
        session._take(answer)
        return session

    async def run(self, first: Fields) -> int | None:
        """Until it is over; `first` is told at once. The close code: None when it has just gone. Raises Refused."""
        self.tell("state", first)
        tasks = [asyncio.ensure_future(self._send_on()), asyncio.ensure_future(self._send_levels())]
        try:
            async for text in self.socket:
                self._take(_parsed(text))
        except ConnectionClosed:
            pass
        finally:
            for task in (*tasks, *filter(None, [self._probing])):
                task.cancel()
            self.socket.transport.abort()
            await asyncio.gather(*tasks, return_exceptions=True)
        code, reason = self.socket.close_code, self.socket.close_reason or ""
        if (refused := by_code(code, reason)) is not None:
            raise refused
        return code

    def tell(self, event: str, fields: Fields) -> None:
        """Something has happened on the device."""
        message = self.terms.told(event, fields)
        if message is not None:
            self._send(message)

    def probe(self) -> None:
        """Find out now whether the line is alive."""
        if self._probing is None or self._probing.done():
            self._probing = asyncio.ensure_future(self._probe())

    async def leave(self) -> bool:
        """Have the relay forget this device; whether it has said so."""
        self._send({"type": "leave"})
        with suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(PROBE_S):
                await self.socket.wait_closed()
        return self.left

    def hang_up(self) -> None:
        """At once."""
        self.socket.transport.abort()

    async def close(self) -> None:
        """Politely, within CLOSE_S."""
        with suppress(Exception):
            await self.socket.close()

    # --- from the relay -----------------------------------------------------------------------------------

    def _take(self, message: Json) -> None:
        match message.get("type"):
            case "welcome" | "token":
                self.ages.late(message.get("t"), time.monotonic())
                self.outside.token(str(message.get("token", "")))
                self.terms.allowed = bool(message.get("transcripts", self.terms.allowed))
                self.terms.watched = bool(message.get("watched", self.terms.watched))
            case "watched":
                self.terms.watched = message.get("on") is True
            case "settings":
                self.terms.allowed = message.get("transcripts") is True
            case "left":
                self.left = True
            case None if isinstance(message.get("command"), str):
                self._send(self._done(message))

    def _done(self, message: Json) -> Fields:
        answer: Fields = {"v": 1, "id": message.get("id"), "ok": False}
        command = message["command"]
        if self.ages.late(message.get("t"), time.monotonic()) > TOO_LATE_S:
            return {**answer, "error": "The command came too late, and was not carried out."}
        if refused := self.terms.refused(command):
            return {**answer, "error": refused}
        try:
            return {**answer, "ok": True, "result": self.outside.do(command, message.get("argument"))}
        except EdgeVoiceError as error:
            return {**answer, "error": str(error)}

    # --- to the relay -------------------------------------------------------------------------------------

    def _send(self, message: Fields, *, droppable: bool = False) -> None:
        if droppable and len(self._out) > MOST_WAITING / 4:
            self.dropped += 1
        elif len(self._out) >= MOST_WAITING:
            self.hang_up()
        else:
            self._out.append(json.dumps(message, default=str))
            self._more.set()

    async def _send_on(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._more.wait()
                self._more.clear()
                while self._out:
                    await self.socket.send(self._out.popleft())

    async def _send_levels(self) -> None:
        while True:
            await asyncio.sleep(LEVEL_S)
            if self.terms.levels:
                self._send({"v": 1, "event": "level", "db": round(self.outside.level(), 1)}, droppable=True)

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(PROBE_S):
                await (await self.socket.ping())
        except TimeoutError:
            self.hang_up()
        except ConnectionClosed:
            pass


class _Connect(connect):
    """Follows no redirect: it would lead to a login page."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def _dialled(at: Address) -> ClientConnection:
    try:
        return await _Connect(
            at.url, user_agent_header=f"edge-voice/{__version__}", max_size=MOST_BYTES, compression=None,
            open_timeout=None, ping_interval=PING_S, ping_timeout=PONG_S, close_timeout=CLOSE_S,
        )  # fmt: skip
    except TimeoutError:
        raise
    except (InvalidHandshake, InvalidURI, InvalidProxy, OSError, ValueError, OverflowError, ImportError) as error:
        raise refusal(error) from None


async def _next(socket: ClientConnection) -> Json:
    return _parsed(await socket.recv())


def _parsed(text: str | bytes) -> Json:
    """{} for what is no object: a newer relay may say things that this device does not know."""
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    return {}


def _closed(closed: ConnectionClosed) -> Refused:
    code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (None, "")
    return by_code(code, reason) or Refused("The relay has hung up.")


HELLO = Hello()
