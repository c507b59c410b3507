"""One session: what each client event does. Says nothing of sockets: `send` takes events, `handle` gets them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from tests.fakes.realtime.config import Settings, refused, updated
from tests.fakes.realtime.conversation import Entry, decoded
from tests.fakes.realtime.hearing import LEAST_MS, Buffer, Detector, Turn
from tests.fakes.realtime.record import Chunk, Record, Violation
from tests.fakes.realtime.schema import Event, Problem, check_client
from tests.fakes.realtime.script import BYTES_PER_MS, Heard, Request, Scripted
from tests.fakes.realtime.speaking import Response
from tests.fakes.realtime.stage import Stage
from tests.fakes.realtime.usage import context

Send = Callable[[Event], None]


class Session(Stage):
    """The state of one connection."""

    def __init__(
        self, number: int, model: str, send: Send, *, script: Scripted, settings: Settings, log: Record
    ) -> None:
        super().__init__(number, model, send, settings)
        self._script, self._log = script, log
        self._buffer = Buffer()
        self._responses: dict[str, Response] = {}
        self._turn_item, self._turn_ms = "", 0
        self._detector = self._new_detector()

    # ---- what arrives -----------------------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        """Do what a client event asks, or refuse it."""
        problem, cause = check_client(event), event.get("event_id")
        if problem is None:
            problem = getattr(self, "_on_" + event["type"].replace(".", "_"))(event)
        else:
            self._log.violations.append(Violation(self.number, event, problem.message))
        if problem is not None:
            self.error(problem, cause if isinstance(cause, str) else None)

    def _on_session_update(self, event: Event) -> Problem | None:
        update, had = event["session"], self.config["audio"]["input"]["turn_detection"]
        problem = refused(self.config, update, spoken=self.spoken, answering=self.active is not None)
        if problem is None:
            self.config = updated(self.config, update)
            if self.config["audio"]["input"]["turn_detection"] != had:
                self._detector = self._new_detector()
            self.emit("session.updated", session=self.config)
        return problem

    def _on_input_audio_buffer_append(self, event: Event) -> Problem | None:
        pcm = decoded(event["audio"])
        if pcm is None:
            message = (
                "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz), but got an invalid value."
            )
            return Problem("invalid_value", message, "audio")
        self._buffer.append(pcm)
        for turn in self._detector.feed(pcm) if self._detector else ():
            self._turned(turn)
        return None

    def _on_input_audio_buffer_commit(self, event: Event) -> Problem | None:
        if (held := self._buffer.held_ms) < LEAST_MS:
            least = f"Expected at least 100ms of audio, but buffer only has {held:.2f}ms of audio."
            message = f"Error committing input audio buffer: buffer too small. {least}"
            return Problem("input_audio_buffer_commit_empty", message)
        self._detector = self._new_detector()
        self._commit(self.new_id("item"), self._buffer.take())
        return None

    def _on_input_audio_buffer_clear(self, event: Event) -> None:
        self._buffer.clear()
        self._detector = self._new_detector()
        self.emit("input_audio_buffer.cleared")

    def _on_output_audio_buffer_clear(self, event: Event) -> Problem:
        return Problem("invalid_value", "output_audio_buffer.clear is only supported over WebRTC and SIP.", "type")

    def _on_conversation_item_create(self, event: Event) -> Problem | None:
        item, after = dict(event["item"]), event.get("previous_item_id")
        if problem := self.conversation.refused(item, after):
            return problem
        item = {"id": self.new_id("item"), **item, "object": "realtime.item", "status": "completed"}
        if item["type"] == "function_call":
            item.setdefault("call_id", self.new_id("call"))
        pcm = b"".join(decoded(part.get("audio", "")) or b"" for part in item.get("content", []))
        if "content" in item:
            item["content"] = [{key: part[key] for key in part if key != "audio"} for part in item["content"]]
        self._add(item, pcm, after)
        return None

    def _on_conversation_item_retrieve(self, event: Event) -> Problem | None:
        if problem := self.conversation.absent(event["item_id"], "retrieve"):
            return problem
        self.emit("conversation.item.retrieved", item=self.conversation.entries[event["item_id"]].retrieved())
        return None

    def _on_conversation_item_delete(self, event: Event) -> Problem | None:
        if problem := self.conversation.absent(event["item_id"], "delete"):
            return problem
        del self.conversation.entries[event["item_id"]]
        self.emit("conversation.item.deleted", item_id=event["item_id"])
        return None

    def _on_conversation_item_truncate(self, event: Event) -> Problem | None:
        item, end = event["item_id"], event["audio_end_ms"]
        if problem := self.conversation.absent(item, "truncate") or self.conversation.truncate(item, end):
            return problem
        self.emit("conversation.item.truncated", item_id=item, content_index=event["content_index"], audio_end_ms=end)
        return None

    def _on_response_create(self, event: Event) -> Problem | None:
        return self._respond(event.get("response") or {})

    def _on_response_cancel(self, event: Event) -> Problem | None:
        wanted = event.get("response_id")
        response = self._responses.get(wanted) if wanted else self.active
        if response is None or not response.announced:
            return Problem("response_cancel_not_active", "Cancellation failed: no active response found")
        response.cancel("client_cancelled")
        return None

    # ---- turns ------------------------------------------------------------------------------------------------

    def _new_detector(self) -> Detector | None:
        detection = self.config["audio"]["input"]["turn_detection"]
        return Detector(detection, self.settings, self._buffer.now_ms) if detection else None

    def _turned(self, turn: Turn) -> None:
        detection = self.config["audio"]["input"]["turn_detection"]
        if turn.what == "started":
            self._turn_item, self._turn_ms = self.new_id("item"), turn.at_ms
            self.emit("input_audio_buffer.speech_started", item_id=self._turn_item, audio_start_ms=turn.at_ms)
            if self.active is not None and detection["interrupt_response"]:
                self.active.cancel("turn_detected")
            return
        self.emit("input_audio_buffer.speech_stopped", item_id=self._turn_item, audio_end_ms=turn.at_ms)
        self._commit(self._turn_item, self._buffer.take(self._turn_ms, turn.at_ms))
        if detection["create_response"] and (problem := self._respond({})):
            self.error(problem)

    def _commit(self, item_id: str, pcm: bytes) -> None:
        self._log.committed[item_id] = pcm
        self.emit("input_audio_buffer.committed", item_id=item_id, previous_item_id=self.conversation.last)
        content = [{"type": "input_audio", "transcript": None}]
        item = {"id": item_id, "object": "realtime.item", "type": "message", "role": "user", "status": "completed"}
        self._add({**item, "content": content}, pcm, None)
        if self.config["audio"]["input"]["transcription"]:
            self.start(self._transcribe(item_id, len(pcm) / BYTES_PER_MS / 1000, self._script.heard()))

    def _add(self, item: dict[str, Any], pcm: bytes, after: str | None) -> None:
        previous = self.conversation.add(item, pcm, after)
        self.emit("conversation.item.added", previous_item_id=previous, item=item)
        self.emit("conversation.item.done", previous_item_id=previous, item=item)

    async def _transcribe(self, item_id: str, seconds: float, heard: Heard) -> None:
        await asyncio.sleep(heard.after_ms / 1000)
        where, prefix = {"item_id": item_id, "content_index": 0}, "conversation.item.input_audio_transcription."
        if heard.failure is not None:
            error = {"type": heard.failure.type, "code": heard.failure.code, "message": heard.failure.message}
            self.emit(prefix + "failed", **where, error=error)
            return
        for at, word in enumerate(heard.text.split()):
            self.emit(prefix + "delta", **where, delta=f" {word}" if at else word)
        duration = {"type": "duration", "seconds": seconds}
        self.emit(prefix + "completed", **where, transcript=heard.text, usage=duration)
        if item_id in self.conversation.entries:
            self.conversation.entries[item_id].item["content"][0]["transcript"] = heard.text

    # ---- responses --------------------------------------------------------------------------------------------

    @property
    def active(self) -> Response | None:
        """The response in the conversation; others, out of band, may run beside it."""
        return next((response for response in self._responses.values() if not response.out_of_band), None)

    def _respond(self, params: dict[str, Any]) -> Problem | None:
        if self.active is not None and params.get("conversation") != "none":
            wait = "Wait until the response is finished before creating a new one."
            message = f"Conversation already has an active response in progress: {self.active.id}. {wait}"
            return Problem("conversation_already_has_active_response", message)
        for at, item in enumerate(params.get("input") or []):
            if item["type"] == "item_reference" and item.get("id") not in self.conversation.entries:
                message = f"Item with id '{item.get('id')}' not found in conversation."
                return Problem("invalid_item_reference", message, f"response.input[{at}].id")
        self._begin(params)
        return None

    def _begin(self, params: dict[str, Any]) -> None:
        entries = [*self._context(params)]
        reply = self._script.reply(Request(self.number, params, tuple(entry.item for entry in entries)))
        read = context(params.get("instructions") or self.config["instructions"], entries)
        response = Response(self, params, reply, read, self._ended)
        self._responses[response.id] = response
        if not self.settings.accept_ms:
            response.announce()
        response.task = self.start(response.run(self.settings.accept_ms))

    def _context(self, params: dict[str, Any]) -> Iterator[Entry]:
        if params.get("input") is None:
            yield from self.conversation.entries.values()
        for item in params.get("input") or []:
            yield self.conversation.entries[item["id"]] if item["type"] == "item_reference" else Entry(item)

    def _ended(self, response: Response) -> None:
        self._responses.pop(response.id, None)


def chunk_of(session: int, at: float, event: Event) -> Chunk | None:
    """What an append put on the wire."""
    audio = event.get("audio") if event.get("type") == "input_audio_buffer.append" else None
    pcm = decoded(audio) if isinstance(audio, str) else None
    return None if pcm is None else Chunk(at, session, pcm)
