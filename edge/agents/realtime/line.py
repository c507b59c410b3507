"""One session's socket: opened, made ours, minded while it lasts."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidURI

from edge import __version__
from edge.agents.realtime import events as ev
from edge.agents.realtime.commands import Command
from edge.agents.realtime.dialling import Ending
from edge.agents.realtime.greeting import introduce
from edge.agents.realtime.reading import Json, clean
from edge.agents.realtime.refusal import Refused, refusal
from edge.agents.realtime.wire import MOST_FRAME, WireError, decode, encode

OPEN_S = 10.0  # until the session is ours to use; a healthy one takes a round trip after the handshake
PING_S, QUIET_PING_S = 4.0, 20.0  # while talking, and at rest
PONG_S = 4.0  # with PING_S: a half-open socket is found within 8 s of talking
PROBE_S = 2.0  # the same when a turn begins on a line that was at rest: found before the sentence ends
CLOSE_S = 0.3
MOST_WAITING = 2000  # frames for a socket that does not take them: 40 s of audio; then it is a dead one
UNSENT_BYTES = 64 << 10  # kept by the kernel (twice that, by its own count): the rest waits where we see it move
RENEW_S = 3000.0  # sessions end after 60 minutes; a conversation may go on for ten more before one is cut
EXPIRES_EARLY_S, LEAST_RENEW_S = 120.0, 300.0
MOST_REASON = 200
VENDORS = (".openai.com", ".openai.azure.com")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the sessions are: the full WebSocket URL, model included, and the headers that open it.

    `bearer` gives a token that changes, "" while there is none.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    bearer: Callable[[], str] | None = field(default=None, repr=False)

    def opening(self) -> dict[str, str]:
        """The headers now; raises Refused while there is no token."""
        if self.bearer is None:
            return dict(self.headers)
        token = self.bearer()
        if not token:
            raise Refused("The relay has not let this device in: see edge-voice status.", retryable=True, local=True)
        return {**self.headers, "Authorization": f"Bearer {token}"}

    @property
    def foreign(self) -> bool:
        """Whether it is not the vendor's own service, which does all that the protocol says."""
        return not (urlsplit(self.url).hostname or "").endswith(VENDORS)


class Line:
    """`await Line.open(...)`, then `talk` until it is over; `send` at any time in between."""

    def __init__(self, socket: ClientConnection, renew_in_s: float) -> None:
        self._socket = socket
        self._frames: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._clock = asyncio.get_running_loop().time
        self._renew_at = self._clock() + renew_in_s
        self._moved_at = self._clock()
        self._nudge = asyncio.Event()
        self._ending = Ending.LOST
        self._unread = 0

    @classmethod
    async def open(cls, address: Address, session: Json) -> Line:
        """A session that is ours to use; raises Refused."""
        try:
            async with asyncio.timeout(OPEN_S):
                socket = await _handshake(address)
                try:
                    return cls(socket, _good_for(await introduce(socket, session, foreign=address.foreign)))
                except BaseException:
                    socket.transport.abort()
                    raise
        except TimeoutError:
            raise Refused(f"The voice service did not answer within {OPEN_S:.0f} s.", retryable=True) from None
        except ConnectionClosed as closed:
            said = _said(closed.rcvd.reason if closed.rcvd else "")
            raise Refused(f"The voice service hung up{said}.", retryable=True) from None
        except WireError as error:
            raise Refused(f"The voice service does not speak the Realtime protocol: {error}.", retryable=True) from None

    async def talk(
        self, receive: Callable[[ev.ServerEvent], None], idle: Callable[[], bool], rest_after_s: float | None
    ) -> Ending:
        """Until the session is over, or `idle` for long enough to let it go."""
        tasks = [asyncio.ensure_future(self._send_on()), asyncio.ensure_future(self._mind(idle, rest_after_s))]
        for task in tasks:  # neither ends before the line does
            task.add_done_callback(lambda _: self._socket.transport.abort())
        try:
            async for frame in self._socket:
                self._moved_at = self._clock()
                self._take(frame, receive)
        except ConnectionClosed:
            pass
        finally:
            for task in tasks:
                task.cancel()
            self._socket.transport.abort()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return self._ending

    def send(self, command: Command) -> None:
        """Queue a command. A line that takes nothing is given up: the turn is kept for the next one."""
        try:
            self._frames.put_nowait(encode(command))
        except asyncio.QueueFull:
            self.hang_up()

    def look(self) -> None:
        """Somebody begins to talk: find out now whether the line is alive."""
        self._nudge.set()

    def hang_up(self, ending: Ending = Ending.LOST) -> None:
        """End it at once."""
        self._ending = ending
        self._socket.transport.abort()

    @property
    def reason(self) -> str:
        """What the server said when it hung up."""
        return _said(self._socket.close_reason or "")

    def _take(self, frame: str | bytes, receive: Callable[[ev.ServerEvent], None]) -> None:
        """One frame that cannot be read is no reason to lose the others."""
        try:
            event = decode(frame)
        except WireError as wrong:
            self._unread += 1
            if self._unread == 1:
                _log.warning("realtime_unreadable %s", wrong)
            return
        if isinstance(event, ev.ErrorHappened) and event.error.ends_session:  # no failure of the turn: it is kept
            self.hang_up()
        else:
            receive(event)

    async def _send_on(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._socket.send(await self._frames.get())
                if not self._frames.empty():  # a kept turn on its way over a slow line: that, too, is a sign of life
                    self._moved_at = self._clock()

    async def _mind(self, idle: Callable[[], bool], rest_after_s: float | None) -> None:
        """Ping: often while somebody talks, seldom at rest; let go of a session that is old, or of no use."""
        busy_at = pinged_at = self._clock()
        while True:
            nudged = await self._nudged(PING_S)
            now, at_rest = self._clock(), idle()
            busy_at = busy_at if at_rest else now
            if at_rest and now >= self._renew_at:
                await self._let_go(Ending.RENEWED)
            elif at_rest and rest_after_s is not None and now - busy_at >= rest_after_s:
                await self._let_go(Ending.RESTED)
            elif nudged or not at_rest or now - pinged_at >= QUIET_PING_S:
                pinged_at = now
                await self._ping(PROBE_S if nudged else PONG_S)

    async def _nudged(self, within: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._nudge.wait()
        nudged = self._nudge.is_set()
        self._nudge.clear()
        return nudged

    async def _ping(self, within: float) -> None:
        """A pong comes behind all that is on its way in both directions: while that moves, the line is alive."""
        self._moved_at = self._clock()
        pong = asyncio.ensure_future(self._pong())
        try:
            while not pong.done() and self._clock() - self._moved_at < within:
                await asyncio.wait({pong}, timeout=self._moved_at + within - self._clock())
            if not pong.done():
                self.hang_up()
        finally:
            pong.cancel()

    async def _pong(self) -> None:
        with suppress(ConnectionClosed):
            await (await self._socket.ping())

    async def _let_go(self, ending: Ending) -> None:
        self._ending = ending
        await self._socket.close()


class _Connect(connect):
    """Follows no redirect: it would lead to a login page, or the key to somebody else."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def _handshake(address: Address) -> ClientConnection:
    try:
        connection = await _Connect(
            address.url,
            additional_headers=address.opening(),
            user_agent_header=f"edge-voice/{__version__}",
            max_size=MOST_FRAME,
            compression=None,
            open_timeout=None,
            ping_interval=None,
            close_timeout=CLOSE_S,
        )
    except TimeoutError:
        raise
    except (InvalidHandshake, InvalidURI, InvalidProxy, OSError, ValueError, OverflowError, ImportError) as error:
        raise refusal(error) from None
    connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_BYTES)
    return connection


def _good_for(expires_at: int) -> float:
    """For how long a session is to be used (s)."""
    left = expires_at - time.time() - EXPIRES_EARLY_S if expires_at else RENEW_S
    return min(RENEW_S, left) if left > LEAST_RENEW_S else RENEW_S  # else one of the two clocks is wrong


def _said(reason: str) -> str:
    words = " ".join(clean(reason).split())[:MOST_REASON].rstrip(".")
    return f": {words}" if words else ""
