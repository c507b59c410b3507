"""OpenAI's `POST /v1/audio/speech`, which many servers speak, validated with the vendor's own types."""

from __future__ import annotations

import asyncio
from typing import Any, get_args

from openai.types.audio import speech_create_params
from pydantic import TypeAdapter, ValidationError

from tests.fakes.http_server import Exchange, HttpServer
from tests.fakes.speaking import Faults, spoken

KEY = "sk-test-key"
MOST = 4096
VOICES = {name for union in get_args(speech_create_params.Voice) for name in get_args(union) if isinstance(name, str)}
WITHOUT_INSTRUCTIONS = ("tts-1", "tts-1-hd")
ODD = 4801  # bytes of a piece: no whole number of samples

_params: TypeAdapter[Any] = TypeAdapter(speech_create_params.SpeechCreateParams)


class FakeOpenAiSpeech(HttpServer):
    """`async with FakeOpenAiSpeech() as server:` and talk to `server.url`."""

    def __init__(self) -> None:
        super().__init__()
        self.faults = Faults()
        self.size = ODD
        self.kind = "audio/pcm"

    @property
    def url(self) -> str:
        return f"http://{self.place}/v1"

    @property
    def asked(self) -> list[Exchange]:
        """The requests for speech, in order."""
        return [exchange for exchange in self.exchanges if exchange.path == "/v1/audio/speech"]

    async def greet(self) -> None:
        if self.faults.stall_handshake:
            await asyncio.Event().wait()

    async def answer(self, exchange: Exchange) -> None:
        faults = self.faults
        if exchange.method == "HEAD":
            await exchange.reply(404, {})
        elif faults.status:
            await exchange.reply(faults.status, faults.body, {"content-type": "application/json", **faults.headers})
        elif exchange.headers.get("authorization") != f"Bearer {KEY}":
            await self._refuse(exchange, 401, "Incorrect API key provided.", "invalid_api_key")
        elif exchange.path == "/v1/audio/speech" and exchange.method == "POST":
            await self._speech(exchange)
        else:
            await self._refuse(exchange, 404, "Invalid URL", None)

    async def _refuse(self, exchange: Exchange, status: int, message: str, code: str | None) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        await exchange.reply(status, {"error": error})

    def _unfit(self, body: dict[str, Any]) -> str:
        known = set(speech_create_params.SpeechCreateParams.__annotations__)
        if set(body) - known:
            return f"Unknown parameter: {sorted(set(body) - known)}."
        try:
            _params.validate_python(body)
        except ValidationError as error:
            return str(error)
        if not 0 < len(body["input"]) <= MOST:
            return f"input: string too long or too short: {len(body['input'])}"
        if body["voice"] not in VOICES or body.get("response_format") != "pcm":
            return "voice or response_format is not known"
        if not 0.25 <= body.get("speed", 1.0) <= 4.0 or (
            "instructions" in body and body["model"] in WITHOUT_INSTRUCTIONS
        ):
            return "speed or instructions"
        return ""

    async def _speech(self, exchange: Exchange) -> None:
        faults = self.faults
        if problem := self._unfit(exchange.json):
            await self._refuse(exchange, 400, problem, None)
            return
        if faults.error:
            await self._refuse(exchange, 429, faults.error[1], faults.error[0])
            return
        await asyncio.sleep(faults.first_s)
        if faults.silent:
            await asyncio.Event().wait()
        await exchange.begin(self.kind)
        pcm = spoken(exchange.json["input"])
        for at in range(0, len(pcm), self.size):
            if await self._trouble(exchange):
                return
            await exchange.chunk(pcm[at : at + self.size])
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
        if faults.now(faults.malformed_at):  # no chunk: HTTP itself is broken
            exchange.writer.write(b"zz\r\nnonsense\r\n")
            await exchange.writer.drain()
        faults.sent += 1
        return False
