"""Conversation items and responses, as far as we use them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from edge.agents.realtime.failures import ApiError, api_error
from edge.agents.realtime.reading import Json, WireError, clean, label, maybe_table, parse, tables, text
from edge.agents.realtime.usage import Usage, usage


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A tool that the model wants run.

    When `valid` is false the arguments were no JSON object: `arguments` is empty and `raw` has what came.
    """

    call_id: str
    name: str
    arguments: dict[str, object]
    raw: str
    valid: bool = True
    item_id: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the conversation; `text` is what was written or said in it, `call` its function call."""

    id: str = ""
    kind: str = ""  # message, function_call, function_call_output, mcp_call, mcp_approval_request, ...
    role: str = ""  # user, assistant, system
    status: str = ""  # completed, incomplete, in_progress
    text: str = ""
    call: FunctionCall | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A reply of the model.

    `status`: in_progress, completed, cancelled, failed, incomplete. `reason`: turn_detected, client_cancelled,
    max_output_tokens, content_filter, or empty. A failed response has its `error`, and otherwise looks like silence.
    """

    id: str = ""
    status: str = ""
    reason: str = ""
    error: ApiError | None = None
    items: tuple[Item, ...] = ()
    usage: Usage = field(default_factory=Usage)
    metadata: dict[str, str] = field(default_factory=dict)
    conversation_id: str = ""  # empty for a response outside the conversation

    @property
    def calls(self) -> tuple[FunctionCall, ...]:
        """All the tools wanted at once. Calls of an item that was cut short are not among them."""
        return tuple(item.call for item in self.items if item.call is not None and item.status != "incomplete")


def item(body: Json) -> Item:
    """A conversation item."""
    kind, item_id = text(body, "type"), text(body, "id")
    return Item(
        id=item_id,
        kind=kind,
        role=text(body, "role"),
        status=text(body, "status"),
        text="".join(_said(part) for part in tables(body, "content")),
        call=_call(body, item_id) if kind == "function_call" else None,
    )


def response(body: Json) -> Response:
    """The `response` of response.created and response.done."""
    details = maybe_table(body, "status_details")
    error = maybe_table(details, "error")
    return Response(
        id=text(body, "id"),
        status=text(body, "status"),
        reason=label(details, "reason", 100),
        error=api_error(error) if error else None,
        items=tuple(item(entry) for entry in tables(body, "output")),
        usage=usage(maybe_table(body, "usage")),
        metadata={key: clean(value) for key, value in maybe_table(body, "metadata").items() if isinstance(value, str)},
        conversation_id=text(body, "conversation_id"),
    )


def _said(part: Json) -> str:
    return text(part, "text") or text(part, "transcript")


def _call(body: Json, item_id: str) -> FunctionCall:
    given = body.get("arguments")
    # The vendor sends JSON in a string, often an empty one for a tool without parameters; others send the object.
    raw = clean(given) if isinstance(given, str) else "" if given is None else json.dumps(given)
    arguments = _arguments(raw) if raw.strip() else {}
    return FunctionCall(
        call_id=text(body, "call_id"),
        name=text(body, "name"),
        arguments=arguments or {},
        raw=raw,
        valid=arguments is not None,
        item_id=item_id,
    )


def _arguments(raw: str) -> dict[str, object] | None:
    """The arguments, or None when they are no object, or hold text that could not be sent on."""
    try:
        value: Any = parse(raw)
        if "\\u" in raw:  # only an escape can smuggle in a lone surrogate
            json.dumps(value, ensure_ascii=False).encode()
    except (WireError, UnicodeEncodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
