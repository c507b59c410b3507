"""Tools of MCP servers that the device calls itself, through the official SDK.

The SDK (extra `mcp`) is imported only when a server is configured, and beside the loop: it takes most of a second. A
server that is not there, hangs or dies costs neither the start nor a turn: its tools then say so. What was listed last
is kept, so that the next start need not wait for the list. Names, descriptions and results are others' words: they are
bounded, and results are shown to a model as data (see Tool.foreign).
"""

from __future__ import annotations

import asyncio
import http
import json
import logging
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from edge.core.retry import Backoff
from edge.tools.registry import Arguments, Registry, Result, Tool

if TYPE_CHECKING:
    from httpx2 import Response
    from mcp.client.client import Client

    from edge.config import Mcp

START_S = 3.0  # for the first list of tools, where none is kept
CONNECT_S = 10.0
PING_EVERY_S, PING_S = 30.0, 5.0
CEILING_S = 60.0  # between two tries
MOST_TOOLS = 40  # of one server: each is described to the model in every session
MOST_PAGES = 10
MOST_DESCRIPTION, MOST_SCHEMA = 500, 4000  # characters
LONGEST_NAME = 64  # what vendors take
ALL = "all"
DENIED = frozenset({401, 403})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """One of [mcp.NAME]: a `command` to start, or a `url`. `confirm`: tools that ask for a spoken yes, or "all"."""

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    token: str = field(default="", repr=False)
    allowed: tuple[str, ...] = ()
    confirm: tuple[str, ...] = ()
    limit_s: float = 8.0


class Servers:
    """All of them. `open` puts their tools into the registry, and waits for those that nobody knows yet."""

    def __init__(self, servers: Sequence[Server], registry: Registry, shelf: Path | None = None) -> None:
        self._lines = [_Line(server, registry, shelf) for server in servers]

    async def open(self) -> None:
        """Raises nothing."""
        for line in self._lines:
            line.open()
        unknown = [line.tried.wait() for line in self._lines if not line.known]
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                await asyncio.gather(*unknown)

    async def close(self) -> None:
        """Idempotent."""
        await asyncio.gather(*(line.close() for line in self._lines))

    def stats(self) -> dict[str, object]:
        """Of each server: whether it answers, how many tools it has, and what is wrong."""
        return {line.server.name: line.stats() for line in self._lines}


class _Line:
    """The connection to one server, made again whenever it ends."""

    def __init__(self, server: Server, registry: Registry, shelf: Path | None) -> None:
        self.server, self._registry = server, registry
        self._kept = shelf / f"mcp-{server.name}.json" if shelf is not None else None
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._backoff = Backoff(1.0, CEILING_S)
        self.tried = asyncio.Event()  # it has answered, or failed, once
        self.problem, self._count, self._status = "", 0, 0
        self._doubted = asyncio.Event()  # a call has failed: is it still there?
        self.known = False

    def open(self) -> None:
        """Take what was listed last, and connect."""
        if self._kept is not None:
            with suppress(OSError, ValueError, TypeError, KeyError):
                listing = json.loads(self._kept.read_bytes())
                self._put([_read(one) for one in listing[:MOST_TOOLS]])
                self.known = True
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """End the connection, and the server where it is ours."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def stats(self) -> dict[str, object]:
        return {"connected": self._client is not None, "tools": self._count, "problem": self.problem}

    # --- the connection -----------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self._session()
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001  the SDK's groups of errors, too: nothing of it ends the device
                self._failed(error)
            finally:
                self._client = None
                self.tried.set()
            await asyncio.sleep(self._backoff.next())

    async def _session(self) -> None:
        self._status = 0
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(CONNECT_S):
                client = await stack.enter_async_context(await _client(self.server, stack, self._note))
                listing = await _listed(client)
            self._client, self.problem = client, ""
            self._backoff.reset()
            self._put(listing)
            self._keep(listing)
            self.tried.set()
            while True:
                self._doubted.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(PING_EVERY_S):
                        await self._doubted.wait()
                async with asyncio.timeout(PING_S):
                    await client.list_tools(cache_mode="bypass")  # newer servers know no ping

    async def _note(self, response: Response) -> None:
        """Of what was refused, the SDK's own errors do not tell the status. Some have no stream to GET: no matter."""
        self._status = response.status_code if response.status_code != http.HTTPStatus.METHOD_NOT_ALLOWED else 0

    def _failed(self, error: BaseException) -> None:
        refused = self._status >= http.HTTPStatus.BAD_REQUEST
        key = f" (see the credential mcp_{self.server.name})" if self._status in DENIED else ""
        found = f"it answers with HTTP {self._status}{key}" if refused else _words(error)
        if found != self.problem:  # once, and not at each try
            _log.warning("mcp_unreachable", extra={"server": self.server.name, "error": found})
        self.problem = found

    # --- its tools ----------------------------------------------------------------------------------

    def _put(self, listing: Sequence[_Listed]) -> None:
        allowed = [one for one in listing if not self.server.allowed or one.name in self.server.allowed]
        tools = [tool for one in allowed if (tool := self._tool(one)) is not None]
        self._registry.put(self.server.name, tools)
        self._count = len(tools)

    def _keep(self, listing: Sequence[_Listed]) -> None:
        if self._kept is None:
            return
        text = json.dumps([one.plain() for one in listing])
        with suppress(OSError):  # then the next start waits for the list
            if not self._kept.exists() or self._kept.read_text() != text:
                self._kept.parent.mkdir(parents=True, exist_ok=True)
                aside = self._kept.with_suffix(".partial")
                aside.write_text(text)
                aside.replace(self._kept)

    def _tool(self, listed: _Listed) -> Tool | None:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", f"{self.server.name}_{listed.name}")[:LONGEST_NAME]
        schema = listed.schema
        properties = schema.get("properties", {})
        if len(json.dumps(schema)) > MOST_SCHEMA or not isinstance(properties, dict):
            _log.warning("mcp_tool_left_out", extra={"server": self.server.name, "tool": listed.name})
            return None
        asks = {ALL, listed.name} & {*self.server.confirm} or listed.destructive
        return Tool(
            name, f"{listed.description[:MOST_DESCRIPTION]} (by {self.server.name})", partial(self._call, listed.name),
            properties, tuple(map(str, schema.get("required", ()))), self.server.limit_s, listed.reads, foreign=True,
            confirm=partial(_question, listed) if asks else None, definitions=schema.get("$defs", {}),
        )  # fmt: skip

    async def _call(self, name: str, arguments: Arguments, _now: object) -> Result:
        client = self._client
        if client is None:
            return {"error": f"The tool server {self.server.name} does not answer at the moment"}
        try:
            return _result(await client.call_tool(name, arguments))
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001  of the SDK, the line or the server
            self._doubted.set()
            return {"error": _words(error)}


@dataclass(frozen=True, slots=True)
class _Listed:
    """A tool as its server describes it."""

    name: str
    description: str
    schema: dict[str, Any]
    reads: bool = False
    destructive: bool = False

    def plain(self) -> dict[str, object]:
        return {
            "name": self.name, "description": self.description, "schema": self.schema, "reads": self.reads,
            "destructive": self.destructive,
        }  # fmt: skip


def _read(kept: dict[str, Any]) -> _Listed:
    """What `plain` has written. Raises TypeError and KeyError."""
    if [type(kept[key]) for key in ("name", "description", "schema")] != [str, str, dict]:
        raise TypeError("no tool")
    return _Listed(**kept)


def _question(listed: _Listed, arguments: Arguments) -> str:
    """What the person is asked. The tool's name is from elsewhere, and so is only spoken as a name."""
    name = " ".join(re.findall(r"\w+", listed.name.replace("_", " ")))[:60]
    given = ", ".join(str(value)[:40] for value in arguments.values())[:120]
    return f"Shall I really do this: {name}{f', with {given}' if given else ''}?"


async def _client(server: Server, stack: AsyncExitStack, note: Callable[[Response], Awaitable[None]]) -> Client:
    """Not entered yet."""
    from mcp.client.client import Client  # beside the loop before, see `attached`
    from mcp.client.stdio import StdioServerParameters, stdio_client
    from mcp.client.streamable_http import streamable_http_client

    if server.command:
        program, *words = server.command
        secrets = {"TOKEN": server.token} if server.token else {}
        return Client(stdio_client(StdioServerParameters(command=program, args=words, env=secrets), _nowhere(stack)))
    import httpx2 as httpx

    hooks = {"response": [note]}
    headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
    limits = httpx.Timeout(CONNECT_S, read=60)
    line = await stack.enter_async_context(httpx.AsyncClient(headers=headers, timeout=limits, event_hooks=hooks))
    return Client(streamable_http_client(server.url, http_client=line))


def _nowhere(stack: AsyncExitStack) -> TextIO:
    """For what a server says of itself: it may be anything, so none of it goes to the journal."""
    return stack.enter_context(Path(os.devnull).open("w"))


async def _listed(client: Client) -> list[_Listed]:
    found: list[_Listed] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            hints = tool.annotations
            found.append(
                _Listed(
                    tool.name, tool.description or tool.title or tool.name, dict(tool.input_schema),
                    bool(hints and hints.read_only_hint), bool(hints and hints.destructive_hint),
                )
            )  # fmt: skip
        cursor = page.next_cursor
        if cursor is None or len(found) >= MOST_TOOLS:
            break
    return found[:MOST_TOOLS]


def _result(answer: Any) -> Result:
    """Text and data of a CallToolResult; of anything else only that it was there."""
    if answer.structured_content and not answer.is_error:
        return dict(answer.structured_content)
    parts = [part.text if part.type == "text" else f"[{part.type}]" for part in answer.content]
    text = "\n".join(parts)
    return {"error": text or "it failed"} if answer.is_error else {"result": text}


def _words(error: BaseException) -> str:
    """One line, of the innermost error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, ModuleNotFoundError):
        return "the MCP SDK is not installed: pip install edge-voice[mcp]"
    return f"{type(error).__name__}: {error}"[:200]


def called_here(entries: Mapping[str, Mcp], secret_of: Callable[[str], str]) -> list[Server]:
    """Of the section [mcp], those that the device calls; `secret_of` gives a credential by its name."""
    return [
        Server(name, one.command, one.url, secret_of(f"mcp_{name}"), one.allowed_tools, one.confirm, one.limit_s)
        for name, one in entries.items()
        if not one.remote
    ]


async def attached(
    servers: Sequence[Server], registry: Registry, closing: AsyncExitStack, shelf: Path | None
) -> Callable[[], dict[str, object]]:
    """Connect to them until `closing` closes; gives their `stats`, which is empty when there are none."""
    if not servers:
        return dict
    with suppress(ImportError):  # which each connection tells
        await asyncio.to_thread(_import)
    lines = Servers(servers, registry, shelf)
    closing.push_async_callback(lines.close)
    await lines.open()
    return lines.stats


def _import() -> None:
    import mcp.client.client
    import mcp.client.streamable_http  # noqa: F401
