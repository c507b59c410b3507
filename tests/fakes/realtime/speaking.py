"""One response: the vendor's events in the vendor's order, paced as the script says."""

from __future__ import annotations

import asyncio
import base64
import copy
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from tests.fakes.realtime.conversation import Entry, Item
from tests.fakes.realtime.script import BYTES_PER_MS, Call, Reply
from tests.fakes.realtime.stage import Stage
from tests.fakes.realtime.usage import text_tokens, usage

ARGUMENTS_DELTA = 12


class Response:
    """Runs as a task; `finish` and `cancel` end it at once, with all events that an end takes."""

    def __init__(
        self,
        stage: Stage,
        params: dict[str, Any],
        reply: Reply,
        read: tuple[int, int],
        ended: Callable[[Response], None],
    ) -> None:
        self.id = stage.new_id("resp")
        self.out_of_band = params.get("conversation") == "none"
        self.announced = False
        self.task: asyncio.Task[None] | None = None
        self._stage, self._params, self._reply, self._read, self._ended = stage, params, reply, read, ended
        self._modality = (params.get("output_modalities") or stage.config["output_modalities"])[0]
        self._output: list[Entry] = []
        self._open: Entry | None = None
        self._said = ""
        self._audio_ms = self._written = 0

    async def run(self, accept_ms: float) -> None:
        """Think, speak, call, finish."""
        reply = self._reply
        if not self.announced:
            await asyncio.sleep(accept_ms / 1000)
            self.announce()
        await asyncio.sleep(reply.think_ms / 1000)
        if reply.speaks:
            await self._message()
        if reply.failure:
            error = {"type": reply.failure.type, "code": reply.failure.code, "message": reply.failure.message}
            return self._finish("failed", {"type": "failed", "error": error})
        for call in reply.calls:
            self._call(call)
        if reply.incomplete:
            return self._finish("incomplete", {"type": "incomplete", "reason": reply.incomplete})
        return self._finish("completed", None)

    def announce(self) -> None:
        """It has begun, and can be cancelled."""
        self.announced = True
        self._stage.emit("response.created", response=self._shown("in_progress", None, None))
        self._stage.rate_limits("start")

    def cancel(self, reason: str) -> None:
        """End it now; before response.created there is nothing to tell of."""
        if self.task is not None:
            self.task.cancel()
        if self.announced:
            self._finish("cancelled", {"type": "cancelled", "reason": reason})
        else:
            self._ended(self)

    def _finish(self, status: str, details: dict[str, Any] | None) -> None:
        if self._open is not None:
            self._close("completed" if status == "completed" else "incomplete")
        self._ended(self)
        spent = usage(self._read, self._stage.read_before, self._said, self._audio_ms)
        spent["output_token_details"]["text_tokens"] += self._written
        spent["output_tokens"] += self._written
        spent["total_tokens"] += self._written
        self._stage.emit("response.done", response=self._shown(status, details, spent))
        self._stage.read_before = self._read
        self._stage.rate_limits("end")

    def _shown(self, status: str, details: dict[str, Any] | None, spent: dict[str, Any] | None) -> dict[str, Any]:
        config, params = self._stage.config, self._params
        output = {key: config["audio"]["output"][key] for key in ("format", "voice")}
        output.update((params.get("audio") or {}).get("output", {}))
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [copy.deepcopy(entry.item) for entry in self._output],
            "conversation_id": None if self.out_of_band else self._stage.conversation.id,
            "output_modalities": [self._modality],
            "max_output_tokens": params.get("max_output_tokens", config["max_output_tokens"]),
            "audio": {"output": output},
            "usage": spent,
            "metadata": params.get("metadata"),
        }

    # ---- items ------------------------------------------------------------------------------------------------

    def _begin(self, item: Item) -> None:
        item = {"id": self._stage.new_id("item"), "object": "realtime.item", "status": "in_progress", **item}
        self._open = Entry(item)
        self._output.append(self._open)
        self._stage.emit("response.output_item.added", **self._where("output"), item=copy.deepcopy(item))
        if not self.out_of_band:
            previous = self._stage.conversation.add(item)
            self._open = self._output[-1] = self._stage.conversation.entries[item["id"]]
            self._stage.emit("conversation.item.added", previous_item_id=previous, item=copy.deepcopy(item))

    def _end(self, status: str) -> None:
        entry, conversation = self._current, self._stage.conversation
        entry.item["status"] = status
        item = copy.deepcopy(entry.item)
        if item["id"] in conversation.entries:
            previous = conversation.before(item["id"])
            self._stage.emit("conversation.item.done", previous_item_id=previous, item=item)
        self._stage.emit("response.output_item.done", **self._where("output"), item=item)
        self._open = None

    @property
    def _current(self) -> Entry:
        assert self._open is not None
        return self._open

    def _where(self, depth: str) -> dict[str, Any]:
        """The ids that an event of an output, an item or a content part carries."""
        where: dict[str, Any] = {"response_id": self.id, "output_index": len(self._output) - 1}
        if depth in {"item", "part"}:
            where["item_id"] = self._current.item["id"]
        if depth == "part":
            where["content_index"] = 0
        return where

    # ---- a message --------------------------------------------------------------------------------------------

    async def _message(self) -> None:
        self._begin({"type": "message", "role": "assistant", "content": []})
        self._stage.emit("response.content_part.added", **self._where("part"), part=self._part(""))
        await (self._speak() if self._modality == "audio" else self._write())
        self._close("incomplete" if self._reply.incomplete or self._reply.failure else "completed")

    async def _write(self) -> None:
        for word in _pieces(self._reply.text, len(self._reply.text.split())):
            await asyncio.sleep(0)
            self._said += word
            self._stage.emit("response.output_text.delta", **self._where("part"), delta=word)

    async def _speak(self) -> None:
        pace, pcm = self._reply.pace, self._reply.audio
        size = pace.delta_ms * BYTES_PER_MS
        deltas = [pcm[at : at + size] for at in range(0, len(pcm), size)]
        late, start = random.Random(pace.seed), asyncio.get_running_loop().time()
        for index, (delta, words) in enumerate(zip(deltas, _pieces(self._reply.text, len(deltas)), strict=True)):
            due = start + pace.due(index * pace.delta_ms, late.random())
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            self._delta(delta, words)

    def _delta(self, pcm: bytes, words: str) -> None:
        where = self._where("part")
        if words:
            self._said += words
            self._stage.emit("response.output_audio_transcript.delta", **where, delta=words)
        self._current.pcm += pcm
        self._audio_ms += len(pcm) // BYTES_PER_MS
        self._stage.spoken = True
        self._stage.emit("response.output_audio.delta", **where, delta=base64.b64encode(pcm).decode())

    def _close(self, status: str) -> None:
        """The ends of a message, also of one that is cut off: with what was said until then."""
        if self._current.item["type"] == "message":
            where = self._where("part")
            if self._modality == "audio":
                self._stage.emit("response.output_audio.done", **where)
                self._stage.emit("response.output_audio_transcript.done", **where, transcript=self._said)
                self._current.item["content"] = [{"type": "output_audio", "transcript": self._said}]
            else:
                self._stage.emit("response.output_text.done", **where, text=self._said)
                self._current.item["content"] = [{"type": "output_text", "text": self._said}]
            self._stage.emit("response.content_part.done", **where, part=self._part(self._said))
        self._end(status)

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "audio", "transcript": text} if self._modality == "audio" else {"type": "text", "text": text}

    # ---- a function call --------------------------------------------------------------------------------------

    def _call(self, call: Call) -> None:
        call_id = call.call_id or self._stage.new_id("call")
        self._begin({"type": "function_call", "name": call.name, "call_id": call_id, "arguments": ""})
        where = {**self._where("item"), "call_id": call_id}
        for at in range(0, len(call.arguments), ARGUMENTS_DELTA):
            delta = call.arguments[at : at + ARGUMENTS_DELTA]
            self._stage.emit("response.function_call_arguments.delta", **where, delta=delta)
        self._stage.emit("response.function_call_arguments.done", **where, name=call.name, arguments=call.arguments)
        self._current.item["arguments"] = call.arguments
        self._written += text_tokens(call.arguments)
        self._end("completed")


def _pieces(text: str, count: int) -> Iterator[str]:
    """The words in `count` parts that add up to the text."""
    if count == 0:
        return
    words = [f" {word}" if at else word for at, word in enumerate(text.split())]
    ends = [-(-len(words) * at // count) for at in range(count + 1)]  # rounded up: words lead the audio
    for start, end in pairwise(ends):
        yield "".join(words[start:end])
