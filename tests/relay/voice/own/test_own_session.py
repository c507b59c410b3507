"""The protocol core before an engine: what a client sends and gets."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.events import AgentLost, ReplyAudio, ReplyEnded, ReplyText, ToolCalled
from edge.relay.voice.own.answering import REPLY_S
from edge.relay.voice.own.reply import LEAD_MS
from edge.testing import Reply, ScriptedAgent
from tests.relay.voice.own.visiting import HELLO, Visitor, floor_of, visitor

ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
WEATHER = {"type": "function", "name": "weather", "description": "Of today.", "parameters": {"type": "object"}}
ORDER = [
    "response.created", "response.output_item.added", "response.content_part.added",
    "response.output_audio_transcript.delta", "response.output_audio.delta", "response.output_audio.done",
    "response.output_audio_transcript.done", "response.content_part.done", "response.output_item.done",
    "response.done",
]  # fmt: skip


def test_the_first_event_is_the_session() -> None:
    client, _ = visitor()
    assert client.kinds() == ["session.created"]
    assert client.seen[0]["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"


def test_a_typed_turn_is_answered_in_sound_and_words_in_the_vendors_order() -> None:
    client, _ = visitor(Reply("", "Hello yourself.", seconds=0.25))
    client.typed("Hello")
    client.do("response.create")
    assert list(dict.fromkeys(client.kinds("response."))) == ORDER
    assert client.last["status"] == "completed"
    assert client.last["output"][0]["content"] == [{"type": "output_audio", "transcript": "Hello yourself."}]
    assert len(client.sound()) == 0.25 * 48_000
    assert client.kinds("conversation.item") == ["conversation.item.added", "conversation.item.done"] * 2


def test_text_only() -> None:
    client, _ = visitor(Reply("", "Words."))
    client.update(output_modalities=["text"])
    client.typed("Hello")
    client.do("response.create")
    assert not client.sound()
    assert client.of("response.output_text.done")[0]["text"] == "Words."
    assert client.last["output"][0]["content"][0]["type"] == "output_text"


def test_push_to_talk() -> None:
    client, agent = visitor(Reply("what time is it"))
    client.update(audio={"input": {"turn_detection": None, "transcription": {"model": "x"}}})
    client.hear(HELLO)
    assert not client.of("response.created")
    client.do("input_audio_buffer.commit")
    assert client.kinds("input_audio")[-1] == "input_audio_buffer.committed"
    client.do("response.create")
    client.wait(1.0)
    assert client.last["status"] == "completed"
    heard = np.frombuffer(bytes(agent.heard[1]), np.int16)
    spoken = HELLO
    assert len(heard) == pytest.approx(len(spoken), abs=800)
    assert np.abs(heard.astype(float)).max() == pytest.approx(np.abs(spoken.astype(float)).max(), rel=0.1)
    (told,) = client.of("conversation.item.input_audio_transcription.completed")
    assert told["transcript"] == "what time is it"
    assert told["item_id"] == client.of("input_audio_buffer.committed")[0]["item_id"]


def test_a_spoken_turn_is_found_and_answered() -> None:
    client, agent = visitor(Reply("hello", "Good day.", seconds=0.2))
    client.silence(0.5)
    client.hear(HELLO)
    client.silence(1.0)
    started, stopped = client.of("input_audio_buffer.speech_started"), client.of("input_audio_buffer.speech_stopped")
    assert len(started) == len(stopped) == 1
    assert 200 <= started[0]["audio_start_ms"] <= 900
    assert stopped[0]["audio_end_ms"] > started[0]["audio_start_ms"] + 300
    assert started[0]["item_id"] == client.of("input_audio_buffer.committed")[0]["item_id"]
    assert client.last["status"] == "completed"
    loud = np.abs(np.frombuffer(bytes(agent.heard[1]), np.int16).astype(float)).max()
    assert loud == pytest.approx(np.abs(HELLO.astype(float)).max(), rel=0.1)
    assert ("eager_end", 1) in agent.calls


def test_speaking_over_a_reply_cuts_it_and_the_engine_is_told_how_much_was_heard() -> None:
    client, agent = visitor(Reply("", "A long story.", seconds=8.0))
    client.typed("Tell me")
    client.do("response.create")
    client.wait(1.0)
    sent = len(client.sound()) / 48
    assert LEAD_MS + 900 < sent <= LEAD_MS + 1200
    client.hear(HELLO)
    assert client.last["status"] == "cancelled"
    assert client.last["status_details"]["reason"] == "turn_detected"
    turn, heard = agent.interrupted[0]
    assert turn == 1
    assert 1000 < heard < 1000 + 1000 * len(HELLO) / 16_000


def test_a_reply_is_paced_and_nothing_of_it_is_lost() -> None:
    client, _ = visitor(Reply("", "Long.", seconds=6.0))
    client.typed("Tell me")
    client.do("response.create")
    assert len(client.sound()) / 48 == pytest.approx(LEAD_MS, abs=150)
    client.wait(3.0)
    assert not client.of("response.done")
    client.wait(1.5)
    assert client.last["status"] == "completed"
    assert len(client.sound()) == 6 * 48_000


def test_cancel_truncate_retrieve_delete() -> None:
    client, _ = visitor(Reply("", "Long.", seconds=6.0))
    client.typed("Tell me")
    client.do("response.create")
    item = client.of("response.output_item.added")[0]["item"]["id"]
    client.do("response.cancel")
    assert client.last["status_details"]["reason"] == "client_cancelled"
    client.do("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=500)
    assert client.of("conversation.item.truncated")[0]["audio_end_ms"] == 500
    client.do("conversation.item.retrieve", item_id=item)
    assert "transcript" not in client.of("conversation.item.retrieved")[0]["item"]["content"][0]
    client.do("conversation.item.delete", item_id=item)
    client.do("conversation.item.retrieve", item_id=item)
    assert client.errors == ["item_retrieve_invalid_item_id"]


def test_a_tool_of_the_client_is_called_by_it_and_the_answer_goes_on() -> None:
    class Asking(ScriptedAgent):
        def text(self, turn: int, text: str) -> None:
            self.post(ToolCalled(turn, "c1", "weather", {"place": "Rome"}))

        def tool_result(self, turn: int, call: str, result: dict[str, object]) -> None:
            super().tool_result(turn, call, result)
            self.post(ReplyText(turn, "Sunny."))
            self.post(ReplyEnded(turn))

    agent = Asking()
    client = Visitor(floor_of(agent))
    client.update(tools=[WEATHER])
    client.typed("How is the weather?")
    client.do("response.create")
    client.wait(0.1)
    (call,) = client.last["output"]
    assert (call["type"], call["name"], json.loads(call["arguments"])) == (
        "function_call",
        "weather",
        {"place": "Rome"},
    )
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"sky": "blue"}'}
    client.do("conversation.item.create", item=output)
    assert agent.results == [{"sky": "blue"}]
    client.do("response.create")
    client.wait(0.1)
    assert client.last["output"][0]["content"][0]["transcript"] == "Sunny."
    assert not client.tools.ran
    client.do("conversation.item.create", strict=False,
              item={"type": "function_call_output", "call_id": "other", "output": ""})  # fmt: skip
    assert client.errors == ["invalid_tool_call_id"]


def test_a_tool_that_the_client_has_not_is_run_here() -> None:
    client, agent = visitor(Reply("late?", tool=("get_time", {})))
    client.update(audio={"input": {"turn_detection": None}})
    client.hear(HELLO)
    client.do("input_audio_buffer.commit")
    client.do("response.create")
    assert client.tools.ran == [("get_time", "{}")]
    assert agent.results == [{"time": "late"}]


def test_words_as_they_stand_beside_the_conversation() -> None:
    agent = ScriptedAgent()
    client = Visitor(floor_of(agent))
    client.do("response.create", response={
        "conversation": "none", "instructions": "Say exactly this and nothing else: Tea is ready.", "input": [],
        "tools": [], "metadata": {"topic": "timer"}})  # fmt: skip
    client.wait(1.5)
    assert client.last["output"][0]["content"][0]["transcript"] == "Tea is ready."
    assert client.last["metadata"] == {"topic": "timer"}
    assert client.last["conversation_id"] is None
    assert not client.kinds("conversation.item")


@pytest.mark.parametrize(("outcome", "message"), [("failed", "It broke."), ("nothing_heard", ""), ("silenced", "")])
def test_answers_that_are_none(outcome: str, message: str) -> None:
    class Failing(ScriptedAgent):
        def text(self, turn: int, text: str) -> None:
            self.post(ReplyEnded(turn, outcome, message))

    client = Visitor(floor_of(Failing()))
    client.typed("Hello")
    client.do("response.create")
    client.wait(0.1)
    assert client.last["status"] == ("failed" if message else "completed")
    if message:
        assert client.last["status_details"]["error"]["message"] == message
    client.typed("Again")
    client.do("response.create")
    assert not client.errors


def test_an_engine_that_is_lost_or_says_nothing_ends_the_response() -> None:
    class Silent(ScriptedAgent):
        def text(self, turn: int, text: str) -> None: ...

    agent = Silent()
    client = Visitor(floor_of(agent))
    client.typed("Hello")
    client.do("response.create")
    client.wait(REPLY_S - 1)
    assert not client.of("response.done")
    client.wait(2)
    assert client.last["status"] == "failed"
    client.typed("Hello")
    client.do("response.create")
    agent.post(AgentLost("The models are missing.", retryable=False))
    client.wait(0.1)
    assert "models" in client.last["status_details"]["error"]["message"]


def test_an_engine_that_never_stops_is_stopped() -> None:
    client, agent = visitor(Reply("", "Endless.", end=False))
    client.typed("Hello")
    client.do("response.create")
    for _ in range(40):
        agent.post(ReplyAudio(1, bytes(48_000 * 10), 24_000))
    assert agent.interrupted
    client.do("response.cancel")
    assert client.last["status"] == "cancelled"


PREVIOUS = "item_create_invalid_previous_item_id"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "nonsense"}, "invalid_value"),
    ({"type": "session.update"}, "missing_required_parameter"),
    ({"type": "session.update", "session": {"type": "realtime", "colour": 1}}, "unknown_parameter"),
    ({"type": "session.update", "session": {"output_modalities": ["audio", "text"]}}, "invalid_value"),
    ({"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "mcp"}]}}, "invalid_value"),
    ({"type": "session.update", "session": {"type": "transcription"}}, "invalid_value"),
    ({"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"speed": 9}}}}, "invalid_value"),
    ({"type": "input_audio_buffer.append", "audio": "@@@"}, "invalid_value"),
    ({"type": "input_audio_buffer.append"}, "missing_required_parameter"),
    ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty"),
    ({"type": "response.cancel"}, "response_cancel_not_active"),
    ({"type": "response.create", "response": {"colour": 1}}, "unknown_parameter"),
    ({"type": "conversation.item.create", "item": {"type": "message"}}, "missing_required_parameter"),
    ({"type": "conversation.item.create", "item": {**ITEM, "id": "x" * 33}}, "string_above_max_length"),
    ({"type": "conversation.item.create", "item": ITEM, "previous_item_id": "x"}, PREVIOUS),
    ({"type": "conversation.item.delete", "item_id": "no"}, "item_delete_invalid_item_id"),
    ({"type": "output_audio_buffer.clear"}, "invalid_value"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "code"), REFUSED)
def test_what_is_refused_changes_nothing_and_names_its_event(event: dict[str, Any], code: str) -> None:
    client, _ = visitor()
    before = json.dumps(client.session.config)
    client.session.handle({**event, "event_id": "mine"}, 0.0)
    client._collect()
    assert client.errors == [code]
    assert client.of("error")[0]["error"]["event_id"] == "mine"
    assert json.dumps(client.session.config) == before


def test_one_response_at_a_time() -> None:
    client, _ = visitor(Reply("", "Long.", seconds=6.0))
    client.typed("Hello")
    client.do("response.create")
    client.do("response.create")
    assert client.errors == ["conversation_already_has_active_response"]


@pytest.mark.parametrize(("form", "size"), [("audio/pcmu", 8_000), ("audio/pcma", 8_000)])
def test_telephone_sound(form: str, size: int) -> None:
    client, agent = visitor(Reply("hello", seconds=1.0))
    client.update(audio={"input": {"format": {"type": form}, "turn_detection": None},
                         "output": {"format": {"type": form}}})  # fmt: skip
    coded = base64.b64encode(bytes(random.Random(1).randbytes(size))).decode()
    client.do("input_audio_buffer.append", audio=coded)
    client.do("input_audio_buffer.commit")
    client.do("response.create")
    assert len(client.sound()) == size
    assert len(agent.heard[1]) == pytest.approx(32_000, abs=1000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8,
)  # fmt: skip
FIELDS = st.dictionaries(
    st.sampled_from(["session", "item", "response", "audio", "item_id", "audio_end_ms", "content_index", "type",
                     "previous_item_id", "response_id", "event_id"]), JSON, max_size=4)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([event["type"] for event, _ in REFUSED]), FIELDS), max_size=6))
def test_no_event_of_a_client_breaks_it(events: list[tuple[str, dict[str, Any]]]) -> None:
    client, _ = visitor()
    for kind, fields in events:
        client.session.handle({**fields, "type": kind}, client.now)
        client.wait(0.02)
    client.typed("Hello")
    assert client.of("conversation.item.added")
