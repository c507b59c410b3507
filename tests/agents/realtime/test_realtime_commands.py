"""Every command that can be made is a valid GA event to the vendor's own types, with no key that they do not know."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from edge.agents.realtime import commands as cmd
from edge.agents.realtime.session import FunctionTool, Settings, build
from edge.agents.realtime.wire import WireError, encode
from tests.agents.realtime import sdk
from tests.agents.realtime.strategies import COMMAND, PCM, TEXT


@settings(max_examples=500, suppress_health_check=list(HealthCheck), deadline=None)
@given(COMMAND)
def test_whatever_we_can_say_is_valid_ga(command: cmd.Command) -> None:
    frame = encode(command)
    frame.encode()  # no lone surrogate gets out
    assert sdk.strict(sdk.CLIENT, frame).model_dump()["type"] == command.kind


def test_our_commands_are_those_of_the_vendor_but_for_two() -> None:
    ours = {one.kind for one in cmd.Command.__subclasses__()}
    unused = {"conversation.item.retrieve", "output_audio_buffer.clear"}  # never asked; WebRTC only
    assert ours == set(sdk.CLIENT_EVENTS) - unused


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (cmd.UpdateSession({"type": "realtime"}), {"type": "session.update", "session": {"type": "realtime"}}),
        (cmd.AppendAudio(b"\x01\x02"), {"type": "input_audio_buffer.append", "audio": "AQI="}),
        (cmd.CommitAudio(), {"type": "input_audio_buffer.commit"}),
        (cmd.ClearAudio(event_id="e1"), {"type": "input_audio_buffer.clear", "event_id": "e1"}),
        (
            cmd.TruncateItem("i", 1500),
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 1500},
        ),
        (cmd.DeleteItem("i"), {"type": "conversation.item.delete", "item_id": "i"}),
        (cmd.CreateResponse(), {"type": "response.create"}),
        (
            cmd.CreateResponse(
                instructions="Say it.", aside=True, input=(), tools=(), voice="cedar", metadata={"turn": "7"}
            ),
            {
                "type": "response.create",
                "response": {
                    "instructions": "Say it.", "conversation": "none", "input": [], "tools": [],
                    "audio": {"output": {"voice": "cedar"}}, "metadata": {"turn": "7"},
                },
            },
        ),
        (cmd.CancelResponse(), {"type": "response.cancel"}),
        (cmd.CancelResponse("r"), {"type": "response.cancel", "response_id": "r"}),
    ],
)  # fmt: skip
def test_each_command_as_json(command: cmd.Command, says: dict[str, Any]) -> None:
    assert json.loads(encode(command)) == says
    sdk.strict(sdk.CLIENT, encode(command))


def test_items_as_json() -> None:
    assert cmd.user_text("Hello", "i") == {
        "id": "i", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}],
    }  # fmt: skip
    assert cmd.assistant_text("Hi")["content"] == [{"type": "output_text", "text": "Hi"}]
    assert cmd.function_output("c", {"ok": True}) == {
        "type": "function_call_output", "call_id": "c", "output": '{"ok": true}',
    }  # fmt: skip


@given(PCM)
def test_audio_goes_out_as_it_is(pcm: bytes) -> None:
    assert base64.b64decode(json.loads(encode(cmd.AppendAudio(pcm)))["audio"]) == pcm


@given(TEXT)
def test_text_goes_out_as_it_is_or_cleaned(text: str) -> None:
    frame = encode(cmd.CreateItem(cmd.user_text(text)))
    sent = json.loads(frame.encode())["item"]["content"][0]["text"]
    assert sent == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def test_a_tools_result_may_hold_anything() -> None:
    item = cmd.function_output("c", {"when": object, "text": "\ud800", "é": float("nan")})
    sdk.strict(sdk.CLIENT, encode(cmd.CreateItem(item)))


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), object(), {1, 2}, b"x", deep(100_000)])
def test_what_is_no_json_is_refused_before_it_is_sent(odd: Any) -> None:
    tool = FunctionTool("t", "", {"default": odd})
    with pytest.raises(WireError):
        encode(cmd.UpdateSession(build(Settings(tools=(tool,)))))


@given(COMMAND)
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_nothing_of_the_beta_goes_out(command: cmd.Command) -> None:
    body = json.loads(encode(command)).get("response", {})
    assert not {"modalities", "temperature", "max_response_output_tokens", "output_audio_format"} & set(body)
