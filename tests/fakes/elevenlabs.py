"""ElevenLabs' sockets for text that is still being written, its speech over HTTP, and its list of voices.

All that goes in and out is validated with the types of the vendor's own package. Rules that its types do not say, as
its users have found them: a context begins with its settings or is refused (pipecat #4520, #5601), six at once close
the connection (pipecat #4114), a flush alone is never answered with the final message (bolna #790), and v3 is
refused with 403 on the sockets of text-to-speech (livekit/agents #4901).
"""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from types import TracebackType
from typing import Any, Self, get_args
from urllib.parse import parse_qsl, urlsplit

from elevenlabs import types as sdk
from elevenlabs.text_to_speech.types.text_to_speech_stream_request_output_format import (
    TextToSpeechStreamRequestOutputFormat,
)
from pydantic import BaseModel
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.fakes.elevenlabs_contexts import Socket
from tests.fakes.http_server import Exchange, HttpServer
from tests.fakes.speaking import CHAR_MS, Faults, spoken

KEY = "xi-key"
VOICES = {"JBFqnCBsd6RMkjVDRZzb": "George - Warm, Captivating Storyteller", "21m00Tcm4TlvDq8ikWAM": "Rachel"}
QUERY = {
    *("authorization", "model_id", "language_code", "enable_logging", "enable_ssml_parsing", "output_format"),
    *("inactivity_timeout", "sync_alignment", "auto_mode", "apply_text_normalization", "seed"),
}
DIALOGUE_QUERY = {
    *("model_id", "language_code", "enable_logging", "output_format", "sync_alignment", "seed", "single_use_token"),
    "apply_text_normalization",
}
BODY = {
    *("text", "model_id", "language_code", "voice_settings", "pronunciation_dictionary_locators", "seed"),
    *("previous_text", "next_text", "previous_request_ids", "next_request_ids", "use_pvc_as_ivc"),
    *("apply_text_normalization", "apply_language_text_normalization", "audio_effects"),
}
FORMATS = {name for union in get_args(TextToSpeechStreamRequestOutputFormat) for name in get_args(union)}

_quiet = logging.getLogger("tests.fakes.elevenlabs")  # refused handshakes are what the tests are about
_quiet.setLevel(logging.CRITICAL)


class FakeElevenLabs(HttpServer):
    """`async with FakeElevenLabs() as server:` and talk to `server.url`."""

    def __init__(self) -> None:
        super().__init__()
        self.faults = Faults()
        self.sockets: list[Socket] = []
        self.handshakes: list[tuple[str, int]] = []  # path and status
        self.inactivity_s = 20.0  # whatever the client has asked for
        self.dialogue_allowed = True  # text-to-dialogue is not every account's
        self.tags_aligned = False  # whether v3 lists the characters of directions, which it does not speak
        self.aligns = True
        self.voices = dict(VOICES)  # by id
        self._sockets: Server | None = None

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    async def __aenter__(self) -> Self:
        self._sockets = await serve(
            self._handle, "127.0.0.1", 0, process_request=self._admit, ping_interval=None, close_timeout=0.2,
            logger=_quiet, max_queue=None, open_timeout=None, compression=None,
        )  # fmt: skip
        self.socket_port = next(iter(self._sockets.sockets)).getsockname()[1]
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._sockets is not None
        for connection in list(self._sockets.connections):
            connection.transport.abort()
        self._sockets.close()
        await self._sockets.wait_closed()
        await super().__aexit__(kind, error, trace)

    async def greet(self) -> None:
        if self.faults.stall_handshake:
            await asyncio.Event().wait()

    @property
    def sent(self) -> list[dict[str, Any]]:
        """What the client has sent over sockets, in order."""
        return [message for socket in self.sockets for message in socket.received]

    # --- sockets --------------------------------------------------------------------------------------

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        status, body = self._handshake(parts.path, dict(parse_qsl(parts.query)))
        self.handshakes.append((parts.path, status))
        if status == 101:
            return None
        response = connection.respond(status, body)
        for name, value in self.faults.headers.items():
            response.headers[name] = value
        return response

    def _handshake(self, path: str, query: dict[str, str]) -> tuple[int, str]:
        if self.faults.status:
            return self.faults.status, self.faults.body
        dialogue = path == "/v1/text-to-dialogue/multi-stream-input"
        if not dialogue and not (path.startswith("/v1/text-to-speech/") and path.endswith("/multi-stream-input")):
            return 404, "Not Found"
        unknown = set(query) - (DIALOGUE_QUERY if dialogue else QUERY)
        if unknown or query.get("output_format") not in FORMATS:
            return 400, f"unknown {sorted(unknown)} or output_format"
        v3 = query.get("model_id", "").startswith("eleven_v3")
        return (403, "") if v3 != dialogue or (dialogue and not self.dialogue_allowed) else (101, "")

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        socket = Socket(connection, self.faults, self)
        self.sockets.append(socket)
        try:
            parts = urlsplit(connection.request.path)
            if connection.request.headers.get("xi-api-key") != KEY:
                await socket.refuse("invalid_api_key", "Invalid API key")
            elif (voice := parts.path.split("/")[3]) not in {*self.voices, "multi-stream-input"}:
                await socket.refuse("voice_id_does_not_exist", f"A voice with voice_id {voice} does not exist.")
            else:
                await socket.run()
        except ConnectionClosed:
            pass
        except Exception as error:  # noqa: BLE001  a bug of the fake: told when the test ends
            self.bugs.append(error)
        finally:
            socket.over()

    # --- HTTP -----------------------------------------------------------------------------------------

    async def answer(self, exchange: Exchange) -> None:
        if self.faults.status:
            await exchange.reply(self.faults.status, self.faults.body, self.faults.headers)
        elif exchange.headers.get("xi-api-key") != KEY:
            await exchange.reply(401, {"detail": {"status": "invalid_api_key", "message": "Invalid API key"}})
        elif exchange.path == "/v2/voices" and exchange.method == "GET":
            await self._list(exchange)
        elif exchange.path.endswith("/stream/with-timestamps") and exchange.method == "POST":
            await self._speech(exchange)
        else:
            await exchange.reply(404, {"detail": "Not Found"})

    async def _list(self, exchange: Exchange) -> None:
        wanted = exchange.query.get("search", "").casefold()
        voices = [{"voice_id": key, "name": name} for key, name in self.voices.items() if wanted in name.casefold()]
        body = {"voices": voices, "has_more": False, "total_count": len(voices), "next_page_token": None}
        check(sdk.GetVoicesV2Response, body)
        await exchange.reply(200, body)

    async def _speech(self, exchange: Exchange) -> None:
        body, problem = exchange.json, self._unfit(exchange)
        if problem:
            await exchange.reply(422, {"detail": [{"loc": ["body"], "msg": problem, "type": "value_error"}]})
            return
        if self.faults.error:
            status, message = self.faults.error
            await exchange.reply(401, {"detail": {"status": status, "message": message}})
            return
        await exchange.begin("application/json")
        await asyncio.sleep(self.faults.first_s)
        if self.faults.silent:
            await asyncio.Event().wait()
        text, size = body["text"], 5
        for at in range(0, len(text), size):
            line = self._line(text[at : at + size], at)
            if await self._trouble(exchange):
                return
            await exchange.chunk(line + b"\n\n")
        await exchange.end()

    async def _trouble(self, exchange: Exchange) -> bool:
        """Whether that was the end."""
        faults = self.faults
        await asyncio.sleep(faults.drip_s)
        if faults.now(faults.freeze_at):
            await asyncio.Event().wait()
        if faults.now(faults.drop_at):
            exchange.abort()
            return True
        if faults.now(faults.malformed_at):
            faults.malformed_at = None
            await exchange.chunk(faults.malformed.encode() + b"\n")
        faults.sent += 1
        return False

    def _unfit(self, exchange: Exchange) -> str:
        body = exchange.json
        if set(exchange.query) - {"enable_logging", "optimize_streaming_latency", "output_format"}:
            return f"query {exchange.query}"
        if exchange.query["output_format"] not in FORMATS or set(body) - BODY or not body["text"].strip():
            return f"body {body}"
        if (voice := exchange.path.split("/")[3]) not in self.voices:
            return f"A voice with voice_id {voice} does not exist."
        check(sdk.VoiceSettings, body["voice_settings"])
        return ""

    def _line(self, text: str, at: int) -> bytes:
        starts = [(at + n) * CHAR_MS / 1000 for n in range(len(text))]
        ends = [start + CHAR_MS / 1000 for start in starts]
        times = {"characters": list(text), "character_start_times_seconds": starts, "character_end_times_seconds": ends}
        alignment = times if self.aligns else None
        body = {"audio_base64": b64encode(spoken(text)).decode(), "alignment": alignment, "normalized_alignment": None}
        return check(sdk.StreamingAudioChunkWithTimestampsResponse, body)


def check(model: type[BaseModel], body: dict[str, Any]) -> bytes:
    """The body as JSON; AssertionError for what the vendor's type does not know."""
    text = json.dumps(body)
    made = model.model_validate_json(text)
    assert not made.model_extra, made.model_extra
    return text.encode()
