"""The words in which the fake Realtime server refuses: the vendor's."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.realtime.record import Record
from tests.fakes.realtime.script import Scripted
from tests.fakes.realtime.session import Session
from tests.fakes.realtime_server import Call, FakeRealtime, Settings, calling, check_client, tone
from tests.fakes_tests.dialling import Client, run
from tests.waiting import wait_until

MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
MALFORMED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "missing_required_parameter", "Missing required parameter: 'type'."),
    ({"type": "session.update"}, "missing_required_parameter", "Missing required parameter: 'session'."),
    (
        {"type": "session.update", "session": {"voice": "alloy"}},
        "missing_required_parameter",
        "Missing required parameter: 'session.type'.",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "modalities": ["text"]}},
        "unknown_parameter",
        "Unknown parameter: 'session.modalities'.",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function", "meta": 1}]}},
        "unknown_parameter",
        "Unknown parameter: 'session.tools[0].meta'.",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"speed": "fast"}}}},
        "invalid_type",
        "Invalid type for 'session.audio.output.speed': expected a decimal, but got a string instead.",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "instructions": None}},
        "invalid_type",
        "Invalid type for 'session.instructions': expected a value, but got null instead.",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "reasoning": {"effort": "huge"}}},
        "invalid_value",
        "Invalid value: 'huge'. Supported values are: 'minimal', 'low', 'medium', 'high', and 'xhigh'.",
    ),
    (
        {"type": "conversation.item.create", "item": {**MESSAGE, "mood": 1}},
        "unknown_parameter",
        "Unknown parameter: 'item.mood'.",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 1.5},
        "invalid_type",
        "Invalid type for 'audio_end_ms': expected an integer, but got a decimal instead.",
    ),
    ({"type": "response.create", "foo": 1}, "unknown_parameter", "Unknown parameter: 'foo'."),
]
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (
        {"type": "session.update", "session": {"type": "realtime", "model": "gpt-realtime-2"}},
        "cannot_update_model",
        "Cannot update a conversation's model.",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"speed": 2}}}},
        "decimal_above_max_value",
        (
            "Invalid 'session.audio.output.speed': decimal above maximum value. Expected a value <= 1.5, "
            "but got 2 instead."
        ),
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text", "audio"]}},
        "invalid_value",
        "Invalid modalities: ['audio', 'text']. Supported combinations are: ['text'] and ['audio'].",
    ),
    (
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        (
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
            "but buffer only has 0.00ms of audio."
        ),
    ),
    (
        {"type": "input_audio_buffer.append", "audio": "?"},
        "invalid_value",
        "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz), but got an invalid value.",
    ),
    (
        {"type": "response.cancel"},
        "response_cancel_not_active",
        "Cancellation failed: no active response found",
    ),
    (
        {"type": "conversation.item.delete", "item_id": "item_no"},
        "item_delete_invalid_item_id",
        "Error deleting item: the item with id 'item_no' does not exist.",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "item_no", "content_index": 0, "audio_end_ms": 1},
        "item_truncate_invalid_item_id",
        "Error truncating item: the item with id 'item_no' does not exist.",
    ),
    (
        {"type": "conversation.item.create", "item": {**MESSAGE, "id": "x" * 36}},
        "string_above_max_length",
        (
            "Invalid 'item.id': string too long. Expected a string with maximum length 32, "
            "but got a string with length 36 instead."
        ),
    ),
    (
        {"type": "conversation.item.create", "item": {**MESSAGE, "content": [{"type": "input_text"}]}},
        "missing_required_parameter",
        "Missing required parameter: 'item.content[0].text'.",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_audio", "transcript": "said"}],
            },
        },
        "missing_required_parameter",
        "Missing required parameter: 'item.content[0].text'.",
    ),
]


@pytest.mark.parametrize(("event", "code", "message"), MALFORMED)
def test_malformed_events_are_refused_in_the_vendors_words(event, code, message):
    problem = check_client(event)
    assert problem is not None
    assert (problem.code, problem.message) == (code, message)


def test_well_formed_events_that_do_not_fit_are_refused():
    server = FakeRealtime()

    async def turn(client: Client) -> None:
        for event, code, message in REFUSED:
            await client.send(**{"kind" if key == "type" else key: value for key, value in event.items()})
            error = await client.error()
            assert (error["code"], error["message"]) == (code, message)

    run(server, turn)
    assert server.violations == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
kinds = st.sampled_from(["session.update", "response.create", "conversation.item.create", "response.cancel", "nothing"])
keys = st.sampled_from(["session", "response", "item", "audio", "event_id", "previous_item_id", "other"])


@settings(max_examples=150, deadline=None)
@given(kinds, st.dictionaries(keys, json_values, max_size=4))
def test_no_event_breaks_the_check(kind, fields):
    problem = check_client({**fields, "type": kind})
    assert problem is None or problem.message


def append(milliseconds: int, *, loud: bool) -> dict[str, Any]:
    pcm = tone(milliseconds) if loud else bytes(milliseconds * 48)
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}


items = st.sampled_from(
    [
        MESSAGE,
        {**MESSAGE, "id": "item_mine"},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "?"}]},
        {"type": "function_call", "name": "lamp", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "on"},
    ]
)
detections = st.sampled_from(
    [None, {"type": "semantic_vad"}, {"type": "server_vad"}, {"type": "server_vad", "silence_duration_ms": 0}]
)
on_items = st.sampled_from(["conversation.item.delete", "conversation.item.retrieve"])
anything = st.one_of(
    st.builds(append, st.integers(0, 700), loud=st.booleans()),
    st.sampled_from(
        [
            {"type": "input_audio_buffer.commit"},
            {"type": "input_audio_buffer.clear"},
            {"type": "output_audio_buffer.clear"},
            {"type": "response.create"},
            {"type": "response.create", "response": {"conversation": "none", "input": [MESSAGE]}},
            {"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "item_mine"}]}},
            {"type": "response.create", "response": {"input": [{"type": "item_reference"}]}},
            {"type": "response.cancel"},
            {"type": "session.update", "session": {"type": "transcription"}},
            {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
            {"type": "conversation.item.truncate", "item_id": "item_mine", "content_index": 0, "audio_end_ms": 10},
        ]
    ),
    items.map(lambda item: {"type": "conversation.item.create", "item": item}),
    on_items.map(lambda kind: {"type": kind, "item_id": "item_mine"}),
    detections.map(
        lambda found: {
            "type": "session.update",
            "session": {"type": "realtime", "audio": {"input": {"turn_detection": found}}},
        }
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(anything, max_size=25))
def test_no_order_of_events_breaks_a_session(events):
    """Whatever comes, all that is sent fits the vendor's types, and each response ends once."""
    sent: list[dict[str, Any]] = []

    async def main() -> Session:
        script = Scripted([calling(Call("lamp"), text="Now.")] * 3, ["hm"])
        session = Session(1, "gpt-realtime-2.1", sent.append, script=script, settings=Settings(), log=Record())
        session.open()
        for event in events:
            session.handle(event)
            await asyncio.sleep(0)
        await wait_until(lambda: not session.active)
        await session.close()
        return session

    assert asyncio.run(main()).bugs == []
    created = [event["response"]["id"] for event in sent if event["type"] == "response.created"]
    done = [event["response"]["id"] for event in sent if event["type"] == "response.done"]
    assert set(done) <= set(created)
    assert len(set(done)) == len(done)
