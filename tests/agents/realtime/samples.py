"""One frame of every kind that we understand, as the vendor documents it, and what it means."""

from __future__ import annotations

import base64
from typing import Any

from edge.agents.realtime import events as ev
from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.items import FunctionCall, Item, Response
from edge.agents.realtime.usage import HeardUsage, RateLimit, Usage

PCM = bytes(range(8))
PART = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 1}
SAID = {
    "id": "item_1", "type": "message", "role": "assistant", "status": "completed", "object": "realtime.item",
    "content": [{"type": "output_audio", "transcript": "It is "}, {"type": "output_text", "text": "noon."}],
}  # fmt: skip
CALL = {
    "id": "item_2", "type": "function_call", "status": "completed", "object": "realtime.item",
    "call_id": "call_1", "name": "set_timer", "arguments": '{"minutes": 5}',
}  # fmt: skip
USAGE = {
    "total_tokens": 253, "input_tokens": 132, "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119, "audio_tokens": 13, "image_tokens": 0, "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}  # fmt: skip
ITEM_SAID = Item("item_1", "message", "assistant", "completed", "It is noon.")
ITEM_CALL = Item(
    "item_2", "function_call", "", "completed", "",
    FunctionCall("call_1", "set_timer", {"minutes": 5}, '{"minutes": 5}', valid=True, item_id="item_2"),
)  # fmt: skip
DONE = {
    "id": "resp_1", "object": "realtime.response", "status": "completed", "status_details": None,
    "output": [SAID, CALL], "conversation_id": "conv_1", "output_modalities": ["audio"], "usage": USAGE,
    "metadata": {"turn": "7"}, "max_output_tokens": "inf",
    "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}},
}  # fmt: skip
COST = Usage(119, 13, 0, 60, 4, 0, 30, 91)
RESPONSE = Response("resp_1", "completed", "", None, (ITEM_SAID, ITEM_CALL), COST, {"turn": "7"}, "conv_1")
SESSION = {"type": "realtime", "model": "gpt-realtime-2.1"}
HEARD = {"item_id": "item_0", "content_index": 0}
ERROR = {"type": "invalid_request_error", "code": "oops", "message": "No.", "param": "x", "event_id": "ev_7"}

SAMPLES: dict[str, tuple[dict[str, Any], ev.ServerEvent]] = {
    "session.created": ({"session": SESSION}, ev.SessionCreated("", "gpt-realtime-2.1", 0)),
    "session.updated": ({"session": SESSION}, ev.SessionUpdated("", "gpt-realtime-2.1", 0)),
    "error": (
        {"error": {key: ERROR[key] for key in ("type", "code", "message", "event_id")}},
        ev.ErrorHappened(ApiError("oops", "No.", "invalid_request_error", "", "ev_7")),
    ),
    "rate_limits.updated": (
        {"rate_limits": [{"name": "tokens", "limit": 50000, "remaining": 49950, "reset_seconds": 0.06}]},
        ev.RateLimitsUpdated((RateLimit("tokens", 50000, 49950, 0.06),)),
    ),
    "input_audio_buffer.speech_started": (
        {"item_id": "item_0", "audio_start_ms": 1000}, ev.SpeechStarted("item_0", 1000),
    ),
    "input_audio_buffer.speech_stopped": (
        {"item_id": "item_0", "audio_end_ms": 2000}, ev.SpeechStopped("item_0", 2000),
    ),
    "input_audio_buffer.committed": (
        {"item_id": "item_0", "previous_item_id": "item_9"}, ev.AudioCommitted("item_0", "item_9"),
    ),
    "input_audio_buffer.cleared": ({}, ev.AudioCleared()),
    "input_audio_buffer.timeout_triggered": (
        {"item_id": "item_0", "audio_start_ms": 5, "audio_end_ms": 9}, ev.IdleTimedOut("item_0", 5, 9),
    ),
    "conversation.item.input_audio_transcription.delta": (
        {**HEARD, "delta": "What"}, ev.HeardDelta("item_0", 0, "What"),
    ),
    "conversation.item.input_audio_transcription.completed": (
        {**HEARD, "transcript": "What time is it?", "usage": {
            "type": "tokens", "input_tokens": 26, "output_tokens": 17, "total_tokens": 43,
            "input_token_details": {"text_tokens": 2, "audio_tokens": 24}}},
        ev.HeardDone("item_0", 0, "What time is it?", HeardUsage(2, 24, 17)),
    ),
    "conversation.item.input_audio_transcription.failed": (
        {**HEARD, "error": {key: ERROR[key] for key in ("type", "code", "message", "param")}},
        ev.HeardFailed("item_0", 0, ApiError("oops", "No.", "invalid_request_error", "x")),
    ),
    "conversation.item.added": ({"item": SAID, "previous_item_id": None}, ev.ItemAdded(ITEM_SAID, "")),
    "conversation.item.done": ({"item": CALL, "previous_item_id": "item_1"}, ev.ItemDone(ITEM_CALL, "item_1")),
    "conversation.item.deleted": ({"item_id": "item_1"}, ev.ItemDeleted("item_1")),
    "conversation.item.truncated": (
        {"item_id": "item_1", "content_index": 0, "audio_end_ms": 1500}, ev.ItemTruncated("item_1", 0, 1500),
    ),
    "response.created": (
        {"response": {"id": "resp_1", "status": "in_progress", "output": [], "usage": None}},
        ev.ResponseCreated(Response("resp_1", "in_progress")),
    ),
    "response.done": ({"response": DONE}, ev.ResponseDone(RESPONSE)),
    "response.output_item.added": (
        {"response_id": "resp_1", "output_index": 0, "item": SAID}, ev.OutputItemAdded("resp_1", 0, ITEM_SAID),
    ),
    "response.output_item.done": (
        {"response_id": "resp_1", "output_index": 1, "item": CALL}, ev.OutputItemDone("resp_1", 1, ITEM_CALL),
    ),
    "response.function_call_arguments.done": (
        {"response_id": "resp_1", "item_id": "item_2", "output_index": 1, "call_id": "call_1",
         "name": "set_timer", "arguments": '{"minutes": 5}'},
        ev.OutputItemDone("resp_1", 1, ITEM_CALL),
    ),
    "response.output_audio.delta": (
        {**PART, "delta": base64.b64encode(PCM).decode()}, ev.AudioDelta("resp_1", "item_1", 1, PCM),
    ),
    "response.output_audio.done": (PART, ev.AudioDone("resp_1", "item_1", 1)),
    "response.output_audio_transcript.delta": (
        {**PART, "delta": "It"}, ev.TextDelta("resp_1", "item_1", 1, "It", spoken=True),
    ),
    "response.output_audio_transcript.done": (
        {**PART, "transcript": "It is."}, ev.TextDone("resp_1", "item_1", 1, "It is.", spoken=True),
    ),
    "response.output_text.delta": (
        {**PART, "delta": "It"}, ev.TextDelta("resp_1", "item_1", 1, "It", spoken=False),
    ),
    "response.output_text.done": (
        {**PART, "text": "It is."}, ev.TextDone("resp_1", "item_1", 1, "It is.", spoken=False),
    ),
    "mcp_list_tools.completed": ({"item_id": "mcp_1"}, ev.McpToolsListed("mcp_1", ok=True)),
    "mcp_list_tools.failed": ({"item_id": "mcp_1"}, ev.McpToolsListed("mcp_1", ok=False)),
    "response.mcp_call.completed": ({"item_id": "mcp_1", "output_index": 0}, ev.McpCallEnded("mcp_1", ok=True)),
    "response.mcp_call.failed": ({"item_id": "mcp_1", "output_index": 0}, ev.McpCallEnded("mcp_1", ok=False)),
}  # fmt: skip


def frame(kind: str) -> dict[str, Any]:
    """The sample of a kind, whole."""
    return {"type": kind, "event_id": "event_1", **SAMPLES[kind][0]}
