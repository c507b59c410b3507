"""Chat Completions, through OpenAI's client: the vendor's, and that of Ollama, llama.cpp, vLLM and many others."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from edge.agents.chained.llm import effort
from edge.agents.chained.llm.failing import by_told, told
from edge.agents.chained.llm.history import Round, called
from edge.agents.chained.llm.openai import ADDRESS, MODEL, Json, client, events
from edge.agents.chained.llm.remote import Ending, Piece, RemoteMind
from edge.agents.chained.llm.thoughts import Thoughts
from edge.core.chain import Call, Request, Role, ToolSpec

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_REHEARSAL = 'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
_VENDORS = ("openai.com", "azure.com")  # theirs take `max_completion_tokens` only; many of the others `max_tokens` only


class Chat(RemoteMind["AsyncOpenAI"]):
    """Kind "chat"."""

    vendor, address, credential = "The chat service", ADDRESS, "openai_api_key"
    extra = "cloud"
    rehearsal = _REHEARSAL

    def connect(self, http: Any) -> AsyncOpenAI:
        """The vendor's client."""
        return client(http, self.url, self.key)

    async def reply(self, sdk: AsyncOpenAI, settled: list[Round], request: Request) -> AsyncGenerator[Piece]:
        """Text comes in deltas; the calls come when the service has said that they are whole."""
        reading = _Reading(self)
        async with aclosing(events(sdk, "/chat/completions", self._parameters(settled, request))) as chunks:
            async for chunk in chunks:
                if text := reading.take(chunk):
                    yield text
        for piece in reading.rest():
            yield piece

    def _parameters(self, settled: list[Round], request: Request) -> dict[str, Any]:
        model = self.config.model or MODEL
        vendors = (urlsplit(self.url).hostname or "").endswith(_VENDORS)
        little = effort.openai(model, self.config.effort) if vendors else self.config.effort
        parameters: dict[str, Any] = {
            "model": model,
            "messages": _messages(settled, request.instructions),
            "max_completion_tokens" if vendors else "max_tokens": self.config.max_tokens + effort.room(little),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if little:
            parameters["reasoning_effort"] = little
        if request.tools:
            parameters["tools"] = [_tool(tool) for tool in request.tools]
        return parameters


@dataclass(slots=True)
class _Part:
    """What has come of a call."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class _Reading:
    """One reply, chunk by chunk."""

    def __init__(self, mind: Chat) -> None:
        self._mind, self._ending, self._thoughts = mind, Ending(mind), Thoughts()
        self._parts: list[_Part] = []
        self._at: dict[int, _Part] = {}
        self._finish = ""
        self._usage: Json = {}
        self._id: object = ""

    def take(self, chunk: Json) -> str:
        """The text in it."""
        if chunk.get("error"):
            raise by_told(self._mind.service, told(chunk))
        self._usage = chunk.get("usage") or self._usage
        self._id = chunk.get("id") or self._id
        text = ""
        for choice in chunk.get("choices", ())[:1]:
            delta = choice.get("delta") or {}
            for call in delta.get("tool_calls") or ():
                self._add(call)
            text = self._thoughts.without(self._ending.said(delta.get("content") or delta.get("refusal") or ""))
            self._finish = choice.get("finish_reason") or self._finish
        return text

    def rest(self) -> list[Piece]:
        """What follows the text."""
        if not self._finish:
            raise self._mind.broke_off()
        calls = [called(part.id or f"call_{uuid4().hex[:24]}", part.name, part.arguments) for part in self._parts]
        pieces: list[Piece] = [text] if (text := self._thoughts.rest()) else []
        pieces += self._ending.rest(calls, cut=self._finish == "length", declined=self._finish == "content_filter")
        usage = self._usage  # not all servers count
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
        model = self._mind.config.model or MODEL
        return pieces + self._mind.used(model, usage.get("prompt_tokens"), cached, usage.get("completion_tokens"),
                                         named=self._id)  # fmt: skip

    def _add(self, call: Json) -> None:
        """By index: id and name come once, arguments in pieces.

        Servers that give no index, or the same one to all calls, send each call at once.
        """
        index = call.get("index", len(self._parts))
        part = self._at.get(index)
        if part is None or call.get("id") not in {None, "", part.id}:
            part = self._at[index] = _Part()
            self._parts.append(part)
        function = call.get("function") or {}
        part.id = call.get("id") or part.id
        part.name = function.get("name") or part.name
        part.arguments += function.get("arguments") or ""


def _messages(settled: list[Round], instructions: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": instructions}] if instructions else []
    for one in settled:
        message: dict[str, Any] = {"role": "user" if one.role is Role.USER else "assistant", "content": one.text}
        if one.calls:
            message["tool_calls"] = [_call(call) for call in one.calls]
        messages.append(message)
        messages += [{"role": "tool", "tool_call_id": result.call, "content": result.text} for result in one.results]
    return messages


def _call(call: Call) -> dict[str, Any]:
    written = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": written}}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}
