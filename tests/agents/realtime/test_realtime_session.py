"""The session object: valid to the vendor for all settings, and the smallest one that leads from one to another."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.agents.realtime.commands import UpdateSession
from edge.agents.realtime.session import (
    FunctionTool,
    McpServer,
    OneTool,
    RetentionRatio,
    SemanticVad,
    ServerVad,
    Settings,
    Transcription,
    build,
    changes,
)
from edge.agents.realtime.wire import encode
from tests.agents.realtime import sdk
from tests.agents.realtime.strategies import SETTINGS

RELAXED = settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)


def valid(session: dict[str, Any]) -> dict[str, Any]:
    sdk.strict(sdk.CLIENT, encode(UpdateSession(session)))
    return session


@RELAXED
@given(SETTINGS, st.sampled_from(["", "gpt-realtime-2.1"]))
def test_all_settings_make_a_valid_session(chosen: Settings, model: str) -> None:
    session = valid(build(chosen, model))
    assert session.get("model", "") == model


def test_push_to_talk_as_json() -> None:
    assert valid(build(Settings(instructions="Be brief."))) == {
        "type": "realtime",
        "instructions": "Be brief.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "turn_detection": None,
                "noise_reduction": None,
                "transcription": None,
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
        },
        "tools": [],
        "tool_choice": "auto",
    }


def test_everything_as_json() -> None:
    session = valid(
        build(
            Settings(
                turns=ServerVad(idle_timeout_ms=6000),
                noise="far",
                transcription=Transcription("gpt-transcribe", "de", "Lampen", ("Wohnzimmer",)),
                tools=(FunctionTool("now", "The time.", {"type": "object"}), McpServer("home", url="https://h/mcp")),
                tool_choice=OneTool("now"),
                effort="low",
                parallel_tool_calls=True,
                truncation=RetentionRatio(0.8, 4000),
                max_output_tokens=500,
            )
        )
    )
    assert session["audio"]["input"] == {
        "format": {"type": "audio/pcm", "rate": 24000},
        "turn_detection": {
            "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
            "create_response": True, "interrupt_response": True, "idle_timeout_ms": 6000,
        },
        "noise_reduction": {"type": "far_field"},
        "transcription": {
            "model": "gpt-transcribe", "language": "de", "prompt": "Lampen", "keywords": ["Wohnzimmer"],
        },
    }  # fmt: skip
    assert session["tools"] == [
        {"type": "function", "name": "now", "description": "The time.", "parameters": {"type": "object"}},
        {"type": "mcp", "server_label": "home", "server_url": "https://h/mcp", "require_approval": "never"},
    ]
    assert session["tool_choice"] == {"type": "function", "name": "now"}
    assert session["reasoning"] == {"effort": "low"}
    assert session["parallel_tool_calls"] is True
    assert session["truncation"] == {
        "type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 4000},
    }  # fmt: skip
    assert session["max_output_tokens"] == 500


def test_semantic_turns_have_no_fields_of_the_other_kind() -> None:
    turns = build(Settings(turns=SemanticVad("low", interrupt_response=False)))["audio"]["input"]["turn_detection"]
    assert turns == {
        "type": "semantic_vad", "eagerness": "low", "create_response": True, "interrupt_response": False,
    }  # fmt: skip


def test_tools_of_one_mcp_server_can_be_forced() -> None:
    assert build(Settings(tool_choice=OneTool("x", "home")))["tool_choice"] == {
        "type": "mcp", "server_label": "home", "name": "x",
    }  # fmt: skip
    assert build(Settings(tool_choice=OneTool(server="home")))["tool_choice"] == {"type": "mcp", "server_label": "home"}


def test_keys_of_mcp_servers_are_not_printed() -> None:
    server = McpServer("home", authorization="secret-1", headers={"X-Key": "secret-2"})
    assert "secret" not in repr(Settings(tools=(server,)))


# --- changes -----------------------------------------------------------------------------------------


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What a server has after an update: `audio`, `input` and `output` field by field, all else as a whole."""
    result = copy.deepcopy(old)
    for key, value in new.items():
        inside = key in {"audio", "input", "output"}
        result[key] = merged(result[key], value) if inside else value
    return result


OPTIONAL = ("reasoning", "parallel_tool_calls", "truncation", "max_output_tokens")


@RELAXED
@given(SETTINGS, SETTINGS)
def test_a_change_leads_from_the_one_to_the_other(old: Settings, new: Settings) -> None:
    change = changes(old, new)
    kept = {key: value for key, value in build(old).items() if key in OPTIONAL}
    assert merged(build(old), change or {}) == kept | build(new)
    if change is not None:
        valid(change)


@RELAXED
@given(SETTINGS)
def test_no_change_is_none(same: Settings) -> None:
    assert changes(same, copy.deepcopy(same)) is None


def test_only_what_differs_is_sent() -> None:
    """Above all not the voice, which is refused once the model has spoken."""
    hands_free = Settings(turns=SemanticVad(), noise="near")
    assert changes(hands_free, replace(hands_free, turns=None)) == {
        "type": "realtime", "audio": {"input": {"turn_detection": None}},
    }  # fmt: skip
    assert changes(hands_free, replace(hands_free, speed=1.2, noise="none")) == {
        "type": "realtime", "audio": {"input": {"noise_reduction": None}, "output": {"speed": 1.2}},
    }  # fmt: skip
