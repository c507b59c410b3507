"""A fake of OpenAI's WebRTC calls over HTTP: offer, answer, sideband by call id, hang-up. No media of its own.

What the browser does over its data channel the test does with `FakeCall.browser`; both ends see the same session, as
with the vendor. Sockets without a call id are FakeRealtime's own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from email.parser import BytesParser
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from openai.types.realtime.realtime_session_create_request import RealtimeSessionCreateRequest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from tests.fakes.http_server import Exchange, HttpServer
from tests.fakes.realtime.config import Settings, updated
from tests.fakes.realtime.faults import Refusal, json_refusal
from tests.fakes.realtime.link import parsed
from tests.fakes.realtime.record import Record
from tests.fakes.realtime.schema import Event, unknown
from tests.fakes.realtime.script import Script
from tests.fakes.realtime.server import FakeRealtime
from tests.fakes.realtime.session import Session

CALLS = "/v1/realtime/calls"
ANSWER = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
NO_CALL = json_refusal(404, "No call found with the given ID.", "call_id_not_found")


class FakeCall:
    """One call. `seen` is what came over the data channel to the browser."""

    def __init__(self, vendor: FakeVendor, number: int, call_id: str, given: dict[str, Any], offer: str) -> None:
        self.id, self.given, self.offer = call_id, given, offer
        self.session = Session(number, given["model"], self._send, script=vendor.script, settings=vendor.settings,
                               log=vendor.record)  # fmt: skip
        self.session.config = updated(self.session.config, {k: v for k, v in given.items() if k != "model"})
        self.seen: list[Event] = []
        self.told: Callable[[Event], object] = lambda _: None  # what is at the other end of the media
        self.sidebands: list[ServerConnection] = []
        self.from_sideband: list[Event] = []
        self.began = time.monotonic()
        self.hung_up: float | None = None
        self._leaving: asyncio.Queue[tuple[ServerConnection, str]] = asyncio.Queue()
        self._record = vendor.record
        self.session.emit("session.created", session=self.session.config)

    def browser(self, event: Event) -> None:
        """Over the data channel."""
        self.session.handle(event)

    def kinds(self) -> list[str]:
        """Of what the browser has seen."""
        return [event["type"] for event in self.seen]

    def spent(self, **details: int) -> None:
        """A response that has used so many tokens."""
        usage = {"total_tokens": 0, "input_tokens": 0, "output_tokens": sum(details.values()),
                 "output_token_details": details}  # fmt: skip
        response = {"object": "realtime.response", "id": self.session.new_id("resp"), "status": "completed",
                    "output": [], "usage": usage}  # fmt: skip
        self.session.emit("response.done", response=response)

    def _send(self, event: Event) -> None:
        self.seen.append(event)
        self.told(event)
        for socket in self.sidebands:
            self._leaving.put_nowait((socket, json.dumps(event)))
        self._record.touch()

    async def sideband(self, socket: ServerConnection) -> None:
        """Until it closes."""
        self.sidebands.append(socket)
        created = {"type": "session.created", "event_id": self.session.new_id("event"), "session": self.session.config}
        self._leaving.put_nowait((socket, json.dumps(created)))
        writing = asyncio.ensure_future(self._write())
        try:
            async for raw in socket:
                event = parsed(raw) or {}
                self.from_sideband.append(event)
                self.session.handle(event)
                self._record.touch()
        except ConnectionClosed:
            pass
        finally:
            self.sidebands.remove(socket)
            writing.cancel()

    async def _write(self) -> None:
        while True:
            socket, frame = await self._leaving.get()
            try:
                await socket.send(frame)
            except ConnectionClosed:
                return

    async def over(self) -> None:
        """Hung up, by whomever."""
        self.hung_up = self.hung_up or time.monotonic()
        self._record.touch()
        await self.session.close()
        for socket in list(self.sidebands):
            await socket.close(1000)


class _Realtime(FakeRealtime):
    """Sidebands beside its own sockets."""

    vendor: FakeVendor

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        call = self.vendor.call_of(connection.request.path)
        if call is None:
            await super()._handle(connection)
        else:
            await call.sideband(connection)

    def _unfit(self, request: Request) -> Refusal | None:
        if (found := super()._unfit(request)) is not None:
            return found
        wanted = "call_id" in parse_qs(urlsplit(request.path).query)
        return NO_CALL if wanted and self.vendor.call_of(request.path) is None else None


class FakeVendor(HttpServer):
    """`async with FakeVendor() as vendor`: `url` for realtime.url. `refusals` are answers to the next offers."""

    def __init__(self, script: Script = (), settings: Settings | None = None) -> None:
        super().__init__()
        self.realtime = _Realtime(script, settings=settings)
        self.realtime.vendor = self
        self.calls: dict[str, FakeCall] = {}
        self.refusals: list[Refusal] = []
        self.hang_up_refusals: list[Refusal] = []
        self.hang_ups: list[str] = []
        self.think_s = 0.0
        self.peer: Callable[[FakeCall], Awaitable[str]] | None = None  # makes the answers, where there are media

    async def __aenter__(self) -> Self:
        await self.realtime.up()
        self.socket_port = self.realtime._port
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for call in self.calls.values():
            await call.over()
        await self.realtime.__aexit__(kind, error, trace)
        await super().__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        """Without the model."""
        return f"ws://{self.place}/v1/realtime"

    @property
    def record(self) -> Record:
        """Of its sockets."""
        return self.realtime.record

    @property
    def settings(self) -> Settings:
        """How it behaves."""
        return self.realtime.settings

    @property
    def script(self) -> Any:
        """What it says."""
        return self.realtime.script

    @property
    def last(self) -> FakeCall:
        """The newest call."""
        return list(self.calls.values())[-1]

    async def until(self, done: Any, timeout: float = 5) -> Any:  # noqa: ASYNC109  one number
        """See Record."""
        return await self.record.wait_for(done, timeout)

    def call_of(self, path: str) -> FakeCall | None:
        """That a sideband is for, if it still is."""
        name = parse_qs(urlsplit(path).query).get("call_id", [""])[0]
        call = self.calls.get(name)
        return call if call is not None and call.hung_up is None else None

    async def answer(self, exchange: Exchange) -> None:
        """See HttpServer."""
        key = exchange.headers.get("authorization", "").partition(" ")[2]
        if not key or (self.settings.api_keys is not None and key not in self.settings.api_keys):
            await exchange.reply(401, json.loads(json_refusal(401, "Incorrect API key provided: sk-abc.", "x").body))
        elif exchange.path == CALLS and exchange.method == "POST":
            await self._offer(exchange)
        elif exchange.path.startswith(f"{CALLS}/") and exchange.path.endswith("/hangup"):
            await self._hang_up(exchange, exchange.path.removeprefix(f"{CALLS}/").removesuffix("/hangup"))
        else:
            await exchange.reply(404, json.loads(json_refusal(404, "Invalid URL", None).body))

    async def _offer(self, exchange: Exchange) -> None:
        await asyncio.sleep(self.think_s)
        if self.refusals:
            await self._refuse(exchange, self.refusals.pop(0))
            return
        parts = _parts(exchange)
        given = json.loads(parts["session"])
        model = RealtimeSessionCreateRequest.model_validate_json(parts["session"], strict=True)
        extra = list(unknown(model))
        if extra or not parts["sdp"].startswith("v=0"):
            message = f"Unknown parameter: '{extra}'." if extra else "Invalid SDP offer"
            await exchange.reply(400, json.loads(json_refusal(400, message, "invalid_offer").body))
            return
        number = len(self.calls) + 1
        call = self.calls[f"rtc_{number:04d}"] = FakeCall(self, number, f"rtc_{number:04d}", given, parts["sdp"])
        headers = {"content-type": "application/sdp", "location": f"{CALLS}/{call.id}"}
        answer = await self.peer(call) if self.peer else ANSWER
        await exchange.reply(201, answer.encode(), headers)
        self.record.touch()

    async def _hang_up(self, exchange: Exchange, name: str) -> None:
        self.hang_ups.append(name)
        self.record.touch()
        if self.hang_up_refusals:
            await self._refuse(exchange, self.hang_up_refusals.pop(0))
            return
        call = self.calls.get(name)
        if call is None or call.hung_up is not None:
            await self._refuse(exchange, NO_CALL)
            return
        await exchange.reply(200, b"")
        await call.over()

    async def _refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        await exchange.reply(refusal.status, refusal.body, refusal.headers)


def _parts(exchange: Exchange) -> dict[str, str]:
    """Of the form, by name, with the types that the vendor's own client gives them."""
    kind = exchange.headers["content-type"]
    assert kind.startswith("multipart/form-data; boundary="), kind
    whole = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + exchange.body)
    found: dict[str, str] = {}
    for part in whole.walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str):
            wanted = {"sdp": "application/sdp", "session": "application/json"}[name]
            assert part.get_content_type() == wanted
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            found[name] = payload.decode()
    return found
