"""What Prometheus is told of a device."""

from __future__ import annotations

from edge.host.gauges import Gauges


def test_events_are_counted_without_a_word_of_what_was_said() -> None:
    gauges = Gauges(lambda: "realtime", "EUR")
    gauges.watch("ready", "Whether.", lambda: 1.0)
    gauges.published("turn", {"turn": 1, "kind": "tap", "said_s": 1.5, "latency_ms": {"first_sound": 410}})
    gauges.published("usage", {"turn": 1, "tokens": {"input_audio": 70}, "cost": 0.25})
    gauges.published("usage", {"turn": 1, "tokens": {"input_audio": 30}})
    gauges.published("error", {"where": "engine", "message": "words"})
    gauges.published("tool", {"name": "get_time", "arguments": {"place": "words"}})
    gauges.published("tool_done", {"turn": 1, "name": "get_time", "ms": 12.0, "ok": True})
    gauges.published("interrupted", {"turn": 1})
    gauges.published("user_transcript", {"text": "words"})
    lines = gauges.text().splitlines()
    for line in (
        'edge_voice_turns_total{engine="realtime",kind="tap"} 1',
        'edge_voice_turn_stage_seconds_bucket{stage="first_sound",le="0.3"} 0',
        'edge_voice_turn_stage_seconds_bucket{stage="first_sound",le="0.5"} 1',
        'edge_voice_tokens_total{kind="input_audio"} 100',
        'edge_voice_cost_total{currency="EUR",engine="realtime"} 0.25',
        'edge_voice_unpriced_total{engine="realtime"} 1',
        'edge_voice_problems_total{where="engine"} 1',
        'edge_voice_tool_calls_total{name="get_time"} 1',
        'edge_voice_tool_seconds_bucket{name="get_time",ok="yes",le="0.01"} 0',
        'edge_voice_tool_seconds_bucket{name="get_time",ok="yes",le="0.025"} 1',
        "edge_voice_interrupted_total 1",
        "edge_voice_said_seconds_total 1.5",
        "edge_voice_ready 1",
    ):
        assert line in lines
    assert "words" not in gauges.text()
