"""One response in the making: the protocol's events for it, its sound paced. Pure: time is passed in."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from edge.relay.voice.own.items import Items
from edge.relay.voice.own.problems import Json
from edge.relay.voice.own.sound import Mouth, bytes_per_ms

LEAD_MS = 2000  # that sound is sent before it is due: what an interruption throws away, and a slow network needs
DELTA_MS = 100
TOGETHER_S = 0.03  # an engine calls its tools within one step
MOST_S = 300.0  # of sound that waits to be sent; an engine that makes more is stopped

Emit = Callable[..., None]


@dataclass(slots=True)
class Frame:
    """What a response has of its session: a way to send, ids, the conversation; `base` is how it is shown."""

    emit: Emit
    new_id: Callable[[str], str]
    items: Items
    base: Json  # conversation_id, output_modalities, audio, max_output_tokens, metadata
    out_of_band: bool


class Reply:
    """`text`, `sound`, `call` and `ended` as the engine makes it; `tick` sends what is due. `done` when it is over."""

    def __init__(self, frame: Frame, now: float) -> None:
        self.id = frame.new_id("resp")
        self._frame = frame
        self._form = frame.base["audio"]["output"]["format"]["type"]
        self._speaks = frame.base["output_modalities"] == ["audio"]
        self._mouth = Mouth(self._form)
        self._waiting = bytearray()
        self._output: list[Json] = []
        self._open: Json | None = None
        self._said = ""
        self._began: float | None = None
        self._sent = self._sent_before = 0  # bytes: of all, and of messages before this one
        self._over: tuple[str, Json | None] | None = None  # once the engine has made all of it
        self._calls_at = inf
        self.done = False
        self.overlong = False
        self.heard_of = now  # when the engine was last heard of
        self._emit("response.created", response=self._shown("in_progress", None))

    # --- what the engine makes --------------------------------------------------------------------------

    def text(self, words: str) -> None:
        """The next words."""
        if not words or self._over:
            return
        self._message()
        self._said += words
        kind = "response.output_audio_transcript.delta" if self._speaks else "response.output_text.delta"
        self._emit(kind, **self._place(), delta=words)

    def sound(self, pcm: bytes, rate: int, now: float) -> None:
        """The next sound."""
        if not self._speaks or self._over:
            return
        self._message()
        self._waiting += self._mouth(pcm, rate)
        self.overlong = len(self._waiting) > MOST_S * 1000 * bytes_per_ms(self._form)
        self.tick(now)

    def call(self, call_id: str, name: str, arguments: str, now: float) -> None:
        """A tool of the client's; more may follow at once, so that they are told together."""
        self._close_message("completed")
        self._begin({"type": "function_call", "name": name, "call_id": call_id, "arguments": ""})
        where = {**self._place(part=False), "call_id": call_id}
        self._emit("response.function_call_arguments.delta", **where, delta=arguments)
        self._emit("response.function_call_arguments.done", **where, name=name, arguments=arguments)
        assert self._open is not None
        self._open["arguments"] = arguments
        self._end("completed")
        self._calls_at = now + TOGETHER_S

    def ended(self, now: float, status: str = "completed", details: Json | None = None) -> None:
        """The engine has made all of it."""
        if self._over is None:
            if self._speaks:
                self._waiting += self._mouth.end()
            self._over = (status, details)
            self.tick(now)

    # --- time -------------------------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When to `tick` next."""
        if self._began is not None and self._waiting:
            return self._began + (self._sent_ms - LEAD_MS) / 1000
        return self._calls_at if not self._waiting else -inf

    def tick(self, now: float) -> None:
        """Send what is due."""
        size = DELTA_MS * bytes_per_ms(self._form)
        while self._waiting and (len(self._waiting) >= size or self._over or self._began is None):
            self._began = now if self._began is None else self._began
            if now < self._began + (self._sent_ms - LEAD_MS) / 1000:
                return
            self._delta(bytes(self._waiting[:size]))
            del self._waiting[:size]
        if not self._waiting and (self._over or now >= self._calls_at) and not self.done:
            self._finish(*(self._over or ("completed", None)))

    def cancel(self, reason: str, now: float) -> int:
        """End it now; the milliseconds of it that can have been heard."""
        heard = self.heard_ms(now)
        if not self.done:
            self._waiting.clear()
            self._finish("cancelled", {"type": "cancelled", "reason": reason})
        return heard

    def heard_ms(self, now: float) -> int:
        """At most, if it is played as it comes."""
        return 0 if self._began is None else min(self._sent_ms, round((now - self._began) * 1000))

    @property
    def silent(self) -> bool:
        """Whether nothing of it has left."""
        return self._began is None and not self._said

    @property
    def _sent_ms(self) -> int:
        return self._sent // bytes_per_ms(self._form)

    # --- events -----------------------------------------------------------------------------------------

    def _message(self) -> None:
        if self._open is None:
            self._begin({"type": "message", "role": "assistant", "content": []})
            self._said, self._sent_before = "", self._sent
            self._emit("response.content_part.added", **self._place(), part=self._part(""))

    def _begin(self, fields: Json) -> None:
        item = {"id": self._frame.new_id("item"), "object": "realtime.item", "status": "in_progress", **fields}
        self._open = item
        self._output.append(item)
        self._emit("response.output_item.added", **self._place(item=False), item=copy.deepcopy(item))
        if not self._frame.out_of_band:
            previous = self._frame.items.add(item)
            self._emit("conversation.item.added", previous_item_id=previous, item=copy.deepcopy(item))

    def _end(self, status: str) -> None:
        item = self._open
        assert item is not None
        item["status"] = status
        if item["id"] in self._frame.items:
            previous = self._frame.items.before(item["id"])
            self._emit("conversation.item.done", previous_item_id=previous, item=copy.deepcopy(item))
        self._emit("response.output_item.done", **self._place(item=False), item=copy.deepcopy(item))
        self._open = None

    def _delta(self, coded: bytes) -> None:
        self._sent += len(coded)
        assert self._open is not None
        if not self._frame.out_of_band:
            ms = (self._sent - self._sent_before) // bytes_per_ms(self._form)
            self._frame.items.audio_ms[self._open["id"]] = ms
        self._emit("response.output_audio.delta", **self._place(), delta=base64.b64encode(coded).decode())

    def _close_message(self, status: str) -> None:
        if self._open is None:
            return
        if self._waiting:  # a tool is called in the middle of speech: that must be sent before
            self._delta(bytes(self._waiting))
            self._waiting.clear()
        where, said = self._place(), self._said.strip()
        if self._speaks:
            self._emit("response.output_audio.done", **where)
            self._emit("response.output_audio_transcript.done", **where, transcript=said)
            self._open["content"] = [{"type": "output_audio", "transcript": said}]
        else:
            self._emit("response.output_text.done", **where, text=said)
            self._open["content"] = [{"type": "output_text", "text": said}]
        self._emit("response.content_part.done", **where, part=self._part(said))
        self._end(status)

    def _finish(self, status: str, details: Json | None) -> None:
        self.done = True
        self._close_message("completed" if status == "completed" else "incomplete")
        self._emit("response.done", response=self._shown(status, details))

    def _part(self, said: str) -> Json:
        return {"type": "audio", "transcript": said} if self._speaks else {"type": "text", "text": said}

    def _place(self, *, item: bool = True, part: bool = True) -> Json:
        where: Json = {"response_id": self.id, "output_index": len(self._output) - 1}
        if item and self._open is not None:
            where["item_id"] = self._open["id"]
            if part:
                where["content_index"] = 0
        return where

    def _shown(self, status: str, details: Json | None) -> Json:
        return {
            "object": "realtime.response", "id": self.id, "status": status, "status_details": details,
            "output": copy.deepcopy(self._output), "usage": None, **self._frame.base,
        }  # fmt: skip

    def _emit(self, kind: str, **fields: Any) -> None:
        self._frame.emit(kind, **fields)
