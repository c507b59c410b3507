"""The Realtime protocol without I/O: a frame in, a typed event out; a typed command in, a frame out.

Today's GA shape only goes out. Coming in, the names of the retired beta are understood as well, because
self-hosted servers still use them. `decode` raises nothing but WireError, whatever the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from edge.agents.realtime import events as ev
from edge.agents.realtime.commands import Command
from edge.agents.realtime.failures import ApiError, api_error
from edge.agents.realtime.items import Item, Response, item, response
from edge.agents.realtime.pcm import from_base64
from edge.agents.realtime.reading import (
    Json,
    WireError,
    clean,
    count,
    integer,
    label,
    maybe_table,
    needed,
    parse,
    table,
    tables,
    text,
)
from edge.agents.realtime.usage import heard_usage, rate_limit

__all__ = ["ALIASES", "IGNORED", "MOST_FRAME", "READERS", "WireError", "decode", "encode"]

MOST_FRAME = 16 << 20  # the vendor's largest event is 15 MiB of audio; a longer frame is an attack or a fault
MOST_KIND = 80

# --- readers: one a line where one line will do --------------------------------------------------------


def _session(message: Json) -> tuple[str, str, int]:
    body = table(message, "session")
    return text(body, "id"), text(body, "model"), count(body, "expires_at")


def _part(message: Json) -> tuple[str, str, int]:
    return text(message, "response_id"), text(message, "item_id"), integer(message, "content_index")


def _heard(message: Json) -> tuple[str, int]:
    return text(message, "item_id"), integer(message, "content_index")


def _placed(message: Json) -> tuple[Item, str]:
    return item(table(message, "item")), text(message, "previous_item_id")


def _output(message: Json) -> tuple[str, int, Item]:
    return text(message, "response_id"), integer(message, "output_index"), item(table(message, "item"))


def _call(message: Json) -> ev.OutputItemDone:
    """A call is whole: some servers say it in no other event. Without a name it is in one of the others."""
    body = {**message, "type": "function_call", "id": message.get("item_id"), "status": "completed"}
    return ev.OutputItemDone(text(message, "response_id"), integer(message, "output_index"), item(body))


def _audio(message: Json) -> ev.AudioDelta:
    return ev.AudioDelta(*_part(message), from_base64(needed(message, "delta")))


def _error(message: Json) -> ev.ErrorHappened:
    """Some servers put the fields of the error, or only its text, where the object belongs."""
    body = message.get("error")
    if isinstance(body, dict):
        return ev.ErrorHappened(api_error(body))
    if isinstance(body, str):
        return ev.ErrorHappened(ApiError(message=label(message, "error")))
    return ev.ErrorHappened(ApiError(code=label(message, "code", 100), message=label(message, "message")))


def _response(message: Json) -> Response:
    if not isinstance(message.get("response"), dict):
        raise WireError("response is missing")
    return response(message["response"])


READERS: dict[str, Callable[[Json], ev.ServerEvent]] = {
    "session.created": lambda m: ev.SessionCreated(*_session(m)),
    "session.updated": lambda m: ev.SessionUpdated(*_session(m)),
    "error": _error,
    "rate_limits.updated": lambda m: ev.RateLimitsUpdated(tuple(map(rate_limit, tables(m, "rate_limits")))),
    "input_audio_buffer.speech_started": lambda m: ev.SpeechStarted(text(m, "item_id"), integer(m, "audio_start_ms")),
    "input_audio_buffer.speech_stopped": lambda m: ev.SpeechStopped(text(m, "item_id"), integer(m, "audio_end_ms")),
    "input_audio_buffer.committed": lambda m: ev.AudioCommitted(text(m, "item_id"), text(m, "previous_item_id")),
    "input_audio_buffer.cleared": lambda _: ev.AudioCleared(),
    "input_audio_buffer.timeout_triggered": lambda m: ev.IdleTimedOut(
        text(m, "item_id"), integer(m, "audio_start_ms"), integer(m, "audio_end_ms")
    ),
    "conversation.item.input_audio_transcription.delta": lambda m: ev.HeardDelta(*_heard(m), text(m, "delta")),
    "conversation.item.input_audio_transcription.completed": lambda m: ev.HeardDone(
        *_heard(m), text(m, "transcript"), heard_usage(maybe_table(m, "usage"))
    ),
    "conversation.item.input_audio_transcription.failed": lambda m: ev.HeardFailed(
        *_heard(m), api_error(maybe_table(m, "error"))
    ),
    "conversation.item.added": lambda m: ev.ItemAdded(*_placed(m)),
    "conversation.item.done": lambda m: ev.ItemDone(*_placed(m)),
    "conversation.item.deleted": lambda m: ev.ItemDeleted(text(m, "item_id")),
    "conversation.item.truncated": lambda m: ev.ItemTruncated(*_heard(m), integer(m, "audio_end_ms")),
    "response.created": lambda m: ev.ResponseCreated(_response(m)),
    "response.done": lambda m: ev.ResponseDone(_response(m)),
    "response.output_item.added": lambda m: ev.OutputItemAdded(*_output(m)),
    "response.output_item.done": lambda m: ev.OutputItemDone(*_output(m)),
    "response.function_call_arguments.done": _call,
    "response.output_audio.delta": _audio,
    "response.output_audio.done": lambda m: ev.AudioDone(*_part(m)),
    "response.output_audio_transcript.delta": lambda m: ev.TextDelta(*_part(m), text(m, "delta"), spoken=True),
    "response.output_audio_transcript.done": lambda m: ev.TextDone(*_part(m), text(m, "transcript"), spoken=True),
    "response.output_text.delta": lambda m: ev.TextDelta(*_part(m), text(m, "delta"), spoken=False),
    "response.output_text.done": lambda m: ev.TextDone(*_part(m), text(m, "text"), spoken=False),
    "mcp_list_tools.completed": lambda m: ev.McpToolsListed(text(m, "item_id"), ok=True),
    "mcp_list_tools.failed": lambda m: ev.McpToolsListed(text(m, "item_id"), ok=False),
    "response.mcp_call.completed": lambda m: ev.McpCallEnded(text(m, "item_id"), ok=True),
    "response.mcp_call.failed": lambda m: ev.McpCallEnded(text(m, "item_id"), ok=False),
}

# Names of the beta, which the vendor switched off on 2026-05-12, and their successors. The one
# `conversation.item.created` became two events; an item is usable from the first.
ALIASES = {
    "conversation.item.created": "conversation.item.added",
    **{
        f"response.{old}.{end}": f"response.output_{old}.{end}"
        for old in ("audio", "audio_transcript", "text")
        for end in ("delta", "done")
    },
}
READERS.update({old: READERS[new] for old, new in ALIASES.items()})

IGNORED = {
    "conversation.created": "the one conversation of a session needs no id",
    "conversation.item.retrieved": "we never ask for one",
    "conversation.item.input_audio_transcription.segment": "who spoke when is for diarization, which we do not ask for",
    "input_audio_buffer.dtmf_event_received": "telephones only",
    "output_audio_buffer.started": "WebRTC and SIP only: over a WebSocket the device knows what it plays",
    "output_audio_buffer.stopped": "WebRTC and SIP only",
    "output_audio_buffer.cleared": "WebRTC and SIP only",
    "response.content_part.added": "the deltas name their part",
    "response.content_part.done": "the text is in the events of its kind, the item in output_item.done",
    "response.function_call_arguments.delta": "a call is run when it is whole",
    "response.mcp_call_arguments.delta": "the vendor's server runs the call",
    "response.mcp_call_arguments.done": "the vendor's server runs the call",
    "response.mcp_call.in_progress": "its end is what counts",
    "mcp_list_tools.in_progress": "its end is what counts",
}


def decode(frame: str | bytes) -> ev.ServerEvent:
    """The event in a frame; raises WireError when it is none, and nothing else ever."""
    message = _object(frame)
    kind = message.get("type")
    if not isinstance(kind, str):
        raise WireError("an event without a type")
    reader = READERS.get(kind)
    if reader is None:
        return ev.Ignored(clean(kind[:MOST_KIND]), IGNORED.get(kind, ""))
    try:
        return reader(message)
    except WireError as wrong:
        raise WireError(f"{kind}: {wrong}") from None


def _object(frame: str | bytes) -> Json:
    if len(frame) > MOST_FRAME:
        raise WireError(f"a frame of {len(frame)}, more than {MOST_FRAME}")
    try:
        source = frame if isinstance(frame, str) else frame.decode()
    except UnicodeDecodeError:
        raise WireError("a frame that is no UTF-8") from None
    message = parse(source)
    if not isinstance(message, dict):
        raise WireError(f"a frame with {type(message).__name__}, not an object")
    return message


def encode(command: Command) -> str:
    """The command as the text of a frame, always valid UTF-8; raises WireError if it holds what is no JSON."""
    body = {"type": command.kind, **({"event_id": command.event_id} if command.event_id else {}), **command.body()}
    try:
        frame = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as wrong:
        raise WireError(f"{command.kind}: no JSON: {wrong}") from None
    return clean(frame)
