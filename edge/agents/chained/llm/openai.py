"""OpenAI's language models by the Responses API, through the vendor's client. Nothing is stored there."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from edge.agents.chained.llm import effort
from edge.agents.chained.llm.failing import by_told, told
from edge.agents.chained.llm.history import Round, called, echoed, echoing, last_question
from edge.agents.chained.llm.remote import Ending, Piece, RemoteMind
from edge.core.chain import Call, Request, Role, ToolSpec

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_REHEARSAL = (
    'data: {"type":"response.output_text.delta","delta":"Hi"}\n\ndata: {"type":"response.completed","response":{}}\n\n'
)
Json = dict[str, Any]

MODEL = "gpt-6-luna"
ADDRESS = "https://api.openai.com/v1"
_OURS = "openai"  # in Call.echo


class OpenAI(RemoteMind["AsyncOpenAI"]):
    """Kind "openai"."""

    vendor, address, credential = "OpenAI", ADDRESS, "openai_api_key"
    extra = "cloud"
    rehearsal = _REHEARSAL

    def connect(self, http: Any) -> AsyncOpenAI:
        """The vendor's client."""
        return client(http, self.url, self.key)

    async def reply(self, sdk: AsyncOpenAI, settled: list[Round], request: Request) -> AsyncGenerator[Piece]:
        """Text comes in deltas, a call when it is whole."""
        reading = _Reading(self)
        async with aclosing(events(sdk, "/responses", self._parameters(settled, request))) as stream:
            async for event in stream:
                if text := reading.take(event):
                    yield text
        for piece in reading.rest():
            yield piece

    def _parameters(self, settled: list[Round], request: Request) -> dict[str, Any]:
        model = self.config.model or MODEL
        little = effort.openai(model, self.config.effort)
        parameters: dict[str, Any] = {
            "model": model,
            "input": _input(settled),
            "max_output_tokens": self.config.max_tokens + effort.room(little),
            "store": False,
            "stream": True,
            "stream_options": {"include_obfuscation": False},
        }
        if request.instructions:
            parameters["instructions"] = request.instructions
        if little:
            parameters["reasoning"] = {"effort": little}
        if request.tools:
            parameters["tools"] = [_tool(tool) for tool in request.tools]
        return parameters


class _Reading:
    """One response, event by event."""

    def __init__(self, mind: OpenAI) -> None:
        self._mind, self._ending = mind, Ending(mind)
        self._calls: list[Call] = []
        self._thoughts: list[Json] = []
        self._response: Json | None = None

    def take(self, event: Json) -> str:
        """The text in it. Events that say nothing of use, and those of later versions, have none."""
        match event["type"]:
            case "response.output_text.delta" | "response.refusal.delta":
                return self._ending.said(event["delta"])
            case "response.output_item.done":
                self._item(event["item"])
            case "response.completed" | "response.incomplete":
                self._response = event["response"]
            case "response.failed":
                raise by_told(self._mind.service, told(event["response"]))
            case "error":
                raise by_told(self._mind.service, told(event))
        return ""

    def rest(self) -> list[Piece]:
        """What follows the text."""
        response = self._response
        if response is None:
            raise self._mind.broke_off()
        reason = (response.get("incomplete_details") or {}).get("reason")
        calls = echoing(self._calls, _OURS, json.dumps(self._thoughts) if self._thoughts else "")
        pieces = self._ending.rest(calls, cut=reason == "max_output_tokens", declined=reason == "content_filter")
        usage = response.get("usage") or {}
        cached = (usage.get("input_tokens_details") or {}).get("cached_tokens")
        model = self._mind.config.model or MODEL
        return pieces + self._mind.used(model, usage.get("input_tokens"), cached, usage.get("output_tokens"),
                                         named=response.get("id"))  # fmt: skip

    def _item(self, item: Json) -> None:
        if item["type"] == "function_call":
            self._calls.append(called(item["call_id"], item["name"], item["arguments"]))
        elif item["type"] == "reasoning":
            kept = ("type", "id", "summary", "encrypted_content")
            self._thoughts.append({key: item[key] for key in kept if key in item})


def client(http: Any, url: str, key: str) -> AsyncOpenAI:
    """A client that never tries again by itself. Servers at home have no key, and the client insists on one."""
    from openai import AsyncOpenAI

    return AsyncOpenAI(api_key=key or "none", base_url=url, http_client=http, timeout=http.timeout, max_retries=0)


async def events(sdk: AsyncOpenAI, path: str, parameters: Json) -> AsyncGenerator[Json]:
    """The events of a reply as they stand in the stream.

    The client's own methods would make its models of them. That takes 8 MB, and 33 MB from the first event on that is
    not to the letter as the client knows it (3.57): a value from after its release, another server's omission.
    """
    from openai import AsyncStream

    stream = await sdk.post(path, cast_to=object, body=parameters, stream=True, stream_cls=AsyncStream[object])
    async with stream:
        async for event in stream:
            if not isinstance(event, dict):
                raise TypeError("no event")
            yield event


def _input(settled: list[Round]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    question = last_question(settled)
    for at, one in enumerate(settled):
        if one.text.strip():
            role = "user" if one.role is Role.USER else "assistant"
            items.append({"type": "message", "role": role, "content": one.text})
        for call in one.calls:
            thoughts = echoed(call, _OURS) if at > question else ""
            items += [*json.loads(thoughts or "[]"), _call(call)]
        for result in one.results:
            items.append({"type": "function_call_output", "call_id": result.call, "output": result.text})
    return items


def _call(call: Call) -> dict[str, Any]:
    written = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": written}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    """Not strict, which is this API's default: it would make every optional argument a required one."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "strict": False,
    }
