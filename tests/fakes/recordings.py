"""Deepgram's and AssemblyAI's services for recordings, as their SDKs' types describe them.

They hear a script: (start, end, words, speaker). What they send and receive is validated with those types.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import json
from collections.abc import Sequence
from typing import Any

import soundfile
from assemblyai import types
from deepgram.listen.v1.media.client import AsyncMediaClient
from deepgram.types.listen_v1response import ListenV1Response

from tests.fakes import deepgram_sdk  # noqa: F401  takes the warning of the SDK's import
from tests.fakes.http_server import Exchange, HttpServer

Script = Sequence[tuple[float, float, str, str]]
DEEPGRAM_OPTIONS = set(inspect.signature(AsyncMediaClient.transcribe_file).parameters) - {"self", "request"}


class FakeRecordings(HttpServer):
    """`status` other than 200 refuses; `slow` answers of AssemblyAI are "processing" so many times."""

    def __init__(self, *script: tuple[float, float, str, str], key: str = "k-3cr3t") -> None:
        super().__init__()
        self.script: Script = script
        self.key = key
        self.status, self.headers, self.error = 200, dict[str, str](), "no"
        self.processing, self.job_error = 1, ""
        self.sentiment = True
        self.silent = False
        self.garbled = False
        self.asked: list[dict[str, Any]] = []
        self.seconds: list[float] = []  # of audio that came
        self._uploads: dict[str, float] = {}

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    async def answer(self, exchange: Exchange) -> None:
        if self.silent:
            await asyncio.Event().wait()
        if self.garbled:
            await exchange.reply(200, "{", {"content-type": "application/json"})
            return
        deepgram = exchange.path == "/v1/listen"
        if self.status == 200 and exchange.headers.get("authorization") != f"{'Token ' if deepgram else ''}{self.key}":
            await exchange.reply(401, {"err_msg": "Invalid credentials.", "error": "Invalid API key"})
        elif self.status != 200:
            await exchange.reply(self.status, {"error": self.error, "err_msg": self.error}, self.headers)
        elif deepgram:
            await self._deepgram(exchange)
        else:
            await self._assemblyai(exchange)

    def _heard(self, exchange: Exchange) -> float:
        info = soundfile.info(io.BytesIO(exchange.body))
        assert (info.samplerate, info.channels) == (16_000, 1)
        self.seconds.append(info.frames / 16_000)
        return self.seconds[-1]

    async def _deepgram(self, exchange: Exchange) -> None:
        assert exchange.method == "POST"
        assert set(exchange.query) <= DEEPGRAM_OPTIONS, exchange.query
        self.asked.append(dict(exchange.query))
        duration = self._heard(exchange)
        speakers = sorted({speaker for *_, speaker in self.script})
        utterances = [
            {"start": start, "end": end, "confidence": 0.9, "channel": 0, "transcript": words, "words": [],
             **({"speaker": speakers.index(speaker)} if exchange.query.get("diarize") == "true" else {}), "id": "u"}
            for start, end, words, speaker in self.script
        ]  # fmt: skip
        body: dict[str, Any] = {
            "metadata": {"request_id": "r", "sha256": "s", "created": "2026-11-24T12:00:00Z", "duration": duration,
                         "channels": 1, "models": [], "model_info": {}},
            "results": {"channels": [{"alternatives": []}]},
        }  # fmt: skip
        if exchange.query.get("utterances") == "true":
            body["results"]["utterances"] = utterances
        assert not _unknown(ListenV1Response, body), body
        await exchange.reply(200, body)

    async def _assemblyai(self, exchange: Exchange) -> None:
        if exchange.path == "/v2/upload":
            url = f"https://cdn.assemblyai.com/upload/{len(self._uploads)}"
            self._uploads[url] = self._heard(exchange)
            await exchange.reply(200, {"upload_url": url})
        elif exchange.path == "/v2/transcript" and exchange.method == "POST":
            request = exchange.json
            assert not _unknown(types.TranscriptRequest, request), request
            assert request["speech_models"]
            assert request["audio_url"] in self._uploads
            self.asked.append(request)
            await exchange.reply(200, self._job(request, "queued"))
        else:
            assert exchange.path == "/v2/transcript/job-1"
            self.processing -= 1
            status = "processing" if self.processing >= 0 else "error" if self.job_error else "completed"
            await exchange.reply(200, self._job(self.asked[-1], status))

    def _job(self, request: dict[str, Any], status: str) -> dict[str, Any]:
        body: dict[str, Any] = {"id": "job-1", "status": status, "audio_url": request["audio_url"]}
        if status == "error":
            body["error"] = self.job_error
        if status == "completed":
            said = [
                {"start": round(1000 * start), "end": round(1000 * end), "confidence": 0.9, "text": words,
                 "speaker": speaker if request["speaker_labels"] else None}
                for start, end, words, speaker in self.script
            ]  # fmt: skip
            body |= {"text": " ".join(words for _, _, words, _ in self.script), "audio_duration": 3}
            if request["speaker_labels"]:
                body["utterances"] = [{**one, "words": []} for one in said]
            if self.sentiment:
                body["sentiment_analysis_results"] = [{**one, "sentiment": "NEUTRAL"} for one in said]
        assert not _unknown(types.TranscriptResponse, body), body
        return json.loads(json.dumps(body))


def _unknown(model: Any, body: dict[str, Any]) -> set[str]:
    """The vendor's type takes it, of either pydantic; the names at the top that it does not know."""
    (model.model_validate if hasattr(model, "model_validate") else model.parse_obj)(body)
    return set(body) - set(getattr(model, "model_fields", None) or model.__fields__)
