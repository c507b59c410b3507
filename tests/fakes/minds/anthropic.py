"""Anthropic's Messages API of version 2026-10-21, as its SDK's types and its guides describe it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pydantic
from anthropic.types import RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from anthropic.types.shared.error_response import ErrorResponse

from tests.fakes.minds.schema import sent, taken
from tests.fakes.minds.sse import KEY, Asked, Refused, Reply, Service

CREATE: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(MessageCreateParamsStreaming)
EVENT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(RawMessageStreamEvent)
ERROR: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ErrorResponse)

_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error",
}  # fmt: skip
# Which models take which kinds of thinking.
_THINKING = (
    (r"claude-(opus-5-5|fable|mythos)", {"adaptive"}),
    (r"claude-sonnet-5-5", {"adaptive", "between_tools"}),
    (r"claude-(haiku-5-5|opus-5$|sonnet-5$)", {"adaptive", "disabled"}),
    (r"claude-", {"enabled", "disabled"}),
)


class FakeClaude(Service):
    """POST /v1/messages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = {KEY}
        self.models: set[str] | None = None

    def error(self, status: int, message: str, code: str) -> dict[str, Any]:
        if code == "quota":
            message = "Your credit balance is too low to access the Anthropic API."
        body = {"type": "error", "error": {"type": _TYPES.get(status, "api_error"), "message": message}}
        sent(ERROR, body)
        return {**body, "request_id": "req_1"}

    def told(self, problem: str) -> str:
        kind = {"busy": "overloaded_error", "quota": "billing_error"}.get(problem, "api_error")
        return _sse({"type": "error", "error": {"type": kind, "message": "It failed."}})

    def check(self, asked: Asked) -> None:
        headers, body = asked.headers, asked.body
        key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if key not in self.keys:
            raise Refused(401, "invalid x-api-key")
        if headers.get("anthropic-version") != "2026-10-21":
            raise Refused(400, "anthropic-version: header is required")
        if asked.path != "/v1/messages" or asked.method != "POST":
            raise Refused(404, "Not found")
        if self.models is not None and body["model"] not in self.models:
            raise Refused(404, f"model: {body['model']}")
        taken(CREATE, body)
        _check_thinking(body)
        _check_messages(body["messages"])

    def frames(self, asked: Asked, reply: Reply) -> Iterator[str]:
        for event in _events(asked, reply):
            sent(EVENT, event)
            yield _sse(event)
            if event["type"] == "message_start":
                yield _sse({"type": "ping"})


def _check_thinking(body: dict[str, Any]) -> None:
    kind = body.get("thinking", {}).get("type")
    allowed = next(kinds for pattern, kinds in _THINKING if re.match(pattern, body["model"]))
    if kind is not None and kind not in allowed:
        raise Refused(400, f'"thinking.type.{kind}" is not supported for this model.')
    if "effort" in body.get("output_config", {}) and re.match(r"claude-(haiku|sonnet)-4", body["model"]):
        raise Refused(400, "This model does not support the effort parameter.")


def _check_messages(messages: list[dict[str, Any]]) -> None:
    if messages[0]["role"] != "user":
        raise Refused(400, 'messages: first message must use the "user" role')
    if messages[-1]["role"] == "assistant":
        raise Refused(400, "This model does not support assistant message prefill.")
    seen: set[str] = set()
    open_calls: list[str] = []
    for at, message in enumerate(messages):
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if sorted(results) != sorted(open_calls):
            raise Refused(400, f"messages.{at}: `tool_use` ids without `tool_result` blocks immediately after")
        open_calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if seen & {*open_calls} or len({*open_calls}) != len(open_calls):
            raise Refused(400, f"messages.{at}: `tool_use` ids must be unique")
        seen.update(open_calls)
        _check_blocks(at, blocks)


def _check_blocks(at: int, blocks: list[dict[str, Any]]) -> None:
    if not blocks:
        raise Refused(400, f"messages.{at}: all messages must have non-empty content")
    for block in blocks:
        if block["type"] == "text" and not block["text"].strip():
            raise Refused(400, "messages: text content blocks must contain non-whitespace text")
        if block["type"] == "tool_use" and not re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"]):
            raise Refused(400, f"messages.{at}.content: tool_use.id: String should match pattern")
        if block["type"] == "thinking" and block["signature"] != "c2lnbmVk":
            raise Refused(400, "Invalid `signature` in `thinking` block")


def _events(asked: Asked, reply: Reply) -> Iterator[dict[str, Any]]:
    counted = {
        "input_tokens": reply.text_in - reply.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": reply.cached,
    }
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": asked.body["model"],
        "stop_reason": None, "stop_sequence": None, "usage": {**counted, "output_tokens": 1},
    }  # fmt: skip
    yield {"type": "message_start", "message": message}
    index = 0
    if reply.thought:
        yield from _block(index, {"type": "thinking", "thinking": "", "signature": ""}, [
            {"type": "thinking_delta", "thinking": reply.thought},
            {"type": "signature_delta", "signature": "c2lnbmVk"},
        ])  # fmt: skip
        index += 1
    if reply.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in reply.text]
        yield from _block(index, {"type": "text", "text": "", "citations": None}, deltas)
        index += 1
    for number, (name, written) in enumerate(reply.calls):
        pieces = ["", *(written[at : at + 5] for at in range(0, len(written), 5))]
        call = {"type": "tool_use", "id": f"toolu_{asked.number}_{number}", "name": name, "input": {}}
        yield from _block(index + number, call, [{"type": "input_json_delta", "partial_json": one} for one in pieces])
    reasons = {"stop": "tool_use" if reply.calls else "end_turn", "length": "max_tokens", "filter": "refusal"}
    delta = {"stop_reason": reasons[reply.finish], "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {**counted, "output_tokens": reply.text_out}}
    yield {"type": "message_stop"}


def _block(index: int, block: dict[str, Any], deltas: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield {"type": "content_block_start", "index": index, "content_block": block}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _sse(event: dict[str, Any]) -> str:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
