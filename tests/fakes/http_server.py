"""A small HTTP/1.1 server on 127.0.0.1, for fakes that must be able to break the protocol at any byte.

WebSocket handshakes go through to another server, on the same connection; freezing stops them, too.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass
class Exchange:
    """One request and its answer."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter
    log: list[str] = field(default_factory=list)  # "begin", "chunk", "end"; "gone" when the client hung up
    status: int = 0

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    async def reply(self, status: int, body: bytes | str | dict[str, Any], headers: dict[str, str] | None = None):
        """All at once."""
        kind = "application/json" if isinstance(body, dict) else "text/html"
        data = json.dumps(body) if isinstance(body, dict) else body
        raw = data.encode() if isinstance(data, str) else data
        await self._head(status, {"content-type": kind, "content-length": str(len(raw)), **(headers or {})})
        self.writer.write(b"" if self.method == "HEAD" else raw)
        await self.writer.drain()
        self.log.append("end")

    async def begin(self, kind: str) -> None:
        """200, and then in chunks."""
        await self._head(200, {"content-type": kind, "transfer-encoding": "chunked"})

    async def chunk(self, data: bytes) -> None:
        """A piece of the answer."""
        self.log.append("chunk")
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def end(self) -> None:
        """Complete."""
        self.log.append("end")
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    def abort(self) -> None:
        """Break off."""
        self.writer.transport.abort()

    async def _head(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.log.append("begin")
        lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in headers.items())]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self.writer.drain()


class HttpServer:
    """`answer` is called for each request; a handshake is passed to `socket_port`."""

    socket_port = 0

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.accepted = self.open = 0  # connections: all of them, and now
        self.bugs: list[BaseException] = []
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    async def answer(self, exchange: Exchange) -> None:
        """The fake's own."""
        raise NotImplementedError

    async def greet(self) -> None:
        """Called before a request is read."""

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.thawed.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert kind is not None or not self.bugs, self.bugs

    def freeze(self) -> None:
        """Half-open: nothing is read or written any more."""
        self.thawed.clear()

    # --- a connection ---------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        self.open += 1
        try:
            await self.greet()
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception as error:  # noqa: BLE001  a bug of the fake: told when the test ends
            self.bugs.append(error)
        finally:
            self._tasks.discard(task)
            self.open -= 1
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        raw = await reader.readuntil(b"\r\n\r\n")
        first, *lines = raw.decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, target, _ = first.split(" ")
        if headers.get("upgrade", "").lower() == "websocket":
            await self._pass_through(raw, reader, writer)
            return False
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        exchange = Exchange(method, target, headers, body, writer)
        self.exchanges.append(exchange)
        await self._answered(exchange, reader)
        return not writer.is_closing()

    async def _answered(self, exchange: Exchange, reader: asyncio.StreamReader) -> None:
        """Answer, and see whether the client waits for it."""
        answering = asyncio.ensure_future(self.answer(exchange))
        gone = asyncio.ensure_future(_gone(reader))
        try:
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                exchange.log.append("gone")
                exchange.abort()
                return
            await answering
        except ConnectionError:
            exchange.log.append("gone")
        finally:
            for task in (answering, gone):
                task.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)

    async def _pass_through(self, raw: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", self.socket_port)
        inner.write(raw)
        ways = [
            asyncio.ensure_future(self._pump(reader, inner)),
            asyncio.ensure_future(self._pump(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            with suppress(ConnectionError):
                await writer.drain()
            inner.transport.abort()
            writer.close()
            await asyncio.sleep(0)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self.thawed.wait()
                writer.write(data)
                await writer.drain()


async def _gone(reader: asyncio.StreamReader) -> None:
    """Until the client has closed its side."""
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110  a stream tells only whoever reads it
        await asyncio.sleep(0.002)
