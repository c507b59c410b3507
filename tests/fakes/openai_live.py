"""OpenAI's Realtime transcription sessions, as the vendor's SDK types and guide describe them.

It hears a script: the words and at which second of the session's audio each of them is complete.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

KEY = "sk-live-key"
BYTES_PER_S = 48_000
MODELS = {"gpt-live-transcribe", "gpt-realtime-whisper", "gpt-4o-transcribe", "whisper-1"}
NEW = {"gpt-live-transcribe", "gpt-transcribe"}
ITEM = "conversation.item.input_audio_transcription."
Script = Sequence[tuple[float, str]]  # (seconds of audio, words complete by then)

_CLIENT: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)
_SERVER: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
_quiet = logging.getLogger("tests.fakes.openai_live")  # refused handshakes are what the tests are about
_quiet.setLevel(logging.CRITICAL)


@dataclass
class Faults:
    """What goes wrong, until it is set back."""

    status: int = 0  # of the handshake
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    error: dict[str, Any] | None = None  # told in the session, which goes on
    failed: dict[str, Any] | None = None  # the transcription of an item
    silent: bool = False
    freeze_at_s: float | None = None  # of audio: neither reads nor writes any more
    drop_at_s: float | None = None
    malformed_at_s: float | None = None
    malformed: str | bytes = "{"
    handshake_s: float = 0.0
    close: tuple[int, str] | None = None  # the session, in form
    drip_s: float = 0.0  # before every frame that it sends


@dataclass
class Session:
    """One connection, as it was seen here. `log`: the types of what came; "bye" if it was closed in form, "closed"."""

    path: str
    headers: dict[str, str]
    settings: dict[str, Any] | None = None
    audio: bytearray = field(default_factory=bytearray)
    log: list[str] = field(default_factory=list)
    script: list[tuple[float, str]] = field(default_factory=list)
    committed_at: int = 0  # bytes
    words: list[str] = field(default_factory=list)
    item: str = "item_1"
    previous: str | None = None


def unknown(value: object, where: str = "") -> list[str]:
    """The fields of a model that the vendor's types do not know."""
    found: list[str] = []
    if isinstance(value, BaseModel):
        found = [f"{where}.{name}".lstrip(".") for name in value.model_extra or {}]
        for name in value.model_fields_set - set(value.model_extra or {}):
            found += unknown(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, list):
        found = [each for entry in value for each in unknown(entry, where)]
    return found


class FakeOpenAILive:
    """`async with FakeOpenAILive([(0.5, "hello")]) as server:`; a session after the first hears the next script."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.key = KEY
        self.faults = Faults()
        self.sessions: list[Session] = []
        self.attempts = 0
        self.first_s = 0.0  # between audio and the words in it
        self.final_s = 0.0  # between a commit and its transcript
        self.least_s = 0.1  # of a commit
        self.usage: dict[str, Any] | None = None  # of each item, instead of its seconds
        self.bugs: list[BaseException] = []
        self._ids = itertools.count(1)
        self._thaw = asyncio.Event()
        self._server: Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/v1/realtime"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle, "127.0.0.1", 0, process_request=self._admit, ping_interval=None, close_timeout=0.2,
            logger=_quiet, max_queue=None, open_timeout=None, max_size=16 << 20,
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
        status, body = faults.status, faults.body
        if not status and request.headers.get("Authorization") != f"Bearer {self.key}":
            said = {"message": "Incorrect API key provided.", "code": "invalid_api_key"}
            status, body = 401, json.dumps({"error": said})
        if not status and urlsplit(request.path).path != "/v1/realtime":
            status = 404
        if not status:
            return None
        response = connection.respond(status, body)
        for name, value in faults.headers.items():
            response.headers[name] = value
        return response

    # --- a session ------------------------------------------------------------------------------------

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        path = connection.request.path
        session = Session(path, dict(connection.request.headers.raw_items()))
        script = self.scripts.pop(0) if len(self.scripts) > 1 else (self.scripts or [()])[0]
        session.script = [(at, word) for at, words in script for word in words.split(" ")]
        self.sessions.append(session)
        try:
            kind = "transcription" if parse_qs(urlsplit(path).query) == {"intent": ["transcription"]} else "realtime"
            await self._send(connection, {"type": "session.created", "session": {"type": kind}})
            if "OpenAI-Beta" in session.headers:
                await self._error(connection, "beta_api_shape_disabled", "The Realtime Beta API is not supported.")
                await connection.close(4000)
            async for frame in connection:
                await self._take(connection, session, json.loads(frame), kind)
        except ConnectionClosed:
            pass
        except Exception as error:  # noqa: BLE001  a bug of the fake: told when the test ends
            self.bugs.append(error)
        finally:
            session.log += ["bye"] * (connection.close_code == 1000) + ["closed"]

    async def _take(self, connection: ServerConnection, session: Session, event: dict[str, Any], kind: str) -> None:
        session.log.append(event["type"])
        strange = unknown(_CLIENT.validate_python(event))
        if strange:
            await self._error(connection, "unknown_parameter", f"Unknown parameter: '{strange[0]}'.")
            return
        match event["type"]:
            case "session.update":
                await self._update(connection, session, event["session"], kind)
            case "input_audio_buffer.append":
                await self._append(connection, session, base64.b64decode(event["audio"], validate=True))
            case "input_audio_buffer.commit":
                await self._commit(connection, session)
            case _:
                await self._error(connection, "invalid_value", f"{event['type']} in a transcription session.")

    async def _update(self, connection: ServerConnection, session: Session, new: dict[str, Any], kind: str) -> None:
        heard = new["audio"]["input"]
        told = heard["transcription"]
        problem = ""
        if new["type"] != "transcription" or kind != "transcription":
            problem = "A conversation session takes no transcription update."
        elif told["model"] not in MODELS:
            await self._error(connection, "model_not_found", f"The model `{told['model']}` does not exist.")
            return
        elif heard["turn_detection"] is not None:
            problem = f"{told['model']} supports no turn detection."
        elif set(told) & {"keywords", "languages"} and told["model"] not in NEW:
            problem = f"{told['model']} supports neither keywords nor languages."
        elif "prompt" in told and told["model"] == "gpt-realtime-whisper":
            problem = "gpt-realtime-whisper supports no prompt."
        if problem:
            await self._error(connection, "invalid_value", problem)
            return
        session.settings = new
        await self._send(connection, {"type": "session.updated", "session": new})

    async def _append(self, connection: ServerConnection, session: Session, pcm: bytes) -> None:
        assert len(pcm) % 2 == 0, "half a sample"
        session.audio += pcm
        at = len(session.audio) / BYTES_PER_S
        await self._trouble(connection, at)
        while session.settings is not None and session.script and session.script[0][0] <= at:
            word = session.script.pop(0)[1]
            delta = f" {word}" if session.words else word
            session.words.append(word)
            await asyncio.sleep(self.first_s)
            await self._send(
                connection, {"type": f"{ITEM}delta", "item_id": session.item, "content_index": 0, "delta": delta}
            )

    async def _trouble(self, connection: ServerConnection, at: float) -> None:
        faults = self.faults
        if faults.malformed_at_s is not None and at >= faults.malformed_at_s:
            faults.malformed_at_s = None
            await connection.send(faults.malformed)
        if faults.error is not None:
            error, faults.error = faults.error, None
            await self._send(connection, {"type": "error", "error": error})
        if faults.close is not None:
            await connection.close(*faults.close)
        if faults.drop_at_s is not None and at >= faults.drop_at_s:
            connection.transport.abort()
        if faults.freeze_at_s is not None and at >= faults.freeze_at_s:
            connection.transport.pause_reading()
            await self._thaw.wait()
            connection.transport.resume_reading()

    async def _commit(self, connection: ServerConnection, session: Session) -> None:
        size = len(session.audio) - session.committed_at
        if size < BYTES_PER_S * self.least_s:
            ms = f"{1000 * size / BYTES_PER_S:.2f}ms"
            said = f"Error committing input audio buffer: buffer too small. Expected at least 100ms, has {ms}."
            await self._error(connection, "input_audio_buffer_commit_empty", said)
            return
        item, words = session.item, session.words
        session.committed_at, session.words = len(session.audio), []
        session.previous, session.item = item, f"item_{next(self._ids)}x"
        previous = session.previous if session.previous != item else None
        await self._send(
            connection, {"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": previous}
        )
        await asyncio.sleep(self.final_s)
        if self.faults.failed is not None:
            body = {"type": f"{ITEM}failed", "item_id": item, "content_index": 0, "error": self.faults.failed}
        else:
            usage = self.usage or {"type": "duration", "seconds": size / BYTES_PER_S}
            body = {"type": f"{ITEM}completed", "item_id": item, "content_index": 0, "transcript": " ".join(words),
                    "usage": usage}  # fmt: skip
        await self._send(connection, body)

    async def _error(self, connection: ServerConnection, code: str, message: str) -> None:
        kind = "invalid_request_error"
        await self._send(connection, {"type": "error", "error": {"type": kind, "code": code, "message": message}})

    async def _send(self, connection: ServerConnection, body: dict[str, Any]) -> None:
        body = {"event_id": f"event_{next(self._ids)}", **body}
        if body["type"] not in {"session.created", "session.updated"} or body["session"]["type"] == "transcription":
            assert not unknown(_SERVER.validate_python(body)), body
        await asyncio.sleep(self.faults.drip_s)
        if not self.faults.silent:
            with suppress(ConnectionClosed):
                await connection.send(json.dumps(body))
