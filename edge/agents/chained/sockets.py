"""WebSockets to the services: opened within a limit, found dead by pings, ended in the background."""

from __future__ import annotations

import asyncio
import json
import logging
import socket as sockets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Generic, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, WebSocketException
from websockets.protocol import State

from edge import __version__
from edge.agents.chained import faults
from edge.core.chain import StageFailed

Json = dict[str, Any]
L = TypeVar("L", bound="Line")

OPEN_S = 5.0  # until a connection is there; a healthy one takes three round trips
PING_S, PONG_S = 4.0, 4.0  # a half-open connection is found within 8 s
CLOSE_S = 0.3  # for the closing handshake
KEEP_S = 10.0  # a connection that was opened for a turn, and not used, is let go: some are billed by open time
END_S = 0.8  # for all that is still being ended when the adapter is closed
MOST_FRAME = 16 << 20
UNSENT_BYTES = 64 << 10  # kept by the kernel: the rest waits where it can be cancelled

# Below debug, `websockets` logs every header it sends: the key would be among them.
_quiet = logging.getLogger(f"{__name__}.quiet")
_quiet.setLevel(logging.WARNING)


class Line:
    """One open connection. All that goes wrong with it is told as StageFailed."""

    def __init__(self, service: faults.Service, socket: ClientConnection) -> None:
        self._service, self._socket = service, socket

    @classmethod
    async def open(cls, service: faults.Service, url: str, headers: Mapping[str, str]) -> Self:
        """Connect; raises StageFailed, within OPEN_S."""
        try:
            async with asyncio.timeout(OPEN_S):
                socket = await _Connect(
                    url,
                    additional_headers=dict(headers),
                    user_agent_header=f"edge-voice/{__version__}",
                    max_size=MOST_FRAME,
                    compression=None,
                    open_timeout=None,
                    ping_interval=PING_S,
                    ping_timeout=PONG_S,
                    close_timeout=CLOSE_S,
                    logger=_quiet,
                )
        except (WebSocketException, OSError, ValueError, ImportError) as error:  # TimeoutError is an OSError
            raise faults.by_exception(service, error) from None
        socket.transport.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, UNSENT_BYTES)
        return cls(service, socket)

    @property
    def socket(self) -> ClientConnection:
        """For a vendor's client that makes and reads the frames itself."""
        return self._socket

    @property
    def alive(self) -> bool:
        """Whether it is open, as far as is known."""
        return self._socket.state is State.OPEN

    async def send(self, frame: bytes | Json) -> None:
        """A dict goes as JSON. Waits while the other side takes nothing."""
        try:
            await self._socket.send(frame if isinstance(frame, bytes) else json.dumps(frame))
        except ConnectionClosed as closed:
            raise faults.hung_up(self._service, closed) from None

    async def messages(self) -> AsyncGenerator[Json]:
        """JSON objects as they come, until the service has closed the connection properly."""
        try:
            async for frame in self._socket:
                yield self._read(frame)
        except ConnectionClosedError as closed:
            raise faults.hung_up(self._service, closed) from None

    @property
    def ending(self) -> tuple[int, str]:
        """How it was closed: the code and the reason; 1006 without a word."""
        return self._socket.close_code or 1006, self._socket.close_reason or ""

    def hang_up(self) -> None:
        """End it at once, without a word."""
        self._socket.transport.abort()

    async def close(self) -> None:
        """The closing handshake, for CLOSE_S at most."""
        try:
            await self._socket.close()
        finally:
            self._socket.transport.abort()

    def _read(self, frame: str | bytes) -> Json:
        try:
            body = json.loads(frame)
            if isinstance(frame, str) and "\\ud" in frame.lower():  # halves of pairs: no other program takes them
                whole = json.dumps(body, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
                body = json.loads(whole.decode("utf-16-le", "replace"))
        except (ValueError, RecursionError) as wrong:
            raise faults.unreadable(self._service, type(wrong).__name__) from None
        if not isinstance(body, dict):
            raise faults.unreadable(self._service, f"{type(body).__name__}, not an object")
        return body


class Lines(Generic[L]):
    """The connections of one adapter. `open_line` makes one, `end_line` says good-bye, neither for ever."""

    def __init__(
        self,
        open_line: Callable[[], Awaitable[L]],
        end_line: Callable[[L], Awaitable[None]] = Line.close,
        keep_s: float | None = None,
    ) -> None:
        self._open, self._end, self._keep_s = open_line, end_line, keep_s
        self._ahead: asyncio.Task[L] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def prepare(self) -> None:
        """Open one for the turn that has begun; it is let go if nobody takes it. Failing is silent."""
        if self._ahead is not None:
            line = _result(self._ahead)
            if not self._ahead.done() or (line is not None and line.alive):
                return
            self._drop_ahead()
        self._ahead = asyncio.create_task(self._opened())
        self._ahead.add_done_callback(_result)  # asyncio would complain of an exception that nobody looked at
        self._timer = asyncio.get_running_loop().call_later(self._keep_s or KEEP_S, self._drop_ahead)

    async def _opened(self) -> L:
        return await self._open()

    async def take(self) -> L:
        """The one that was prepared, or a new one; raises StageFailed. It goes back through `end`."""
        ahead, self._ahead = self._ahead, None
        self._stop_timer()
        if ahead is not None and ahead.done():
            line = _result(ahead)
            if line is not None and line.alive:
                return line
            if line is not None:
                self.end(line)
        elif ahead is not None:
            return await self._awaited(ahead)
        return await self._open()

    async def _awaited(self, ahead: asyncio.Task[L]) -> L:
        try:
            return await ahead  # cancelling the wait cancels the opening
        except asyncio.CancelledError:
            line = _result(ahead)
            if line is not None:  # it was there, and nobody got it
                self.end(line)
            raise

    def end(self, line: L) -> None:
        """Say good-bye in the background."""
        task = asyncio.ensure_future(self._ended(line))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _ended(self, line: L) -> None:
        try:
            with suppress(StageFailed, ConnectionClosed):
                await self._end(line)
        finally:
            await line.close()

    async def close(self) -> None:
        """Let all go, within a second. Idempotent; others may be opened afterwards."""
        self._drop_ahead()
        if self._ending:
            _, late = await asyncio.wait(self._ending, timeout=END_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _drop_ahead(self) -> None:
        self._stop_timer()
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return
        line = _result(ahead)
        if line is not None:
            self.end(line)
        ahead.cancel()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


def _result(task: asyncio.Task[L]) -> L | None:
    return task.result() if task.done() and not task.cancelled() and task.exception() is None else None


class _Connect(connect):
    """Follows no redirect: it would lead to a login page, or the key to somebody else."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc
