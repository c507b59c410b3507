"""Deepgram's streaming service, as its documentation and its SDK's types describe it: /v1/listen and /v2/listen.

It hears a script, whatever the audio is: the words, and at which second of the audio each of them is complete.
"""

from __future__ import annotations

import asyncio
import json
import logging
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from tests.fakes.deepgram_sdk import PARAMETERS
from tests.fakes.deepgram_session import Faults, Script, Seen, Session
from tests.fakes.deepgram_v1 import NovaSession
from tests.fakes.deepgram_v2 import FluxSession

KEY = "dg-key"
MODELS = {
    "/v1/listen": ("nova-3", "nova-3-general", "nova-3-medical", "nova-2"),
    "/v2/listen": ("flux-general-en", "flux-general-multi"),
}
_REFUSALS = {
    400: ("Bad Request", "Bad Request: failed to process the query."),
    401: ("INVALID_AUTH", "Invalid credentials."),
    402: ("ASR_PAYMENT_REQUIRED", "Project does not have enough credits for an ASR request."),
    403: ("INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."),
    429: ("TOO_MANY_REQUESTS", "Too many requests. Please try again later."),
    503: ("SERVICE_UNAVAILABLE", "The server is temporarily unable to service requests."),
}
_BOOLEANS = ("interim_results", "smart_format", "diarize", "vad_events", "punctuate", "numerals", "mip_opt_out")
_RANGES = {
    "eot_threshold": (0.5, 1.0), "eager_eot_threshold": (0.3, 0.9), "eot_timeout_ms": (500, 60_000),
}  # fmt: skip
_quiet = logging.getLogger("tests.fakes.deepgram")  # refused handshakes are what the tests are about
_quiet.setLevel(logging.CRITICAL)


class FakeDeepgram:
    """`async with FakeDeepgram() as server:`; `server.script` is heard on every line whose first audio comes later."""

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.script: Script = ()
        self.speakers: tuple[int, ...] = ()
        self.faults = Faults()
        self.seen: list[Seen] = []
        self.attempts = 0
        self.bugs: list[BaseException] = []
        self._released = asyncio.Event()
        self._server: Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle, "127.0.0.1", 0, process_request=self._admit, ping_interval=None, close_timeout=0.2,
            logger=_quiet, open_timeout=None,
        )  # fmt: skip
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        assert self._server is not None
        for connection in list(self._server.connections):
            connection.transport.abort()
        self._server.close()
        await self._server.wait_closed()
        assert kind is not None or not self.bugs, self.bugs

    def release(self) -> None:
        """Let go of handshakes that are not answered and of connections that are frozen."""
        self._released.set()
        self.faults.thaw.set()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.attempts += 1
        try:
            async with asyncio.timeout(self.faults.handshake_s):
                await self._released.wait()
        except TimeoutError:
            pass
        status, why = self.faults.status or self._status(request), ""
        if not status:
            why = _complaint(urlsplit(request.path).path, parse_qsl(urlsplit(request.path).query, True))
            status = HTTPStatus.BAD_REQUEST if why else 0
        return self._refused(connection, status, why) if status else None

    def _status(self, request: Request) -> int:
        if urlsplit(request.path).path not in PARAMETERS:
            return HTTPStatus.NOT_FOUND
        return 0 if request.headers.get("Authorization") == f"Token {self.key}" else HTTPStatus.UNAUTHORIZED

    def _refused(self, connection: ServerConnection, status: int, why: str) -> Response:
        code, told = _REFUSALS.get(status, ("NOT_FOUND", "Not found."))
        body = {"err_code": code, "err_msg": why or told, "request_id": "00000000-0000-4000-8000-000000000000"}
        response = connection.respond(HTTPStatus(status), json.dumps(body))
        response.headers["dg-error"] = why or told
        if self.faults.retry_after:
            response.headers["Retry-After"] = self.faults.retry_after
        return response

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        parts = urlsplit(connection.request.path)
        headers = {name.lower(): value for name, value in connection.request.headers.raw_items()}
        seen = Seen(parts.path, parse_qsl(parts.query, True), headers)
        self.seen.append(seen)
        kind: type[Session] = FluxSession if parts.path.startswith("/v2") else NovaSession
        session = kind(connection, lambda: self.script, self.faults, seen)
        if isinstance(session, NovaSession):
            session.speakers = self.speakers
        try:
            await session.run()
        except Exception as bug:  # noqa: BLE001  told when the test ends
            self.bugs.append(bug)
        finally:
            await connection.wait_closed()
            seen.log.append("closed")


def _complaint(path: str, query: list[tuple[str, str]]) -> str:
    """What the vendor would say of a query; "" when it is fine."""
    given: dict[str, Any] = dict(query)
    unknown = ", ".join(sorted(set(given) - PARAMETERS[path]))
    eager, sure = float(given.get("eager_eot_threshold", 0)), float(given.get("eot_threshold", 0.7))
    wrong = {
        f"unknown query parameters: {unknown}": unknown,
        f"no such model: {given.get('model')}": given.get("model") not in MODELS[path],
        "encoding needs sample_rate": "encoding" in given and "sample_rate" not in given,
        "neither true nor false": any(given.get(name, "true") not in {"true", "false"} for name in _BOOLEANS),
        "out of range": any(not low <= float(given.get(name, low)) <= high for name, (low, high) in _RANGES.items()),
        "eager_eot_threshold is above eot_threshold": eager > sure,
        "language_hint needs flux-general-multi": path == "/v2/listen"
        and "language_hint" in given
        and given["model"] != "flux-general-multi",
    }
    return next((why for why, is_wrong in wrong.items() if is_wrong), "")
