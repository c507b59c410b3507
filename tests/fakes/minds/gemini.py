"""Google's streamGenerateContent, as its SDK's types and its guides describe it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pydantic
from google.genai import types

from tests.fakes.minds.sse import KEY, Asked, Refused, Reply, Service

_PATH = re.compile(r"/(v1|v1beta)/models/([\w.-]+):streamGenerateContent\?alt=sse")
_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip
_TOP: dict[str, Any] = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "generationConfig": types.GenerationConfig,
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
}
SIGNATURE = "c2lnbmVk"
NO_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="  # skip_thought_signature_validator


class FakeGemini(Service):
    """POST /v1/models/MODEL:streamGenerateContent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = {KEY}
        self.models: set[str] | None = None
        self.ids = True  # whether calls have ids
        self.blocked = False  # the question itself is refused

    def error(self, status: int, message: str, code: str) -> dict[str, Any]:
        details: list[dict[str, Any]] = []
        if code == "quota":
            message = "You exceeded your current quota, please check your plan and billing details."
            details = [{"quotaId": "GenerateRequestsPerDayPerProject"}, {"retryDelay": "40s"}]
        elif code == "minute":
            message = "You exceeded your current quota, please check your plan and billing details."
            details = [{"quotaId": "GenerateRequestsPerMinutePerProject"}, {"retryDelay": "17s"}]
        return {"error": {"code": status, "message": message, "status": _STATUS.get(status, ""), "details": details}}

    def told(self, problem: str) -> str:
        code = 429 if problem else 500
        return _sse(self.error(code, "It failed.", problem))

    def check(self, asked: Asked) -> None:
        if asked.headers.get("x-goog-api-key") not in self.keys:
            raise Refused(400, "API key not valid. Please pass a valid API key.")
        found = _PATH.fullmatch(asked.path)
        if found is None or asked.method != "POST":
            raise Refused(404, "Requested entity was not found.")
        version, model = found[1], found[2]
        known = self.models is None or model in self.models
        if not known or (model.endswith("-latest") and version == "v1"):
            raise Refused(404, f"models/{model} is not found for API version {version}.")
        for key, value in asked.body.items():
            if key not in _TOP:
                raise Refused(400, f'Invalid JSON payload received. Unknown name "{key}": Cannot find field.')
            try:
                pydantic.TypeAdapter(_TOP[key]).validate_python(value)
            except pydantic.ValidationError as wrong:
                first = wrong.errors()[0]
                raise Refused(400, f"Invalid {key}.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        _check_thinking(model, thinking(asked.body))
        _check_turns(model, asked.body["contents"])

    def frames(self, asked: Asked, reply: Reply) -> Iterator[str]:
        for chunk in _chunks(asked, reply, ids=self.ids, blocked=self.blocked):
            types.GenerateContentResponse.model_validate(chunk)
            yield _sse(chunk)


def thinking(body: dict[str, Any]) -> types.ThinkingConfig:
    """Google takes both spellings of a name, and its client sends both."""
    return types.ThinkingConfig.model_validate(body.get("generationConfig", {}).get("thinkingConfig", {}))


def _check_thinking(model: str, config: types.ThinkingConfig) -> None:
    level, budget = config.thinking_level and config.thinking_level.value, config.thinking_budget
    if level is not None and budget is not None:
        raise Refused(400, "You can only set only one of thinking budget and thinking level.")
    if level is not None and re.match(r"gemini-[12]", model):
        raise Refused(400, "Thinking level is not supported for this model.")
    if level == "MINIMAL" and re.match(r"gemini-(3\.[78]-flash|3(\.1)?-pro|4)", model):
        raise Refused(400, "Thinking level MINIMAL is not supported for this model.")
    if budget == 0 and model == "gemini-2.5-pro":
        raise Refused(400, "Budget 0 is invalid. This model only works in thinking mode.")


def _check_turns(model: str, contents: list[dict[str, Any]]) -> None:
    if contents[0]["role"] != "user" or contents[-1]["role"] != "user":
        raise Refused(400, "Please ensure that the conversation begins and ends with a user turn.")
    asked = max(at for at, one in enumerate(contents) if one["role"] == "user" and "text" in one["parts"][0])
    expected: list[str] = []
    for at, content in enumerate(contents):
        parts = content["parts"]
        if not parts or any(part.get("text") == "" for part in parts):
            raise Refused(400, "Unable to submit request because it must have a text parameter.")
        answers = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
        if answers != expected:
            raise Refused(400, "The number of function response parts must equal the function call parts.")
        calls = [part for part in parts if "functionCall" in part]
        expected = [part["functionCall"]["name"] for part in calls]
        signed = {SIGNATURE, NO_SIGNATURE}
        if calls and at > asked and model.startswith("gemini-3") and calls[0].get("thoughtSignature") not in signed:
            raise Refused(400, f"Function call `{expected[0]}` in the {at}. block is missing a `thought_signature`.")


def _chunks(asked: Asked, reply: Reply, *, ids: bool, blocked: bool) -> Iterator[dict[str, Any]]:
    usage = {
        "promptTokenCount": reply.text_in,
        "candidatesTokenCount": reply.text_out,
        "totalTokenCount": reply.text_in + reply.text_out,
        **({"cachedContentTokenCount": reply.cached} if reply.cached else {}),
    }
    found = _PATH.fullmatch(asked.path)
    head: dict[str, Any] = {"modelVersion": found[2] if found else "", "responseId": "r1"}
    if reply.usage:
        head["usageMetadata"] = usage
    if blocked:
        yield {**head, "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
        return
    if reply.thought:
        yield {**head, "candidates": [_candidate([{"text": reply.thought, "thought": True}])]}
    for piece in reply.text:
        yield {**head, "candidates": [_candidate([{"text": piece}])]}
    if reply.calls:
        yield {**head, "candidates": [_candidate([_call(at, *one, ids=ids) for at, one in enumerate(reply.calls)])]}
    reasons = {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}
    last: dict[str, Any] = {"index": 0, "finishReason": reasons[reply.finish]}
    if reply.finish == "stop":
        last["content"] = {"role": "model", "parts": [{"text": ""}]}
    yield {**head, "candidates": [last]}


def _candidate(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"index": 0, "content": {"role": "model", "parts": parts}}


def _call(at: int, name: str, written: str, *, ids: bool) -> dict[str, Any]:
    call = {"name": name, "args": json.loads(written), **({"id": f"id{at}"} if ids else {})}
    return {"functionCall": call, **({"thoughtSignature": SIGNATURE} if at == 0 else {})}


def _sse(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\r\n\r\n"
