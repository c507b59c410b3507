"""Anthropic's models, through the vendor's client (API version 2026-10-21, which takes no sampling parameters)."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.agents.chained.llm import effort
from edge.agents.chained.llm.history import Round, called, echoed, echoing, from_person, last_question
from edge.agents.chained.llm.remote import Ending, Piece, RemoteMind
from edge.core.chain import Message, Request, Role, ToolSpec

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

_EVENTS = (
    '{"type":"message_start","message":{"content":[],"usage":{"input_tokens":1,"output_tokens":1}}}',
    '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}',
    '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}',
    '{"type":"message_stop"}',
)
MODEL = "claude-haiku-5-5"
_OURS = "claude"  # in Call.echo
_CUT = {"max_tokens", "model_context_window_exceeded"}


class Claude(RemoteMind["AsyncAnthropic"]):
    """Kind "claude"."""

    vendor, address, credential = "Anthropic", "https://api.anthropic.com", "anthropic_api_key"
    extra = "claude"
    rehearsal = "".join(f"event: message\ndata: {event}\n\n" for event in _EVENTS)

    def connect(self, http: Any) -> AsyncAnthropic:
        """The vendor's client."""
        from anthropic import AsyncAnthropic

        url = self.url.removesuffix("/v1")  # the client adds it
        return AsyncAnthropic(
            api_key=self.key, base_url=url, http_client=http, timeout=http.timeout, max_retries=0, open_telemetry=False
        )

    async def reply(self, sdk: AsyncAnthropic, settled: list[Round], request: Request) -> AsyncGenerator[Piece]:
        """Text comes in deltas; the calls come when the service has said why it stops."""
        messages = _messages(from_person(settled))
        if not messages:
            return
        stream = await sdk.messages.create(**self._parameters(messages, request))
        reading = _Reading(self)
        async with stream, aclosing(aiter(stream)) as events:
            async for event in events:
                if text := reading.take(event):
                    yield text
        for piece in reading.rest():
            yield piece

    def _parameters(self, messages: list[dict[str, Any]], request: Request) -> dict[str, Any]:
        model = self.config.model or MODEL
        little = effort.claude(model, self.config.effort)
        parameters: dict[str, Any] = {
            "model": model,
            "messages": messages,
            "max_tokens": self.config.max_tokens + effort.room(little),
            "stream": True,
            # Up to the last message: the next turn or round reads for a tenth of the price, and sooner, what this one
            # wrote for a quarter more. A prompt shorter than the model's least (1024 tokens and more) costs nothing.
            "cache_control": {"type": "ephemeral"},
            **little,
        }
        if request.instructions:
            parameters["system"] = request.instructions
        if request.tools:
            parameters["tools"] = [_tool(tool) for tool in request.tools]
        return parameters


@dataclass(slots=True)
class _Block:
    """A block of the reply that is no text."""

    type: str
    id: str = ""
    name: str = ""
    text: str = ""  # a call's arguments, or a thought
    signature: str = ""  # or a thought that is encrypted

    def thought(self) -> dict[str, str]:
        """As it is sent again."""
        if self.type == "redacted_thinking":
            return {"type": self.type, "data": self.signature}
        return {"type": self.type, "thinking": self.text, "signature": self.signature}


class _Reading:
    """One message, event by event."""

    def __init__(self, mind: Claude) -> None:
        self._mind, self._ending = mind, Ending(mind)
        self._blocks: dict[int, _Block] = {}
        self._usage: dict[str, int] = {}
        self._id = ""
        self._stop = ""
        self._over = False

    def take(self, event: Any) -> str:
        """The text in it."""
        match event.type:
            case "message_start":
                self._id = event.message.id
                self._count(event.message.usage)
            case "content_block_start":
                self._begin(event.index, event.content_block)
            case "content_block_delta":
                return self._delta(event.index, event.delta)
            case "message_delta":
                self._stop = event.delta.stop_reason or ""
                self._count(event.usage)
            case "message_stop":
                self._over = True
        return ""

    def rest(self) -> list[Piece]:
        """What follows the text."""
        if not self._over:
            raise self._mind.broke_off()
        blocks = [block for _, block in sorted(self._blocks.items())]
        calls = [called(one.id, one.name, one.text) for one in blocks if one.type == "tool_use"]
        thoughts = [one.thought() for one in blocks if one.type != "tool_use"]
        calls = echoing(calls, _OURS, json.dumps(thoughts) if thoughts else "")
        pieces = self._ending.rest(calls, cut=self._stop in _CUT, declined=self._stop == "refusal")
        count = self._usage.get
        cached = count("cache_read_input_tokens", 0)
        # What is written to the cache costs a quarter more than other input, and is counted as that.
        text_in = count("input_tokens", 0) + count("cache_creation_input_tokens", 0) + cached
        return pieces + self._mind.used(self._mind.config.model or MODEL, text_in, cached, count("output_tokens"),
                                         named=self._id)  # fmt: skip

    def _begin(self, index: int, block: Any) -> None:
        match block.type:
            case "tool_use":
                # Its `input` is empty here, with the vendor; others may send all of it at once.
                whole = json.dumps(block.input) if block.input else ""
                self._blocks[index] = _Block(block.type, block.id, block.name, whole)
            case "thinking":
                self._blocks[index] = _Block(block.type, text=block.thinking, signature=block.signature)
            case "redacted_thinking":
                self._blocks[index] = _Block(block.type, signature=block.data)

    def _delta(self, index: int, delta: Any) -> str:
        match delta.type:
            case "text_delta":
                return self._ending.said(delta.text)
            case "input_json_delta":
                self._blocks[index].text += delta.partial_json
            case "thinking_delta":
                self._blocks[index].text += delta.thinking
            case "signature_delta":
                self._blocks[index].signature += delta.signature
        return ""

    def _count(self, usage: Any) -> None:
        """Each figure is the newest of its kind, not a sum; what a later one leaves out stands."""
        self._usage.update({key: value for key, value in usage.to_dict().items() if isinstance(value, int)})


def _messages(settled: list[Round]) -> list[dict[str, Any]]:
    """All results of a round go in one message, right after the calls."""
    messages: list[dict[str, Any]] = []
    question = last_question(settled)
    for at, one in enumerate(settled):
        content: list[dict[str, Any]] = []
        if at > question:  # the vendor may refuse older thoughts, as what was said before them has been cut since
            content += [thought for call in one.calls for thought in json.loads(echoed(call, _OURS) or "[]")]
        if one.text.strip():
            content.append({"type": "text", "text": one.text})
        content += [
            {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": dict(call.arguments)}
            for call in one.calls
        ]
        messages.append({"role": "user" if one.role is Role.USER else "assistant", "content": content})
        if one.results:
            messages.append({"role": "user", "content": [_result(each) for each in one.results]})
    return messages


def _result(result: Message) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": _id(result.call), "content": result.text}


def _id(call: str) -> str:
    """As this vendor wants it, for a call that another's model made."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", call)


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
