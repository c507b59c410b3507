"""Deepgram's /v1/listen: pieces of text that become final after a pause, or by Finalize."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.fakes.deepgram_sdk import v1
from tests.fakes.deepgram_session import Session

REQUEST = "00000000-0000-4000-8000-000000000001"


class NovaSession(Session):
    """A word becomes interim when it is complete, and final with the pause behind it (`endpointing`)."""

    controls = {  # noqa: RUF012  as in Session
        "KeepAlive": v1.ListenV1KeepAlive, "Finalize": v1.ListenV1Finalize, "CloseStream": v1.ListenV1CloseStream,
    }  # fmt: skip
    speakers: tuple[int, ...] = ()  # of each line of the script, where speakers are told apart

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._final_s = self._told_s = 0.0
        pause = self.query.get("endpointing", "10")
        self._pause_s = float("inf") if pause == "false" else float(pause) / 1000

    def opened(self) -> None:
        """It says nothing."""

    def listened(self) -> None:
        now = self.heard_s
        spoken = [at for at, _ in self.script if self._final_s < at <= now]
        if spoken and now - spoken[-1] >= self._pause_s:
            self._results(final=True, speech=True)
        elif now - self._told_s >= self.faults.update_s and self.query.get("interim_results") == "true":
            self._results(final=False)

    def controlled(self, message: dict[str, Any]) -> None:
        if message["type"] == "Finalize" and self.heard_s > self._final_s and not self.faults.deaf_to_finalize:
            self._results(final=True, asked=True)
        if message["type"] == "CloseStream":
            if self.heard_s > self._final_s:
                self._results(final=True)
            self.send(
                v1.ListenV1Metadata, type="Metadata", transaction_key="deprecated", request_id=REQUEST, sha256="0" * 64,
                created="2026-11-24T12:00:00.000Z", duration=self.heard_s, channels=1,
            )  # fmt: skip
            self.finish()

    def misunderstood(self, text: str) -> None:
        why = "Could not deserialize last text message"
        self.send(v1.ListenV1Error, type="Error", variant="SchemaError", description=why, message=text)

    async def end(self) -> None:
        await self._connection.close(1000)

    def _results(self, *, final: bool, speech: bool = False, asked: bool = False) -> None:
        start, now = self._final_s, self.heard_s
        self._told_s = now
        if final:
            self._final_s = now
        words = self._words(start, now)
        alternative = {
            "transcript": " ".join(word["punctuated_word"] for word in words), "confidence": 0.98, "words": words,
        }  # fmt: skip
        info = {"name": "general-nova-3", "version": "2026-08-01.0", "arch": "nova-3"}
        self.send(
            v1.ListenV1Results, type="Results", channel_index=[0, 1], start=round(start, 6),
            duration=round(now - start, 6), is_final=final, speech_final=speech, from_finalize=asked,
            channel={"alternatives": [alternative]},
            metadata={"request_id": REQUEST, "model_info": info, "model_uuid": REQUEST},
        )  # fmt: skip

    def _words(self, start: float, now: float) -> list[dict[str, Any]]:
        found = []
        for number, ((begin, _), (end, text)) in enumerate(pairwise([(0.0, ""), *self.script])):
            if not start < end <= now:
                continue
            for word in text.split():
                entry = {"word": word.lower(), "start": begin, "end": end, "confidence": 0.98, "punctuated_word": word}
                if self.query.get("diarize_model") or self.query.get("diarize") == "true":
                    entry["speaker"] = self.speakers[number] if self.speakers else 0
                found.append(entry)
        return found
