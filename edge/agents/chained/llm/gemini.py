"""Google's models, through the vendor's client."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from edge.agents.chained.llm import effort
from edge.agents.chained.llm.history import Round, as_object, echoed, from_person
from edge.agents.chained.llm.remote import Ending, Piece, RemoteMind
from edge.core.chain import Call, Fault, Message, Request, Role, StageFailed, ToolSpec

if TYPE_CHECKING:
    from google.genai import Client
    from httpx2 import Response

# The fast one of the family, which does not think unless told to. gemini-3.8-flash always does.
MODEL = "gemini-3.5-flash-lite"
_REHEARSAL = 'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}\n\n'
_OURS = "gemini"  # in Call.echo
_MADE_HERE = "made-here-"  # an id which the service does not know
# The vendor's own word for a call that another one's model made; without any, the request is refused.
_NO_SIGNATURE = b"skip_thought_signature_validator"
# The answers of the request at hand. The client leaves it to the garbage collector to close them, which comes too late.
_OPENED: ContextVar[list[Response]] = ContextVar("_OPENED")
_DECLINED = {
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "ESCALATION", "MODEL_ARMOR",
}  # fmt: skip


class Gemini(RemoteMind["Client"]):
    """Kind "gemini"."""

    vendor, address, credential = "Gemini", "https://generativelanguage.googleapis.com", "gemini_api_key"
    extra = "gemini"
    rehearsal = _REHEARSAL

    def connect(self, http: Any) -> Client:
        """The vendor's client. It would make another HTTP client for calls that block, with certificates of its own."""
        import httpx2
        from google.genai import Client
        from google.genai.types import HttpOptions

        http.event_hooks["response"].append(_opened)
        url, version = _version(self.url, self.config.model or MODEL)
        unused = httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(500)))
        options = HttpOptions(base_url=url, api_version=version, httpx_client=unused, httpx_async_client=http)
        return Client(api_key=self.key, vertexai=False, http_options=options)

    async def reply(self, sdk: Client, settled: list[Round], request: Request) -> AsyncGenerator[Piece]:
        """Text comes in pieces of some words, a call whole."""
        contents = _contents(from_person(settled))
        if not contents:
            return
        model = self.config.model or MODEL
        config = self._config(model, request)
        reading = _Reading(self)
        opened: list[Response] = []
        _OPENED.set(opened)
        try:
            stream = await sdk.aio.models.generate_content_stream(model=model, contents=contents, config=config)
            async for chunk in stream:
                for text in reading.take(chunk):
                    yield text
        finally:
            for response in opened:
                await response.aclose()
        for piece in reading.rest():
            yield piece

    def _config(self, model: str, request: Request) -> Any:
        little = effort.gemini(model, self.config.effort)
        config: dict[str, Any] = {
            "max_output_tokens": self.config.max_tokens + effort.room(little),
            "automatic_function_calling": {"disable": True},
            "automatic_continuation": False,
        }
        if little:
            config["thinking_config"] = little
        if request.instructions:
            config["system_instruction"] = request.instructions
        if request.tools:
            config["tools"] = [{"function_declarations": [_tool(tool) for tool in request.tools]}]
        return config


class _Reading:
    """One reply, chunk by chunk."""

    def __init__(self, mind: Gemini) -> None:
        self._mind, self._ending = mind, Ending(mind)
        self._calls: list[Call] = []
        self._finish = ""
        self._blocked = False
        self._usage: Any = None
        self._id: object = ""

    def take(self, chunk: Any) -> list[str]:
        """The text in it; thoughts are none."""
        self._usage = chunk.usage_metadata or self._usage
        self._id = chunk.response_id or self._id
        self._blocked = self._blocked or bool(chunk.prompt_feedback and chunk.prompt_feedback.block_reason)
        texts: list[str] = []
        for candidate in (chunk.candidates or ())[:1]:
            self._finish = _word(candidate.finish_reason) or self._finish
            for part in (candidate.content.parts or ()) if candidate.content else ():
                if part.function_call is not None:
                    self._calls.append(_call(part))
                elif part.text and not part.thought:
                    texts.append(self._ending.said(part.text))
        return texts

    def rest(self) -> list[Piece]:
        """What follows the text."""
        if not self._finish and not self._blocked:
            raise self._mind.broke_off()
        declined = self._blocked or self._finish in _DECLINED
        pieces = self._ending.rest(self._calls, cut=self._finish == "MAX_TOKENS", declined=declined)
        if not pieces and not self._ending.spoke and self._finish != "STOP":  # MALFORMED_FUNCTION_CALL and such
            service = self._mind.service
            raise StageFailed(f"{service.name} has stopped without a word{service.said(self._finish)}.", Fault.SERVICE)
        usage = self._usage
        if usage is None:
            return pieces
        text_out = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        text_in, cached = usage.prompt_token_count, usage.cached_content_token_count
        return pieces + self._mind.used(self._mind.config.model or MODEL, text_in, cached, text_out,
                                         named=self._id)  # fmt: skip


async def _opened(response: Response) -> None:
    if (opened := _OPENED.get(None)) is not None:
        opened.append(response)


def _version(url: str, model: str) -> tuple[str, str | None]:
    """The address without its version, and the version: the client's own unless something needs another."""
    found = re.fullmatch(r"(.*)/(v\d\w*)", url)
    if found:
        return found[1], found[2]
    return url, "v1beta" if model.endswith("-latest") or "preview" in model else None


def _word(reason: Any) -> str:
    """A reason that this client does not know is a plain string."""
    return str(getattr(reason, "value", reason) or "")


def _call(part: Any) -> Call:
    call, signature = part.function_call, part.thought_signature
    echo = f"{_OURS}:{base64.b64encode(signature).decode()}" if signature else ""
    return Call(call.id or _MADE_HERE + uuid4().hex, call.name, dict(call.args or {}), echo)


def _contents(settled: list[Round]) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    for one in settled:
        parts: list[dict[str, Any]] = [{"text": one.text}] if one.text.strip() else []
        parts += _calls(one.calls)
        contents.append({"role": "user" if one.role is Role.USER else "model", "parts": parts})
        if one.results:
            answers = [{"function_response": _result(each)} for each in one.results]
            contents.append({"role": "user", "parts": answers})
    return contents


def _calls(calls: tuple[Call, ...]) -> list[dict[str, Any]]:
    """With what the model signed; of several at once it signs the first."""
    signatures = [base64.b64decode(echoed(call, _OURS)) for call in calls]
    if calls and not any(signatures):
        signatures[0] = _NO_SIGNATURE
    parts: list[dict[str, Any]] = []
    for call, signature in zip(calls, signatures, strict=True):
        part: dict[str, Any] = {"function_call": {**_known(call.id), "name": call.name, "args": dict(call.arguments)}}
        parts.append({**part, "thought_signature": signature} if signature else part)
    return parts


def _result(result: Message) -> dict[str, Any]:
    return {**_known(result.call), "name": result.name, "response": as_object(result.text)}


def _known(call: str) -> dict[str, str]:
    return {} if call.startswith(_MADE_HERE) else {"id": call}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    """The schema as it is: the older field `parameters` takes a part of JSON schema only."""
    declared = {"name": tool.name, "description": tool.description}
    return {**declared, "parameters_json_schema": dict(tool.parameters)}
