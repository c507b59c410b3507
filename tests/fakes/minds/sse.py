"""A language model's service as one sees it on the wire: HTTP/1.1, server-sent events, and what can go wrong.

What a vendor says and takes is in its own module; this one has the connections.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.waiting import wait_until

KEY = "sk-of-a-test-0123456789"
REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


@dataclass(frozen=True)
class Reply:
    """What the model answers, before the vendor's own shape: `calls` are names and arguments as it wrote them."""

    text: Sequence[str] = ("Hello", " there", ".")
    calls: Sequence[tuple[str, str]] = ()
    finish: str = "stop"  # or length, filter
    refusal: Sequence[str] = ()
    thought: str = ""
    usage: bool = True
    text_in: int = 120  # with what is cached
    cached: int = 0
    text_out: int = 7


Script = Sequence[Reply] | Callable[[dict[str, Any]], Reply]


@dataclass
class Faults:
    """What goes wrong, until it is set back. `after` counts the frames that still go out well."""

    status: int = 0
    problem: str = ""  # the vendor's name of it: quota, busy
    message: str = "Something is the matter."
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None  # in place of any answer
    silent: bool = False  # takes the request and says nothing
    after: int = 2
    kind: str = ""  # freeze, drop, end, malformed, told
    malformed: str = "{"
    drip: int = 0  # bytes at a time
    first_ms: float = 0
    token_ms: float = 0


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    connection: int
    number: int  # of the request
    sent: int = 0  # frames
    answered: bool = False  # to its end
    left: bool = False  # the client closed the connection before that


class Refused(Exception):
    """The vendor would not take this request."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class Service(ABC):
    """`async with` it; `url` is its base address."""

    path = ""  # behind the host, as the client is told

    def __init__(self, script: Script = ()) -> None:
        self.script: Script = script
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.warmed = 0
        self.refused: list[str] = []
        self.connections = 0
        self.open = 0
        self._replies = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    async def until(self, done: Callable[[], object], limit: float = 10.0) -> None:
        await wait_until(done, limit)

    # --- the vendor's part --------------------------------------------------------------------------

    @abstractmethod
    def check(self, asked: Asked) -> None:
        """Raise Refused for what the vendor would not take."""

    @abstractmethod
    def frames(self, asked: Asked, reply: Reply) -> Iterator[str]:
        """The events of the reply, each as it goes over the wire."""

    @abstractmethod
    def error(self, status: int, message: str, code: str) -> dict[str, Any]:
        """An error's body."""

    @abstractmethod
    def told(self, problem: str) -> str:
        """An error in the stream, as it goes over the wire."""

    # --- the wire -----------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        try:
            while (asked := await _request(reader, self.connections, len(self.asked))) is not None:
                await self._answer(asked, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asked.method == "HEAD":
            self.warmed += 1
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        self.asked.append(asked)
        answering = asyncio.ensure_future(self._reply(asked, writer))
        leaving = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            asked.left = not answering.done()
            if asked.left:
                raise ConnectionAbortedError("the client has gone")
            await answering
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _reply(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        faults = self.faults
        if faults.silent:
            await asyncio.Event().wait()
        if faults.raw is not None:
            writer.write(faults.raw)
            raise ConnectionAbortedError
        try:
            self.check(asked)
        except Refused as why:
            self.refused.append(why.message)
            await self._refuse(asked, why, writer)
        else:
            if faults.status:
                await self._refuse(asked, Refused(faults.status, faults.message, faults.problem), writer)
            else:
                await self._stream(asked, writer)

    async def _refuse(self, asked: Asked, why: Refused, writer: asyncio.StreamWriter) -> None:
        body = json.dumps(self.error(why.status, why.message, why.code)).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **self.faults.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {why.status} {REASONS.get(why.status, 'Trouble')}\r\n{lines}\r\n".encode() + body)
        await writer.drain()
        asked.answered = True

    async def _stream(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        await asyncio.sleep(self.faults.first_ms / 1000)
        for frame in self.frames(asked, self._next(asked.body)):
            if self.faults.kind and asked.sent >= self.faults.after:
                await self._fail(writer)
                return
            await self._send(writer, frame)
            asked.sent += 1
            await asyncio.sleep(self.faults.token_ms / 1000)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        asked.answered = True

    async def _fail(self, writer: asyncio.StreamWriter) -> None:
        match self.faults.kind:
            case "freeze":
                await asyncio.Event().wait()
            case "drop":
                writer.transport.abort()
                raise ConnectionAbortedError
            case "malformed":
                await self._send(writer, f"data: {self.faults.malformed}\n\n")
            case "told":
                await self._send(writer, self.told(self.faults.problem))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _send(self, writer: asyncio.StreamWriter, frame: str) -> None:
        data = frame.encode()
        step = self.faults.drip or len(data)
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            with suppress(ConnectionError):
                await writer.drain()
            if self.faults.drip:
                await asyncio.sleep(0.001)

    def _next(self, body: dict[str, Any]) -> Reply:
        if callable(self.script):
            return self.script(body)
        self._replies += 1
        return self.script[self._replies - 1] if self._replies <= len(self.script) else Reply()


async def _request(reader: asyncio.StreamReader, connection: int, number: int) -> Asked | None:
    """The next request of a connection; None when it has been closed."""
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    data = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, json.loads(data or b"{}"), connection, number)
