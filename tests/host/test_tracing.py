"""A turn seen by its events, and the spans that it becomes: named by the published conventions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv.attributes import error_attributes

from edge.core.events import TextGiven
from edge.core.trace import span_of, trace_of
from edge.host import tracing
from edge.host.spans import MOST_PARTS, Span, provider
from edge.host.tracing import MOST_OPEN, About, Tracer
from edge.ports import Fields
from edge.testing import Reply, ScriptedAgent, SimulatedDevice
from tests.waiting import wait_until

PUBLISHED = vars(gen_ai_attributes) | vars(error_attributes)
KNOWN = {value for value in PUBLISHED.values() if isinstance(value, str)}
PROVIDERS = {one.value for one in gen_ai_attributes.GenAiProviderNameValues}
OPERATIONS = {one.value for one in gen_ai_attributes.GenAiOperationNameValues}
RUN = "5eed"


class Desk:
    """A tracer that exports here."""

    def __init__(self, engine: str = "realtime") -> None:
        self.now = 100.0
        self.turns: list[list[Span]] = []
        about = About("kitchen", RUN, lambda: engine, lambda name: {"realtime": "gpt-realtime-2.1"}.get(name, ""))
        self.tracer = Tracer(about, self, lambda: self.now)

    def put(self, spans: list[Span]) -> None:
        for span in spans:
            for name, value in span.attributes.items():
                assert name in KNOWN or name.startswith("edge_voice."), name
                assert isinstance(value, str | int | float | bool)
            assert span.start <= span.end
            assert span.attributes.get("gen_ai.operation.name", "chat") in OPERATIONS
        self.turns.append(spans)

    def see(self, event: str, turn: int = 0, after: float = 0.0, **fields: Any) -> None:
        self.now += after
        of_turn: Fields = {"turn": turn, "trace": trace_of(RUN, turn)} if turn else {}
        self.tracer.published(event, {**fields, **of_turn})

    def whole(self) -> None:
        """A spoken turn with a tool, in the order and with the times of a real one."""
        self.see("state", 1, state="listening")
        self.see("state", 1, 3.0, state="thinking")
        self.see("user_transcript", 1, 0.1, text="secret words", final=True)
        self.see("tool", 1, 0.2, name="get_time", arguments={"place": "secret words"})
        self.see("tool_done", 1, 0.01, name="get_time", call="call_1", ms=9.0, ok=True)
        tokens = {"input_audio": 70, "cached_audio": 20, "output_audio": 30, "input_text": 5}
        self.see("usage", 1, 0.5, tokens=tokens, cost=0.002, ids={"response": "resp_1"})
        self.see("state", 1, 0.0, state="speaking")
        latency = {"speech_end": 0, "turn_end": 550, "transcript": 650, "first_token": 900, "first_audio": 950,
                   "first_sound": 960}  # fmt: skip
        self.see("turn", 1, 0.01, kind="tap", said_s=2.0, latency_ms=latency)
        self.see("state", 0, 2.0, state="idle")
        self.see("usage", 1, 0.5, tokens={"input_audio": 9}, cost=0.001, ids={"item": "item_1"})


def run(main: Any) -> None:
    asyncio.run(main())


def test_a_turn_becomes_a_span_with_its_stages() -> None:
    async def main() -> None:
        desk = Desk()
        desk.whole()
        desk.tracer.close()
        desk.tracer.close()
        [[root, *parts]] = desk.turns
        assert root.name == "invoke_agent kitchen"
        assert {span.trace for span in (root, *parts)} == {trace_of(RUN, 1)}
        assert {span.parent for span in parts} == {root.id} == {span_of(trace_of(RUN, 1), "")}
        assert len({span.id for span in (root, *parts)}) == 1 + len(parts)
        assert dict(root.attributes) | {
            "gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "openai", "edge_voice.cost": 0.003,
            "gen_ai.usage.input_tokens": 75, "gen_ai.usage.output_tokens": 30, "edge_voice.interrupted": False,
            "gen_ai.usage.cache_read.input_tokens": 20, "gen_ai.conversation.id": RUN, "edge_voice.kind": "tap",
        } == root.attributes  # fmt: skip
        by_name = {span.name: span for span in parts}
        took = {name: round(span.end - span.start, 3) for name, span in by_name.items()}
        assert took["listen"] >= 2.0
        assert took | {"endpointing": 0.55, "transcription": 0.1, "execute_tool get_time": 0.01, "speech": 0.05,
                       "playback": 2.0} == took  # fmt: skip
        chat = by_name["chat gpt-realtime-2.1"]
        assert chat.attributes["gen_ai.response.id"] == "resp_1"
        assert chat.attributes["gen_ai.response.time_to_first_chunk"] == pytest.approx(0.35, abs=1e-3)
        assert by_name["transcribe gpt-realtime-2.1"].attributes["edge_voice.vendor.item"] == "item_1"
        assert "secret" not in str(desk.turns)

    run(main)


def test_nothing_is_told_of_a_turn_in_which_nothing_was() -> None:
    async def main() -> None:
        desk = Desk()
        desk.see("state", 1, state="listening")
        desk.see("state", 0, 6.0, state="idle")
        desk.see("volume", percent=3)
        desk.tracer.close()
        assert desk.turns == []

    run(main)


def test_an_interruption_and_a_failure_are_told() -> None:
    async def main() -> None:
        desk = Desk("chained")
        desk.see("state", 1, state="thinking")
        desk.see("usage", 1, tokens={"audio_seconds": 2}, model="nova-3")
        desk.see("usage", 1, tokens={"text_in": 10, "text_out": 3}, model="claude-9")
        desk.see("tool", 1, name="get_time")
        desk.see("tool_done", 1, 1.0, name="get_time", call="c", ok=False)
        desk.see("tool", 1, name="never_done")
        desk.see("interrupted", 1)
        desk.see("state", 2, 1.0, state="listening")
        desk.see("error", 2, where="engine", message="secret words")
        desk.tracer.close()
        (first, *parts), [second] = desk.turns
        assert first.attributes["edge_voice.interrupted"] is True
        assert {span.name: (span.error, span.attributes.get("gen_ai.provider.name")) for span in parts} == {
            "transcribe nova-3": ("", "deepgram"), "chat claude-9": ("", "anthropic"),
            "execute_tool get_time": ("tool_error", None), "execute_tool never_done": ("", None),
        }  # fmt: skip
        assert (second.error, second.attributes["error.type"]) == ("engine", "engine")
        assert "secret" not in str(desk.turns)

    run(main)


def test_it_is_bounded() -> None:
    async def main() -> None:
        desk = Desk("none")
        for turn in range(1, 2 * MOST_OPEN + 1):
            for _ in range(2 * MOST_PARTS):
                desk.see("usage", turn, tokens={"input_text": 1})
                desk.see("tool", turn, name="x")
                desk.see("error", turn, where="y")
        assert len(desk.turns) == MOST_OPEN
        assert {len(spans) for spans in desk.turns} == {1 + 2 * MOST_PARTS}

    run(main)


def test_a_turn_is_handed_over_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some time after its end, so that what it has cost is known."""
    monkeypatch.setattr(tracing, "LINGER_S", 0.0)

    async def main() -> None:
        desk = Desk()
        desk.whole()
        assert desk.turns == []
        await wait_until(lambda: desk.turns)
        assert len(desk.turns) == 1

    run(main)


def test_a_simulated_device_is_traced() -> None:
    """From its own events, with the trace id in each that is of a turn."""

    async def main() -> None:
        desk = Desk()
        async with SimulatedDevice(ScriptedAgent([Reply("It is four.")])) as device:
            device.daemon.seed = RUN
            desk.tracer = Tracer(About("kitchen", RUN, lambda: "scripted", lambda _: ""), desk, device.clock)
            device.daemon.ports.watchers.append(desk.tracer)
            device.daemon.post(TextGiven("what time is it"))
            await device.run_until(lambda: bool(device.watcher.of("turn")))
            await device.until("idle")
            assert device.watcher.of("turn")[0]["turn"] == 1
            desk.tracer.close()
        [[root, *parts]] = desk.turns
        assert (root.trace, root.attributes["edge_voice.kind"]) == (trace_of(RUN, 1), "text")
        assert "playback" in {span.name for span in parts}

    run(main)


def test_providers_have_the_published_names() -> None:
    for model in ("gpt-5", "whisper-1", "claude-9", "gemini-9", "grok-9", "mistral-x", "deepseek-x"):
        assert provider(model, "") in PROVIDERS
    assert provider("my-own", "chained") == "chained"
