"""OpenAI's `POST /v1/audio/transcriptions`, as the vendor's SDK types describe it.

It hears a script: the words and at which second of a file each of them is complete.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any, get_args

import soundfile
from openai.types.audio import (
    Transcription,
    TranscriptionDiarized,
    TranscriptionStreamEvent,
    TranscriptionVerbose,
    transcription_create_params,
)
from openai.types.audio_model import AudioModel
from pydantic import BaseModel, TypeAdapter

from tests.fakes.http_server import Exchange, HttpServer
from tests.fakes.openai_live import unknown

KEY = "sk-file-key"
PATH = "/v1/audio/transcriptions"
MODELS = set(get_args(AudioModel))
DIARIZE = "gpt-4o-transcribe-diarize"
LONGEST_UNCUT_S = 30
Script = Sequence[tuple[float, str]]  # (seconds of audio, words complete by then)

_FIELDS = {
    name
    for base in get_args(transcription_create_params.TranscriptionCreateParams)
    for name in base.__annotations__ | transcription_create_params.TranscriptionCreateParamsBase.__annotations__
}
_LISTS = {"keywords", "languages", "timestamp_granularities", "include"}
_EVENTS: TypeAdapter[Any] = TypeAdapter(TranscriptionStreamEvent)


@dataclass
class Faults:
    """What goes wrong, until it is set back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    silent: bool = False  # never answers
    drop: bool = False  # in mid-answer
    malformed: bool = False  # in mid-answer
    greet_s: float = 0.0  # before anything is read


@dataclass
class Request:
    """What was asked. `fields`: without the file; what comes as `name[]` is a list."""

    exchange: Exchange
    fields: dict[str, Any]
    pcm: bytes
    rate: int
    channels: int
    name: str

    @property
    def log(self) -> list[str]:
        return self.exchange.log


class FakeOpenAIAudio(HttpServer):
    """`async with FakeOpenAIAudio((0.5, "hello")) as server:` and send a sound file to `server.url`."""

    def __init__(self, *script: tuple[float, str], speakers: Sequence[str] = ("A",), models: set[str] = MODELS) -> None:
        super().__init__()
        self.script: Script = script
        self.speakers, self.models = speakers, models
        self.key = KEY
        self.faults = Faults()
        self.requests: list[Request] = []
        self.first_s = 0.0  # before the first word
        self.drip_s = 0.0  # before each further piece

    @property
    def url(self) -> str:
        return f"http://{self.place}/v1"

    async def greet(self) -> None:
        await asyncio.sleep(self.faults.greet_s)

    async def answer(self, exchange: Exchange) -> None:
        if exchange.method != "POST":
            await exchange.reply(404, "")  # to HEAD, which makes the connection warm, there is no body
            return
        problem = self._refusal(exchange)
        if problem is not None:
            await exchange.reply(problem[0], {"error": problem[1]}, self.faults.headers)
            return
        request = read(exchange)
        self.requests.append(request)
        wrong = self._wrong(request)
        if wrong:
            said = {"message": wrong, "type": "invalid_request_error", "code": None, "param": None}
            await exchange.reply(404 if "does not exist" in wrong else 400, {"error": said})
            return
        await self.thawed.wait()
        if self.faults.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(self.first_s)
        await self._transcribe(request)

    def _refusal(self, exchange: Exchange) -> tuple[int, dict[str, Any]] | None:
        if self.faults.status:
            return self.faults.status, self.faults.error
        if exchange.headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"message": "Incorrect API key provided.", "code": "invalid_api_key"}
        return None if exchange.path == PATH else (404, {"message": f"Invalid URL (POST {exchange.path})"})

    def _wrong(self, request: Request) -> str:
        told, model = request.fields, request.fields.get("model")
        strange = set(told) - _FIELDS
        seconds = len(request.pcm) / 2 / request.channels / request.rate
        problems = {
            f"Unrecognized request argument supplied: {min(strange, default='')}": strange,
            f"The model `{model}` does not exist or you do not have access to it.": model not in self.models,
            f"{model} supports neither keywords nor languages.": model != "gpt-transcribe"
            and set(told) & {"keywords", "languages"},
            f"{model} supports no prompt.": model == DIARIZE and "prompt" in told,
            "chunking_strategy is required for diarization models.": model == DIARIZE
            and seconds > LONGEST_UNCUT_S
            and "chunking_strategy" not in told,
            f"response_format diarized_json is not supported with {model}.": model != DIARIZE
            and told.get("response_format") == "diarized_json",
            "Audio file is too short.": seconds < 0.1,
        }
        return next((said for said, wrong in problems.items() if wrong), "")

    async def _transcribe(self, request: Request) -> None:
        model, seconds = request.fields["model"], len(request.pcm) / 2 / request.channels / request.rate
        words = [(at, word) for at, word in self.script if at <= seconds]
        text = " ".join(word for _, word in words)
        tokens = {"type": "tokens", "input_tokens": round(seconds * 10), "output_tokens": len(text.split()),
                  "total_tokens": round(seconds * 10) + len(text.split()),
                  "input_token_details": {"audio_tokens": round(seconds * 10), "text_tokens": 0}}  # fmt: skip
        if request.fields.get("stream") == "true" and model != "whisper-1":
            await self._stream(request.exchange, text, tokens)
            return
        usage = {"type": "duration", "seconds": seconds} if model == "whisper-1" else tokens
        body: dict[str, Any] = {"text": text, "usage": usage}
        kind: type[BaseModel] = Transcription
        form = request.fields.get("response_format", "json")
        if form == "diarized_json":
            kind, body = TranscriptionDiarized, {**body, "task": "transcribe", "duration": seconds}
            body["segments"] = self._segments(words)
        elif form == "verbose_json":
            kind, body = TranscriptionVerbose, {**body, "language": "english", "duration": seconds}
            body["segments"] = [
                {"id": n, "seek": 0, "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0,
                 "no_speech_prob": 0.0, "start": segment["start"], "end": segment["end"], "text": segment["text"]}
                for n, segment in enumerate(self._segments(words))
            ]  # fmt: skip
        assert not unknown(kind.model_validate(body)), body
        await self._reply(request.exchange, body)

    def _segments(self, words: Script) -> list[dict[str, Any]]:
        starts = [0.0, *(at for at, _ in words)]
        return [
            {"type": "transcript.text.segment", "id": f"seg_{n}", "start": starts[n], "end": at, "text": f" {text}",
             "speaker": self.speakers[n % len(self.speakers)]}
            for n, (at, text) in enumerate(words)
        ]  # fmt: skip

    async def _reply(self, exchange: Exchange, body: dict[str, Any]) -> None:
        if self.faults.malformed:
            await exchange.reply(200, "{", {"content-type": "application/json"})
        elif self.faults.drop:
            raw = json.dumps(body).encode()
            await exchange.begin("application/json")
            await exchange.chunk(raw[: len(raw) // 2])
            exchange.abort()
        else:
            await exchange.reply(200, body)

    async def _stream(self, exchange: Exchange, text: str, usage: dict[str, Any]) -> None:
        await exchange.begin("text/event-stream; charset=utf-8")
        for n, word in enumerate(text.split(" ")):
            await asyncio.sleep(self.drip_s)
            await self._event(exchange, {"type": "transcript.text.delta", "delta": f" {word}" if n else word})
            if self.faults.malformed:
                await exchange.chunk(b"data: {\n\n")
            if self.faults.drop:
                exchange.abort()
                return
        await asyncio.sleep(self.drip_s)
        await self._event(exchange, {"type": "transcript.text.done", "text": text, "usage": usage})
        await exchange.chunk(b"data: [DONE]\n\n")
        await exchange.end()

    async def _event(self, exchange: Exchange, event: dict[str, Any]) -> None:
        assert not unknown(_EVENTS.validate_python(event)), event
        await exchange.chunk(f"data: {json.dumps(event)}\n\n".encode())


def read(exchange: Exchange) -> Request:
    """The parts of a form with a file in it."""
    kind = exchange.headers["content-type"]
    form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + exchange.body)
    assert form.get_content_type() == "multipart/form-data"
    fields: dict[str, Any] = {}
    pcm, rate, channels, file_name = b"", 0, 0, ""
    for part in form.get_payload():
        assert not isinstance(part, str)
        name = str(part.get_param("name", header="content-disposition"))
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        if name == "file":
            file_name = str(part.get_filename())
            samples, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
            pcm, channels = samples.tobytes(), samples.shape[1]
        elif name.endswith("[]"):
            assert name[:-2] in _LISTS, name
            fields.setdefault(name[:-2], []).append(data.decode())
        else:
            fields[name] = data.decode()
    return Request(exchange, fields, pcm, rate, channels, file_name)
