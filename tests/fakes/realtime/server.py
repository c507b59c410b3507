"""The fake as tests use it."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Callable, Iterable
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.fakes.realtime.config import Settings
from tests.fakes.realtime.faults import UNAUTHORIZED, Faults, Refusal, Target, json_refusal
from tests.fakes.realtime.link import Link
from tests.fakes.realtime.record import Attempt, Chunk, Direction, Record, Seen, Violation
from tests.fakes.realtime.schema import Problem
from tests.fakes.realtime.script import Heard, Script, Scripted
from tests.fakes.realtime.session import Send, Session

PATHS = {"/v1/realtime", "/openai/v1/realtime"}
LARGEST_FRAME = 16 << 20
NO_KEY = json_refusal(401, "Missing bearer or basic authentication in header", None)
NO_SUCH_PATH = json_refusal(404, "Invalid URL (GET)", None)
BETA = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
T = TypeVar("T")

_quiet = logging.getLogger("tests.fakes.realtime")  # refused handshakes are what the tests are about
_quiet.setLevel(logging.CRITICAL)


class FakeRealtime:
    """`async with FakeRealtime([Reply("Hello.")]) as server:` and connect to `server.url`."""

    def __init__(
        self,
        script: Script = (),
        transcripts: Iterable[Heard | str] = (),
        settings: Settings | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.script = Scripted(script, transcripts)
        self.record = Record()
        self.links: list[Link] = []
        self.faults = Faults(self._targets, self.script)
        self.bugs: list[BaseException] = []
        self._count = self._port = 0
        self._tls = tls
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.thaw()
        self.faults.drop_all()
        await self.down()
        await self.wait_for(lambda: not self.links)
        assert kind is not None or not self.bugs, self.bugs

    async def up(self) -> None:
        """Listen, always on the same port."""
        if self._server is None:
            self._server = await serve(
                self._handle,
                "127.0.0.1",
                self._port,
                process_request=self._admit,
                max_size=LARGEST_FRAME,
                max_queue=None,
                ping_interval=None,
                open_timeout=None,
                close_timeout=1,
                compression=None,
                logger=_quiet,
                ssl=self._tls,
            )
            self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def down(self) -> None:
        """Stop listening: connections are refused by TCP, those that are open go on."""
        server, self._server = self._server, None
        if server is not None:
            server.close(close_connections=False)
            await asyncio.sleep(0)  # it closes in a task

    @property
    def url(self) -> str:
        """Without the model: `?model=...` is the client's to add."""
        return f"{'ws' if self._tls is None else 'wss'}://127.0.0.1:{self._port}/v1/realtime"

    @property
    def base_url(self) -> str:
        """For the `openai` package."""
        return f"http://127.0.0.1:{self._port}/v1"

    # ---- questions --------------------------------------------------------------------------------------------

    def events(
        self, kind: str | None = None, direction: Direction | None = None, session: int | None = None
    ) -> list[Seen]:
        """What was on the wire, in order."""
        return self.record.events(kind, direction, session)

    def audio_received(self, session: int | None = None, item: str | None = None) -> bytes:
        """The user's audio: all, of one session (from 1), or of one committed item."""
        return self.record.audio(session, item)

    async def wait_for(self, predicate: Callable[[], T], timeout: float = 5) -> T:  # noqa: ASYNC109  one number
        """The first true answer; TimeoutError if there is none."""
        return await self.record.wait_for(predicate, timeout)

    @property
    def chunks(self) -> list[Chunk]:
        """Each append with its time of arrival."""
        return self.record.chunks

    @property
    def attempts(self) -> list[Attempt]:
        """All handshakes, with what became of them."""
        return self.record.attempts

    @property
    def violations(self) -> list[Violation]:
        """Client events that were malformed."""
        return self.record.violations

    @property
    def session(self) -> Session:
        """The newest that is open."""
        return self.links[-1].session

    def _targets(self) -> list[Target]:
        return [*self.links]

    # ---- the handshake ----------------------------------------------------------------------------------------

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        await self.faults.moving()
        await asyncio.sleep(self.faults.connect_delay)
        refusal = self.faults.next_refusal() or self._unfit(request)
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        self.record.attempt(request.path, headers, refusal.status if refusal else 101)
        return None if refusal is None else self._answer(connection, refusal)

    def _unfit(self, request: Request) -> Refusal | None:
        if urlsplit(request.path).path not in PATHS:
            return NO_SUCH_PATH
        kind, _, key = request.headers.get("Authorization", "").partition(" ")
        if request.path.startswith("/openai/") and "api-key" in request.headers:
            kind, key = "Bearer", request.headers["api-key"]
        if kind != "Bearer" or not key:
            return NO_KEY
        return None if self.settings.api_keys is None or key in self.settings.api_keys else UNAUTHORIZED

    def _answer(self, connection: ServerConnection, refusal: Refusal) -> Response:
        if refusal.raw is not None:
            connection.transport.write(refusal.raw)
            connection.transport.close()
            raise ConnectionAbortedError("no HTTP here")
        response = connection.respond(HTTPStatus(refusal.status), refusal.body)
        for name, value in refusal.headers.items():
            response.headers.pop(name, None)
            response.headers[name] = value
        return response

    # ---- a session --------------------------------------------------------------------------------------------

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        model = parse_qs(urlsplit(connection.request.path).query).get("model", [""])[0]
        self._count += 1
        link = Link(connection, lambda send: self._new_session(model, send), self.faults, self.record)
        self.links.append(link)
        try:
            await self._run(link, self._problem(connection.request, model))
        finally:
            self.links.remove(link)
            self.bugs += link.session.bugs
            self.record.touch()

    def _new_session(self, model: str, send: Send) -> Session:
        return Session(self._count, model, send, script=self.script, settings=self.settings, log=self.record)

    async def _run(self, link: Link, problem: Problem | None) -> None:
        try:
            if problem is not None:
                await self._turn_away(link, problem)
            if not self.faults.stall:
                link.session.open()
            await link.run()
        except ConnectionClosed:
            pass
        except Exception as error:  # noqa: BLE001  a bug of the fake: told when the test ends
            self.bugs.append(error)

    async def _turn_away(self, link: Link, problem: Problem) -> None:
        link.error(problem)
        closing = asyncio.create_task(link.close(4000, f"{problem.type}.{problem.code}"))
        await link.run()
        await closing

    def _problem(self, request: Request, model: str) -> Problem | None:
        if "OpenAI-Beta" in request.headers:
            return Problem("beta_api_shape_disabled", BETA)
        if not model:
            return Problem("missing_model", "You must provide a model parameter.")
        if self.settings.models is not None and model not in self.settings.models:
            return Problem("model_not_found", f"The model `{model}` does not exist or you do not have access to it.")
        return None


def dump(records: list[Seen]) -> str:
    """The events as lines, without audio: for a failing test's message."""
    return "\n".join(
        f"{seen.at:.3f} {seen.direction:3} {seen.session} {json.dumps(seen.event)[:200]}" for seen in records
    )
