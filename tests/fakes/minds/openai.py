"""OpenAI's Responses and Chat Completions, as its SDK's types and its guides describe them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pydantic
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses import ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from tests.fakes.minds.schema import sent, taken
from tests.fakes.minds.sse import KEY, Asked, Refused, Reply, Service

RESPONSES: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseCreateParamsStreaming)
EVENT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseStreamEvent)
CHAT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(CompletionCreateParamsStreaming)
CHUNK: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ChatCompletionChunk)

_THINKS = re.compile(r"gpt-[5-9]|o\d")
_WITHOUT_NONE = re.compile(r"gpt-6[.\d]*-astra|gpt-6\.1-sol|gpt-5(?![.\d])|o\d")
_NO_TOOLS_IN_CHAT = re.compile(r"gpt-5\.6|gpt-6")
_TYPES = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "service_unavailable"}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


class OpenAIBase(Service):
    """Key, errors and what both ways have in common."""

    path = "/v1"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = {KEY}
        self.models: set[str] | None = None

    def error(self, status: int, message: str, code: str) -> dict[str, Any]:
        if code == "quota":
            code = "insufficient_quota"
            message = "You exceeded your current quota, please check your plan and billing details."
        kind = code if code == "insufficient_quota" else _TYPES.get(status, "invalid_request_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": code or _CODES.get(status)}}

    def admit(self, asked: Asked, path: str) -> None:
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.keys:
            raise Refused(401, "Incorrect API key provided.", "invalid_api_key")
        if asked.path != path or asked.method != "POST":
            raise Refused(404, f"Invalid URL ({asked.method} {asked.path})")
        model = asked.body.get("model", "")
        if self.models is not None and model not in self.models:
            raise Refused(404, f"The model `{model}` does not exist.", "model_not_found")

    def check_effort(self, model: str, effort: str | None) -> None:
        if effort is None:
            return
        if not _THINKS.match(model):
            raise Refused(400, "Unsupported parameter: 'reasoning.effort' is not supported with this model.")
        if effort == "none" and _WITHOUT_NONE.match(model):
            raise Refused(400, "Unsupported value: 'none' is not supported with this model.")


class FakeResponses(OpenAIBase):
    """POST /v1/responses."""

    def check(self, asked: Asked) -> None:
        self.admit(asked, "/v1/responses")
        body = asked.body
        taken(RESPONSES, body)
        effort = (body.get("reasoning") or {}).get("effort")
        self.check_effort(body["model"], effort)
        if _THINKS.match(body["model"]) and effort != "none" and {"temperature", "top_p"} & body.keys():
            raise Refused(400, "Unsupported parameter: 'temperature' is not supported with this model.")
        _paired(
            [item["call_id"] for item in body["input"] if item["type"] == "function_call"],
            [item["call_id"] for item in body["input"] if item["type"] == "function_call_output"],
        )
        _complete_thoughts(body["input"])

    def told(self, problem: str) -> str:
        code = {"quota": "insufficient_quota", "busy": "rate_limit_exceeded"}.get(problem, "server_error")
        event = {"type": "error", "code": code, "message": "It failed.", "param": None, "sequence_number": 9}
        sent(EVENT, event)
        return _sse(event, "error")

    def frames(self, asked: Asked, reply: Reply) -> Iterator[str]:
        for number, event in enumerate(_Events(asked.body, reply).all()):
            whole = {**event, "sequence_number": number}
            sent(EVENT, whole)
            yield _sse(whole, whole["type"])


class _Events:
    """The events of one response."""

    def __init__(self, body: dict[str, Any], reply: Reply) -> None:
        self._body, self._reply = body, reply
        self._output: list[dict[str, Any]] = []

    def all(self) -> Iterator[dict[str, Any]]:
        yield {"type": "response.created", "response": self._response("in_progress")}
        yield {"type": "response.in_progress", "response": self._response("in_progress")}
        if self._reply.thought:
            yield from self._item({"id": "rs_1", "type": "reasoning", "summary": []}, {"encrypted_content": "gAAA"})
        if self._reply.text or self._reply.refusal:
            yield from self._message()
        for number, (name, arguments) in enumerate(self._reply.calls):
            yield from self._call(number, name, arguments)
        status = "completed" if self._reply.finish == "stop" else "incomplete"
        yield {"type": f"response.{status}", "response": self._response(status)}

    def _message(self) -> Iterator[dict[str, Any]]:
        at, item = len(self._output), "msg_1"
        where = {"output_index": at, "content_index": 0, "item_id": item}
        message = {"id": item, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        yield {"type": "response.output_item.added", "output_index": at, "item": message}
        text, refusal = "".join(self._reply.text), "".join(self._reply.refusal)
        part = {"type": "refusal", "refusal": ""} if refusal else _part("")
        yield {"type": "response.content_part.added", **where, "part": part}
        for piece in self._reply.refusal:
            yield {"type": "response.refusal.delta", **where, "delta": piece}
        for piece in self._reply.text if not refusal else ():
            yield {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
        if not refusal:
            yield {"type": "response.output_text.done", **where, "text": text, "logprobs": []}
        whole = {"type": "refusal", "refusal": refusal} if refusal else _part(text)
        yield {"type": "response.content_part.done", **where, "part": whole}
        done = {**message, "status": "completed", "content": [whole]}
        self._output.append(done)
        yield {"type": "response.output_item.done", "output_index": at, "item": done}

    def _call(self, number: int, name: str, arguments: str) -> Iterator[dict[str, Any]]:
        status = "incomplete" if self._reply.finish == "length" else "completed"
        item = {"id": f"fc_{number}", "type": "function_call", "call_id": f"call_{number}", "name": name}
        where = {"output_index": len(self._output), "item_id": item["id"]}
        begun = {**item, "status": "in_progress", "arguments": ""}
        yield {"type": "response.output_item.added", "output_index": where["output_index"], "item": begun}
        for at in range(0, len(arguments), 5):
            yield {"type": "response.function_call_arguments.delta", **where, "delta": arguments[at : at + 5]}
        if status == "completed":
            yield {"type": "response.function_call_arguments.done", **where, "arguments": arguments}
        done = {**item, "status": status, "arguments": arguments}
        self._output.append(done)
        yield {"type": "response.output_item.done", "output_index": where["output_index"], "item": done}

    def _item(self, begun: dict[str, Any], more: dict[str, Any]) -> Iterator[dict[str, Any]]:
        at = len(self._output)
        yield {"type": "response.output_item.added", "output_index": at, "item": begun}
        self._output.append({**begun, **more})
        yield {"type": "response.output_item.done", "output_index": at, "item": {**begun, **more}}

    def _response(self, status: str) -> dict[str, Any]:
        reply = self._reply
        reasons = {"length": "max_output_tokens", "filter": "content_filter"}
        usage = {
            "input_tokens": reply.text_in,
            "input_tokens_details": {"cached_tokens": reply.cached, "cache_write_tokens": 0},
            "output_tokens": reply.text_out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": reply.text_in + reply.text_out,
        }
        over = status != "in_progress"
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": time.time(),
            "status": status,
            "error": None,
            "incomplete_details": {"reason": reasons[reply.finish]} if status == "incomplete" else None,
            "instructions": self._body.get("instructions"),
            "metadata": {},
            "model": self._body["model"],
            "output": [*self._output] if over else [],
            "parallel_tool_calls": True,
            "temperature": None,
            "tool_choice": "auto",
            "tools": self._body.get("tools", []),
            "top_p": None,
            "usage": usage if over and reply.usage else None,
        }


class FakeChat(OpenAIBase):
    """POST /v1/chat/completions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.vendor = False  # or else a server at home, with any model
        self.ids = True  # whether calls have ids; some servers give none
        self.aloud = ""  # what the model thinks in its reply

    def check(self, asked: Asked) -> None:
        self.admit(asked, "/v1/chat/completions")
        body = asked.body
        taken(CHAT, body)
        effort = body.get("reasoning_effort")
        if self.vendor:
            self.check_effort(body["model"], effort)
            if _THINKS.match(body["model"]) and "max_tokens" in body:
                raise Refused(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
            if _NO_TOOLS_IN_CHAT.match(body["model"]) and body.get("tools") and effort != "none":
                raise Refused(400, "Function tools with reasoning_effort are not supported. Use /v1/responses instead.")
        elif "max_completion_tokens" in body:
            raise Refused(400, "unknown field max_completion_tokens")
        open_calls: list[str] = []
        for message in body["messages"]:
            if message["role"] == "tool":
                if message["tool_call_id"] not in open_calls:
                    raise Refused(400, "messages with role 'tool' must be a response to a preceding message")
                open_calls.remove(message["tool_call_id"])
            elif open_calls:
                raise Refused(400, "An assistant message with 'tool_calls' must be followed by tool messages.")
            open_calls += [call["id"] for call in message.get("tool_calls", ())]
        if open_calls:
            raise Refused(400, "An assistant message with 'tool_calls' must be followed by tool messages.")

    def told(self, problem: str) -> str:
        return _sse(self.error(500, "It failed.", problem if problem == "quota" else "server_error"))

    def frames(self, asked: Asked, reply: Reply) -> Iterator[str]:
        finish = {"stop": "tool_calls" if reply.calls else "stop", "length": "length", "filter": "content_filter"}
        yield self._chunk(asked, {"role": "assistant", "content": ""})
        if self.aloud:
            for at in range(0, len(self.aloud), 4):
                yield self._chunk(asked, {"content": self.aloud[at : at + 4]})
        for piece in reply.refusal:
            yield self._chunk(asked, {"refusal": piece})
        for piece in reply.text:
            yield self._chunk(asked, {"content": piece})
        for index, (name, arguments) in enumerate(reply.calls):
            named = {"index": index, "type": "function", "function": {"name": name, "arguments": ""}}
            yield self._chunk(asked, {"tool_calls": [{**named, "id": f"call_{index}"} if self.ids else named]})
            for at in range(0, len(arguments), 5):
                part = {"index": index, "function": {"arguments": arguments[at : at + 5]}}
                yield self._chunk(asked, {"tool_calls": [part]})
        yield self._chunk(asked, {}, finish[reply.finish])
        if reply.usage and asked.body.get("stream_options", {}).get("include_usage"):
            yield self._usage(asked, reply)
        yield "data: [DONE]\n\n"

    def _usage(self, asked: Asked, reply: Reply) -> str:
        usage: dict[str, Any] = {
            "prompt_tokens": reply.text_in,
            "completion_tokens": reply.text_out,
            "total_tokens": reply.text_in + reply.text_out,
        }
        if reply.cached:
            usage["prompt_tokens_details"] = {"cached_tokens": reply.cached}
        return self._checked({**_head(asked), "choices": [], "usage": usage})

    def _chunk(self, asked: Asked, delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._checked({**_head(asked), "choices": [choice]})

    def _checked(self, chunk: dict[str, Any]) -> str:
        sent(CHUNK, chunk)
        return _sse(chunk)


def _head(asked: Asked) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked.body["model"]}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _paired(calls: list[str], outputs: list[str]) -> None:
    for call in calls:
        if call not in outputs:
            raise Refused(400, f"No tool output found for function call {call}.")
    for output in outputs:
        if output not in calls:
            raise Refused(400, f"No tool call found for function call output with call_id {output}.")


def _complete_thoughts(items: list[dict[str, Any]]) -> None:
    for at, item in enumerate(items):
        following = items[at + 1]["type"] if at + 1 < len(items) else ""
        if item["type"] == "reasoning" and following not in {"function_call", "reasoning", "message"}:
            raise Refused(400, f"Item '{item['id']}' of type 'reasoning' was provided without its following item.")


def _sse(event: dict[str, Any], name: str = "") -> str:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(event, ensure_ascii=False)}\n\n"
