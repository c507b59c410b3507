"""AssemblyAI's streaming service (v3), as its documentation and its SDK's types describe it.

It hears a script: the words and at which second of the session's audio each of them is complete. Whatever it sends
and receives is validated with the SDK's models.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, get_args
from urllib.parse import parse_qsl, urlsplit

from assemblyai.streaming.v3 import models
from pydantic import TypeAdapter
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

KEY = "aai-key"
Script = Sequence[tuple[float, str]]  # (seconds of audio, words complete by then)


def _by_type(union: Any) -> dict[str, Any]:
    found = [model for model in get_args(union) if model is not bytes]
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in found}


_EVENTS, _CONTROLS = _by_type(models.EventMessage), _by_type(models.OperationMessage)
_quiet = logging.getLogger("tests.fakes.assemblyai")  # refused handshakes are what the tests are about
_quiet.setLevel(logging.CRITICAL)


@dataclass
class Faults:
    """What goes wrong, until it is set back."""

    status: int = 0  # of the handshake
    headers: dict[str, str] = field(default_factory=dict)
    error: tuple[int, str] | None = None  # after the handshake: an Error frame and the close code
    silent: bool = False  # takes everything and says nothing
    freeze_at_s: float | None = None  # of audio: neither reads nor writes any more
    drop_at_s: float | None = None  # TCP ends
    malformed_at_s: float | None = None
    malformed: str | bytes = "{"
    handshake_s: float = 0.0
    drip_s: float = 0.0  # before every frame that it sends
    no_termination: bool = False
    leaves: bool = False  # when it is told to terminate, without another word
    say: dict[str, Any] | None = None  # once, unchecked


@dataclass
class Session:
    """One connection, as it was seen here."""

    params: dict[str, Any]
    headers: dict[str, str]
    opened: float
    audio: bytearray = field(default_factory=bytearray)
    frames: list[int] = field(default_factory=list)  # their sizes
    log: list[str] = field(default_factory=list)  # controls and "audio", in order; "closed" at the end
    closed: float | None = None

    @property
    def terminated(self) -> bool:
        return "Terminate" in self.log


@dataclass
class _Turns:
    """The turns of a session: words that are heard, and where one ends."""

    script: list[tuple[float, str]]
    order: int = 0
    words: list[str] = field(default_factory=list)
    last_at: float = 0.0


class FakeAssemblyAI:
    """`async with FakeAssemblyAI([(0.5, "hello")]) as server:`; a session after the first hears the next script."""

    def __init__(self, *scripts: Script, speakers: Sequence[str] = ()) -> None:
        self.scripts = list(scripts)
        self.speakers = list(speakers)  # of each turn, in order
        self.key = KEY
        self.faults = Faults()
        self.sessions: list[Session] = []
        self.attempts = 0
        self.first_s = 0.0  # between audio and the words in it
        self.confidence = 0.5  # with which it takes a silence for an end
        self.formats = False  # whether it does so unasked
        self.bugs: list[BaseException] = []
        self._thaw = asyncio.Event()
        self._server: Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle, "127.0.0.1", 0, process_request=self._admit, ping_interval=None, close_timeout=0.2,
            logger=_quiet, max_queue=None, open_timeout=None,
        )  # fmt: skip
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thaw.set()
        assert self._server is not None
        for connection in list(self._server.connections):
            connection.transport.abort()
        self._server.close()
        await self._server.wait_closed()
        assert kind is not None or not self.bugs, self.bugs

    def mend(self) -> None:
        """Nothing is wrong any more; who waits for a handshake gets it."""
        self.faults = Faults()
        self._thaw.set()

    # --- the handshake --------------------------------------------------------------------------------

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.attempts += 1
        faults = self.faults
        with suppress(TimeoutError):
            await asyncio.wait_for(self._thaw.wait(), faults.handshake_s)
        if faults.status:
            response = connection.respond(faults.status, "no")
            for name, value in faults.headers.items():
                response.headers[name] = value
            return response
        return None if urlsplit(request.path).path == "/v3/ws" else connection.respond(404, "Not Found")

    def _problem(self, request: Request, params: dict[str, Any]) -> tuple[int, str] | None:
        if self.faults.error:
            return self.faults.error
        if request.headers.get("Authorization") != self.key:
            return 1008, "Unauthorized Connection: Invalid API key"
        unknown = set(params) - set(models.RealTimeParameters.model_fields)
        if unknown:
            return 3006, f"User Input Validation Error: unknown parameters {sorted(unknown)}"
        if "speech_model" not in params:
            return 3006, "User Input Validation Error: speech_model is required"
        try:
            models.RealTimeParameters.model_validate(params)
        except ValueError as error:
            return 3006, f"User Input Validation Error: {error}"
        return None

    # --- a session ------------------------------------------------------------------------------------

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        params = {name: _value(text) for name, text in parse_qsl(urlsplit(connection.request.path).query)}
        session = Session(params, dict(connection.request.headers.raw_items()), time.monotonic())
        self.sessions.append(session)
        try:
            problem = self._problem(connection.request, params)
            if problem is not None:
                await self._fail(connection, *problem)
                return
            await self._run(connection, session)
        except ConnectionClosed:
            pass
        except Exception as error:  # noqa: BLE001  a bug of the fake: told when the test ends
            self.bugs.append(error)
        finally:
            session.closed = time.monotonic()
            session.log.append("closed")

    async def _fail(self, connection: ServerConnection, code: int, error: str) -> None:
        with suppress(ConnectionClosed):
            await self._send(connection, {"type": "Error", "error_code": code, "error": error})
            await connection.close(code, error[:120])

    async def _run(self, connection: ServerConnection, session: Session) -> None:
        script = self.scripts.pop(0) if len(self.scripts) > 1 else (self.scripts or [()])[0]
        turns = _Turns([(at, word) for at, words in script for word in words.split(" ")])
        await self._send(connection, {"type": "Begin", "id": "8e4d…", "expires_at": int(time.time()) + 10800})
        async for frame in connection:
            if isinstance(frame, str):
                if await self._control(connection, session, turns, frame):
                    return
            elif not await self._audio(connection, session, turns, frame):
                return

    async def _audio(self, connection: ServerConnection, session: Session, turns: _Turns, frame: bytes) -> bool:
        ms = len(frame) / 32
        session.frames.append(len(frame))
        session.audio += frame
        session.log.append("audio")
        if not 50 <= ms <= 1000:
            text = f"Input Duration Error: Input Duration Violation: {ms} ms. Expected between 50 and 1000 ms"
            await self._fail(connection, 3007, text)
            return False
        await self._trouble(connection, len(session.audio) / 32_000)
        await self._hear(connection, session, turns)
        return True

    async def _trouble(self, connection: ServerConnection, at: float) -> None:
        faults = self.faults
        if faults.say is not None:
            said, faults.say = faults.say, None
            await connection.send(json.dumps(said))
        if faults.malformed_at_s is not None and at >= faults.malformed_at_s:
            faults.malformed_at_s = None
            await connection.send(faults.malformed)
        if faults.drop_at_s is not None and at >= faults.drop_at_s:
            connection.transport.abort()
        if faults.freeze_at_s is not None and at >= faults.freeze_at_s:
            connection.transport.pause_reading()
            await self._thaw.wait()
            connection.transport.resume_reading()

    async def _hear(self, connection: ServerConnection, session: Session, turns: _Turns) -> None:
        """What is in the audio now: new words, and then perhaps a silence that ends the turn."""
        at = len(session.audio) / 32_000
        while turns.script and turns.script[0][0] <= at:
            turns.last_at, word = turns.script.pop(0)
            turns.words.append(word)
            if not turns.script or turns.script[0][0] > at:
                await asyncio.sleep(self.first_s)
                await self._turn(connection, session, turns, end=False)
        params = session.params
        silence = (at - turns.last_at) * 1000
        sure = self.confidence >= float(params.get("end_of_turn_confidence_threshold", 0.4))
        if turns.words and silence >= int(params.get("min_turn_silence" if sure else "max_turn_silence", 1280)):
            await self._turn(connection, session, turns, end=True)

    async def _control(self, connection: ServerConnection, session: Session, turns: _Turns, frame: str) -> bool:
        """Whether it is the end."""
        body = json.loads(frame)
        model = _CONTROLS[body["type"]]
        assert set(body) <= set(model.model_fields), body
        model.model_validate(body)
        session.log.append(body["type"])
        if body["type"] == "ForceEndpoint" and turns.words:
            await asyncio.sleep(self.first_s)
            await self._turn(connection, session, turns, end=True)
        if body["type"] != "Terminate":
            return False
        if turns.words:
            await self._turn(connection, session, turns, end=True)
        if self.faults.leaves:
            await connection.close(1000)
            return True
        if self.faults.no_termination or self.faults.silent:
            return False
        seconds = len(session.audio) // 32_000
        opened = round(time.monotonic() - session.opened)
        body = {"type": "Termination", "audio_duration_seconds": seconds, "session_duration_seconds": opened}
        await self._send(connection, body)
        await connection.close(1000)
        return True

    async def _turn(self, connection: ServerConnection, session: Session, turns: _Turns, *, end: bool) -> None:
        text = " ".join(turns.words)
        body = self._body(turns, text, end=end, formatted=False)
        if not session.params.get("speaker_labels"):
            body.pop("speaker_label")
        await self._send(connection, body)
        if not end:
            return
        if session.params.get("format_turns") or self.formats:
            formatted = text[:1].upper() + text[1:] + "."
            await self._send(connection, self._body(turns, formatted, end=True, formatted=True))
        turns.order += 1
        turns.words = []

    def _body(self, turns: _Turns, text: str, *, end: bool, formatted: bool) -> dict[str, Any]:
        words = [
            {"start": 100 * n, "end": 100 * n + 90, "confidence": 0.9, "text": word, "word_is_final": True}
            for n, word in enumerate(text.split(" "))
        ]
        speaker = self.speakers[turns.order % len(self.speakers)] if self.speakers else None
        return {
            "type": "Turn", "turn_order": turns.order, "turn_is_formatted": formatted, "end_of_turn": end,
            "transcript": text, "end_of_turn_confidence": self.confidence if end else 0.01, "words": words,
            "speaker_label": speaker,
        }  # fmt: skip

    async def _send(self, connection: ServerConnection, body: dict[str, Any]) -> None:
        TypeAdapter(_EVENTS[body["type"]]).validate_python(body)
        assert set(body) <= set(_EVENTS[body["type"]].model_fields), body
        await asyncio.sleep(self.faults.drip_s)
        if not self.faults.silent:
            await connection.send(json.dumps(body))


def _value(text: str) -> Any:
    """A query parameter: JSON, but for words."""
    try:
        return json.loads(text)
    except ValueError:
        return text
