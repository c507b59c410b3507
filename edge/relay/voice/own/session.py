"""The server's side of the Realtime protocol before one of this project's engines. Pure but for the detector.

`handle` takes the client's events; see Answering for the engine's and the time.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from edge.relay.voice.own import settings
from edge.relay.voice.own.answering import Answering
from edge.relay.voice.own.floor import Seat
from edge.relay.voice.own.hearing import Hearing
from edge.relay.voice.own.items import shown, words
from edge.relay.voice.own.problems import Json, Wrong, invalid, table, text, unsupported, whole


class Session(Answering):
    """`sit` before anything else. `spent` is told what the engine has cost."""

    def sit(self, seat: Seat) -> None:
        """At an engine; the first event goes out."""
        self._seat, self._hearing = seat, Hearing(seat, self.config)
        self._emit("session.created", session=self.config)

    # --- the client -------------------------------------------------------------------------------------

    def handle(self, event: Json | None, now: float) -> None:
        """Do what an event asks, or refuse it."""
        cause = event.get("event_id") if event is not None else None
        try:
            self._do(event, now)
        except Wrong as wrong:
            self._error(wrong, cause if isinstance(cause, str) else None)

    def _do(self, event: Json | None, now: float) -> None:
        if event is None:
            raise Wrong("invalid_json", "Could not parse the message as a JSON object.")
        handler = self._HANDLERS.get(event["type"])
        if handler is None:
            raise unsupported("type", event["type"], tuple(self._HANDLERS))
        handler(self, event, now)

    def _update(self, event: Json, _: float) -> None:
        self.config = settings.updated(self.config, table(event, "session"))
        self._hearing.configure(self.config)
        self._emit("session.updated", session=self.config)

    def _append(self, event: Json, now: float) -> None:
        for change in self._hearing.append(text(event, "audio")):
            if change.what == "started":
                self._started(change.at_ms, now)
            elif change.what == "stopped":
                self._stopped(change.at_ms, now)

    def _commit(self, _: Json, now: float) -> None:
        self._hearing.commit()
        self._committed(self._hearing.item or self._new_id("item"), now)

    def _clear(self, _: Json, __: float) -> None:
        self._hearing.clear()
        self._hearing.item = ""
        self._emit("input_audio_buffer.cleared")

    def _create_item(self, event: Json, now: float) -> None:
        after = event.get("previous_item_id")
        item = self.items.checked(table(event, "item"), after, self._new_id("item"))
        audio = [part["audio"] for part in item.get("content", []) if part["type"] == "input_audio"]
        for piece in audio:
            for change in self._hearing.append(piece):
                del change  # given whole, it has no turns
        if audio:
            self._hearing.commit()
            self._spoke = True
        plain = shown(item)
        previous = self.items.add(plain, after)
        self._emit("conversation.item.added", previous_item_id=previous, item=plain)
        self._emit("conversation.item.done", previous_item_id=previous, item=plain)
        if typed := words(plain):
            self._typed.append(typed)
        if item["type"] == "function_call_output" and item["call_id"] in self._calls:
            self._calls.discard(item["call_id"])
            self._seat.tool_result(item["call_id"], _result(item["output"]))
        self.tick(now)

    def _retrieve(self, event: Json, _: float) -> None:
        self._emit("conversation.item.retrieved", item=self.items.get(text(event, "item_id"), "retrieve"))

    def _delete(self, event: Json, _: float) -> None:
        item_id = text(event, "item_id")
        self.items.delete(item_id)
        self._emit("conversation.item.deleted", item_id=item_id)

    def _truncate(self, event: Json, _: float) -> None:
        item_id, index, end = text(event, "item_id"), whole(event, "content_index"), whole(event, "audio_end_ms")
        self.items.truncate(item_id, end)
        if self._reply is None:
            self._seat.interrupt(end)
        self._emit("conversation.item.truncated", item_id=item_id, content_index=index, audio_end_ms=end)

    def _create_response(self, event: Json, now: float) -> None:
        if self._reply is not None:
            busy = "Conversation already has an active response in progress"
            raise Wrong("conversation_already_has_active_response", f"{busy}: {self._reply.id}. Wait until it is done.")
        params = event.get("response") or {}
        if not isinstance(params, dict):
            raise invalid("response", "an object")
        self._respond(self._checked(params), now)

    def _cancel(self, event: Json, now: float) -> None:
        if self._reply is None or event.get("response_id", self._reply.id) != self._reply.id:
            raise Wrong("response_cancel_not_active", "Cancellation failed: no active response found")
        self._stop("client_cancelled", now)

    def _no_buffer(self, _: Json, __: float) -> None:
        raise Wrong("invalid_value", "output_audio_buffer.clear is only supported over WebRTC and SIP.", "type")

    _HANDLERS: dict[str, Callable[[Session, Json, float], None]] = {  # noqa: RUF012  never written to
        "session.update": _update, "input_audio_buffer.append": _append, "input_audio_buffer.commit": _commit,
        "input_audio_buffer.clear": _clear, "conversation.item.create": _create_item,
        "conversation.item.retrieve": _retrieve, "conversation.item.delete": _delete,
        "conversation.item.truncate": _truncate, "response.create": _create_response, "response.cancel": _cancel,
        "output_audio_buffer.clear": _no_buffer,
    }  # fmt: skip

    @property
    def busy(self) -> bool:
        """Whether somebody speaks, or is answered."""
        return self._reply is not None or self._hearing.speaking

    # --- the person's turn --------------------------------------------------------------------------------

    def _started(self, at_ms: int, now: float) -> None:
        self._hearing.item = self._new_id("item")
        self._emit("input_audio_buffer.speech_started", item_id=self._hearing.item, audio_start_ms=at_ms)
        detection = self.config["audio"]["input"]["turn_detection"]
        if self._reply is not None and detection is not None and detection["interrupt_response"]:
            self._stop("turn_detected", now)

    def _stopped(self, at_ms: int, now: float) -> None:
        self._emit("input_audio_buffer.speech_stopped", item_id=self._hearing.item, audio_end_ms=at_ms)
        self._hearing.turn_over()
        self._committed(self._hearing.item, now)
        detection = self.config["audio"]["input"]["turn_detection"]
        if self._reply is None and detection is not None and detection["create_response"]:
            self._respond({}, now)

    def _committed(self, item_id: str, _: float) -> None:
        self._hearing.item = ""
        self._spoke = True
        if self._said_in:  # what was said there is heard together with this
            self._transcribed(self._said_in, "")
        content = [{"type": "input_audio", "transcript": None}]
        item = {"id": item_id, "object": "realtime.item", "type": "message", "role": "user", "status": "completed",
                "content": content}  # fmt: skip
        previous = self.items.add(item)
        self._said_in = item_id
        self._emit("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
        self._emit("conversation.item.added", item=item, previous_item_id=previous)
        self._emit("conversation.item.done", item=item, previous_item_id=previous)

    def _error(self, wrong: Wrong, cause: str | None) -> None:
        error = {"type": "invalid_request_error", "code": wrong.code, "message": str(wrong), "param": wrong.param}
        self._emit("error", error={**error, "event_id": cause})


def _result(output: str) -> dict[str, object]:
    """What a client's tool gave: an object, or anything else as its `result`."""
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        return {"result": output}
    return found if isinstance(found, dict) else {"result": found}
