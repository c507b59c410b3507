"""What we tell a Realtime server, in the imperative: each command is one client event of the GA protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from edge.agents.realtime.pcm import to_base64
from edge.agents.realtime.reading import Json
from edge.agents.realtime.session import Effort, Modality, Tool, ToolChoice, tool_body, tool_choice_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all commands; an error that answers one with an `event_id` names it."""

    kind: ClassVar[str] = ""
    event_id: str = ""

    def body(self) -> Json:
        """The fields beside `type` and `event_id`."""
        return {}


@dataclass(frozen=True, slots=True)
class UpdateSession(Command):
    """Change the session: `session` is what `session.build` or `session.changes` gave."""

    kind: ClassVar[str] = "session.update"
    session: Json

    def body(self) -> Json:
        """See Command."""
        return {"session": self.session}


@dataclass(frozen=True, slots=True)
class AppendAudio(Command):
    """Put 24 kHz mono int16 audio into the buffer; never acknowledged."""

    kind: ClassVar[str] = "input_audio_buffer.append"
    pcm: bytes

    def body(self) -> Json:
        """See Command."""
        return {"audio": to_base64(self.pcm)}


@dataclass(frozen=True, slots=True)
class CommitAudio(Command):
    """Make the buffer a user item: at least 100 ms of it, or it is an error. No reply is made by this."""

    kind: ClassVar[str] = "input_audio_buffer.commit"


@dataclass(frozen=True, slots=True)
class ClearAudio(Command):
    """Empty the buffer."""

    kind: ClassVar[str] = "input_audio_buffer.clear"


@dataclass(frozen=True, slots=True)
class CreateItem(Command):
    """Add an item, made by one of the functions below, after `previous_item_id` ("root": first; "": last)."""

    kind: ClassVar[str] = "conversation.item.create"
    item: Json
    previous_item_id: str = ""

    def body(self) -> Json:
        """See Command."""
        return {"item": self.item, **_given(previous_item_id=self.previous_item_id or None)}


@dataclass(frozen=True, slots=True)
class TruncateItem(Command):
    """Cut an assistant item's audio to what was heard; never more than what was received of it."""

    kind: ClassVar[str] = "conversation.item.truncate"
    item_id: str
    audio_end_ms: int
    content_index: int = 0

    def body(self) -> Json:
        """See Command."""
        return {"item_id": self.item_id, "content_index": self.content_index, "audio_end_ms": self.audio_end_ms}


@dataclass(frozen=True, slots=True)
class DeleteItem(Command):
    """Take an item out of the conversation."""

    kind: ClassVar[str] = "conversation.item.delete"
    item_id: str

    def body(self) -> Json:
        """See Command."""
        return {"item_id": self.item_id}


@dataclass(frozen=True, slots=True)
class CreateResponse(Command):
    """Ask for a reply. None leaves a field as the session has it.

    `aside`: outside the conversation, neither seen nor remembered there; `metadata` then tells its events
    apart. `input` replaces the conversation as its context; empty `tools` forbid all tools.
    """

    kind: ClassVar[str] = "response.create"
    instructions: str | None = None
    modality: Modality | None = None
    voice: str | None = None
    aside: bool = False
    input: tuple[Json, ...] | None = None
    metadata: Mapping[str, str] | None = None
    tools: tuple[Tool, ...] | None = None
    tool_choice: ToolChoice | None = None
    effort: Effort | None = None
    max_output_tokens: int | Literal["inf"] | None = None

    def body(self) -> Json:
        """See Command."""
        response = _given(
            instructions=self.instructions,
            output_modalities=None if self.modality is None else [self.modality],
            audio=None if self.voice is None else {"output": {"voice": self.voice}},
            conversation="none" if self.aside else None,
            input=None if self.input is None else list(self.input),
            metadata=None if self.metadata is None else dict(self.metadata),
            tools=None if self.tools is None else [tool_body(tool) for tool in self.tools],
            tool_choice=None if self.tool_choice is None else tool_choice_body(self.tool_choice),
            reasoning=None if self.effort is None else {"effort": self.effort},
            max_output_tokens=self.max_output_tokens,
        )
        return {"response": response} if response else {}


@dataclass(frozen=True, slots=True)
class CancelResponse(Command):
    """Stop a reply that is still being made; without an id, the one of the conversation."""

    kind: ClassVar[str] = "response.cancel"
    response_id: str = ""

    def body(self) -> Json:
        """See Command."""
        return _given(response_id=self.response_id or None)


# --- items -------------------------------------------------------------------------------------------
# An `item_id` of ours is letters, digits, _ and - only; without one the server makes it.


def user_text(text: str, item_id: str = "") -> Json:
    """Something typed."""
    return _message("user", {"type": "input_text", "text": text}, item_id)


def user_audio(pcm: bytes, item_id: str = "") -> Json:
    """Something said, whole."""
    return _message("user", {"type": "input_audio", "audio": to_base64(pcm)}, item_id)


def assistant_text(text: str, item_id: str = "") -> Json:
    """Something the assistant has said earlier: audio cannot be put back, only its text."""
    return _message("assistant", {"type": "output_text", "text": text}, item_id)


def system_text(text: str, item_id: str = "") -> Json:
    """Something the model should know from here on."""
    return _message("system", {"type": "input_text", "text": text}, item_id)


def function_call(call_id: str, name: str, arguments: str, item_id: str = "") -> Json:
    """A call of an earlier session; its output must follow. `arguments` is JSON, as it came."""
    body = {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
    return body | _given(id=item_id or None)


def function_output(call_id: str, result: Mapping[str, object], item_id: str = "") -> Json:
    """What a tool gave; what is no JSON in it is sent as text."""
    output = json.dumps(dict(result), ensure_ascii=False, default=str)
    return {"type": "function_call_output", "call_id": call_id, "output": output} | _given(id=item_id or None)


def mcp_approval(request_id: str, item_id: str, *, approve: bool) -> Json:
    """Our answer to an item of kind mcp_approval_request; this one needs an id of its own."""
    return {"type": "mcp_approval_response", "id": item_id, "approval_request_id": request_id, "approve": approve}


def _message(role: str, content: Json, item_id: str) -> Json:
    return {"type": "message", "role": role, "content": [content]} | _given(id=item_id or None)


def _given(**fields: Any) -> Json:
    """The fields that are not None: absent means unchanged, null would mean cleared."""
    return {name: value for name, value in fields.items() if value is not None}
