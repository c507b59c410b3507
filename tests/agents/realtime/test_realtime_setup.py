"""From the configuration to the session: what is sent is what was asked for, and what the model takes."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.agents.realtime import setup
from edge.agents.realtime.commands import UpdateSession
from edge.agents.realtime.line import Address
from edge.agents.realtime.options import Options
from edge.agents.realtime.session import (
    FunctionTool,
    McpServer,
    RetentionRatio,
    SemanticVad,
    ServerVad,
    Settings,
    Transcription,
    build,
)
from edge.agents.realtime.wire import encode
from edge.config import PRICES, Budget, Config, Device, Mcp, Price, Realtime
from tests.agents.realtime import sdk

TODAY = date(2026, 11, 24)
CLOCK = {"name": "now", "description": "The time.", "parameters": {"type": "object"}}
SERVER = "ws://127.0.0.1:8000/v1/realtime"


def config(**keys: Any) -> Config:
    return replace(Config(), realtime=replace(Realtime(), **keys))


def session(*tools: dict[str, Any], **keys: Any) -> Settings:
    return setup.settings(config(**keys), tools, lambda _: "")


# --- where and with what key ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "key", "expected"),
    [
        ("", "k", Address("wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1", {"Authorization": "Bearer k"})),
        ("", "", Address("wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1")),
        (SERVER, "", Address(f"{SERVER}?model=gpt-realtime-2.1")),
        (SERVER, "k", Address(f"{SERVER}?model=gpt-realtime-2.1", {"Authorization": "Bearer k"})),
        (f"{SERVER}?model=own&a=b", "", Address(f"{SERVER}?model=own&a=b")),
        (
            "wss://me.openai.azure.com/openai/v1/realtime?a=b",
            "k",
            Address("wss://me.openai.azure.com/openai/v1/realtime?a=b&model=gpt-realtime-2.1", {"api-key": "k"}),
        ),
    ],
)
def test_the_address(url: str, key: str, expected: Address) -> None:
    assert setup.address(Realtime(url=url), key) == expected


def test_a_key_is_not_in_what_is_printed() -> None:
    assert "hush" not in repr(setup.address(Realtime(), "hush"))


def test_the_model_of_the_url_is_the_one_that_answers() -> None:
    assert setup.model_of(Realtime(model="a")) == "a"
    assert setup.model_of(Realtime(model="a", url=f"{SERVER}?model=b%2Fc")) == "b/c"
    assert setup.model_of(Realtime(model="a", url=f"{SERVER}?x=model")) == "a"


def test_the_parts_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "RealtimeAgent", lambda *parts: parts)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setenv("MCP_MY_HOME", "hush")
    whole = replace(config(voice="cedar"), mcp={"my-home": Mcp(url="https://home.example/mcp")})
    posted: list[object] = []
    parts: Any = setup.realtime_agent(whole, "k", [CLOCK], posted.append)
    assert parts == (
        setup.address(whole.realtime, "k"),
        setup.settings(whole, [CLOCK], lambda _: "hush"),
        posted.append,
        setup.options(whole),
    )
    assert parts[1].tools[1].authorization == "hush"


# --- the session ---------------------------------------------------------------------------------------


def test_the_default_session_leaves_the_turns_to_the_device() -> None:
    told = session(CLOCK)
    assert told == Settings(
        instructions=Realtime().instructions,
        voice="marin",
        noise="far",
        transcription=Transcription("gpt-live-transcribe"),
        tools=(FunctionTool("now", "The time.", {"type": "object"}),),
        parallel_tool_calls=True,
        truncation=RetentionRatio(0.5, 10_000),
    )
    assert told.turns is None


def test_the_servers_turns_by_silence() -> None:
    told = session(turns="server", silence_ms=900, threshold=0.7, eagerness="low").turns
    assert told == ServerVad(0.7, silence_duration_ms=900, create_response=True, interrupt_response=False)


@pytest.mark.parametrize("eagerness", ["auto", "low", "medium", "high"])
def test_the_servers_turns_by_sense(eagerness: Any) -> None:
    told = session(turns="semantic", eagerness=eagerness, silence_ms=900).turns
    assert told == SemanticVad(eagerness, create_response=True, interrupt_response=False)


def test_what_is_said_as_it_is_told() -> None:
    told = session(speed=1.2, noise="none", instructions="Be kind.", voice="own-voice")
    assert (told.speed, told.noise, told.instructions, told.voice) == (1.2, "none", "Be kind.", "own-voice")


@pytest.mark.parametrize(
    ("model", "keywords", "prompt"),
    [
        ("gpt-live-transcribe", ("Küche",), "Lamps."),
        ("gpt-transcribe", ("Küche",), "Lamps."),
        ("gpt-4o-transcribe", (), "Lamps."),
        ("gpt-realtime-whisper", (), ""),
        ("gpt-4o-transcribe-diarize", (), ""),
        ("my-deployment", (), "Lamps."),
    ],
)
def test_a_transcription_is_told_what_it_takes(model: str, keywords: tuple[str, ...], prompt: str) -> None:
    told = session(transcription=model, language="de", keywords=("Küche",), prompt="Lamps.").transcription
    assert told == Transcription(model, "de", prompt, keywords)


def test_no_transcription() -> None:
    assert session(transcription="", keywords=("Küche",)).transcription is None


@pytest.mark.parametrize(
    ("model", "parallel", "effort_sent", "parallel_sent"),
    [
        ("gpt-realtime-2.1-mini", True, "low", True),
        ("gpt-realtime-2.1-mini", False, "low", False),
        ("gpt-realtime-1.5", True, None, None),
        ("gpt-realtime-1.5", False, None, None),
        ("my-deployment", True, "low", None),
        ("my-deployment", False, "low", False),
    ],
)
def test_thinking_is_only_for_models_that_think(
    model: str, parallel: bool, effort_sent: str | None, parallel_sent: bool | None
) -> None:
    told = session(model=model, effort="low", parallel_tools=parallel)
    assert (told.effort, told.parallel_tool_calls) == (effort_sent, parallel_sent)
    assert session(model=model).effort is None


def test_it_is_the_model_of_the_url_that_thinks_or_not() -> None:
    told = session(url=f"{SERVER}?model=gpt-realtime-1.5", effort="low")
    assert (told.effort, told.parallel_tool_calls) == (None, None)


def test_limits() -> None:
    assert session().max_output_tokens is None
    assert session(max_output_tokens=300).max_output_tokens == 300
    assert session().truncation == RetentionRatio(0.5, 10_000)  # of memory.context_tokens, as sound
    assert session(url=SERVER).truncation is None
    assert session(retention=0.8).truncation == RetentionRatio(0.8)
    assert session(retention=0.8, max_context_tokens=8000).truncation == RetentionRatio(0.8, 8000)


def test_remote_tools_with_their_own_credentials() -> None:
    servers = {
        "weather": Mcp(url="https://weather.example/mcp", description="Weather.", allowed_tools=("today",)),
        "mail": Mcp(connector_id="connector_gmail"),
    }
    secrets = {"mcp_mail": "hush"}
    whole = replace(Config(), mcp=servers)
    told = setup.settings(whole, [CLOCK], lambda name: secrets.get(name, "")).tools
    assert told == (
        FunctionTool("now", "The time.", {"type": "object"}),
        McpServer(
            "weather", url="https://weather.example/mcp", description="Weather.", allowed_tools=("today",),
            require_approval="never",
        ),
        McpServer("mail", connector_id="connector_gmail", authorization="hush", require_approval="never"),
    )  # fmt: skip
    assert "hush" not in repr(told)


def choices(name: str) -> st.SearchStrategy[Any]:
    """The values that this key allows, near enough."""
    (key,) = (f for f in fields(Realtime) if f.name == name)
    limits = key.metadata
    if limits["choices"]:
        return st.sampled_from(limits["choices"])
    numbers = st.integers if isinstance(key.default, int) else st.floats
    return numbers(limits["low"], limits["high"])


CHOSEN = ["turns", "eagerness", "silence_ms", "threshold", "noise", "effort", "speed"]
ANY = st.builds(
    Realtime,
    model=st.sampled_from(["gpt-realtime-2.1", "gpt-realtime-1.5", "own"]),
    transcription=st.sampled_from(["", "gpt-transcribe", "gpt-realtime-whisper", "own"]),
    keywords=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    **{name: choices(name) for name in [*CHOSEN, "max_output_tokens", "retention", "max_context_tokens"]},
)


@given(ANY)
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_every_configuration_makes_a_session_that_is_valid_to_the_vendor(realtime: Realtime) -> None:
    whole = replace(Config(), realtime=realtime, mcp={"a": Mcp(url="https://a.example")})
    body = build(setup.settings(whole, [CLOCK], lambda _: "key"))
    sdk.strict(sdk.CLIENT, encode(UpdateSession(body)))
    detection = body["audio"]["input"]["turn_detection"]
    assert detection is None or (detection["create_response"], detection["interrupt_response"]) == (True, False)


# --- beside the session --------------------------------------------------------------------------------


def test_the_options_of_the_line_and_the_money() -> None:
    assert Options() == Options(None, cold=False, idle_s=60.0, currency="USD", heard=None)
    assert setup.options(Config()) == Options(PRICES["gpt-realtime-2.1"], heard=PRICES["gpt-live-transcribe"])
    whole = replace(
        config(model="kitchen", transcription="ears", connection="cold", idle_s=90.0),
        budget=Budget(currency="EUR"),
        prices={"kitchen": Price(audio_out=60.0)},
    )
    assert setup.options(whole) == Options(Price(audio_out=60.0), cold=True, idle_s=90.0, currency="EUR")


# --- warnings ------------------------------------------------------------------------------------------


def test_there_is_nothing_to_say_about_the_defaults() -> None:
    assert setup.warnings(Config(), TODAY) == []
    assert setup.warnings(config(effort="low", keywords=("Küche",), prompt="Lamps."), TODAY) == []
    assert setup.warnings(replace(Config(), budget=Budget(2.0)), TODAY) == []


def test_the_end_of_models() -> None:
    said = setup.warnings(config(model="gpt-realtime", transcription="whisper-1"), date(2027, 2, 1))
    assert said == [
        "model gpt-realtime was shut down on 2027-01-20: use gpt-realtime-2.1 instead",
        "model whisper-1 is shut down on 2027-02-26: use gpt-live-transcribe instead",
    ]


def test_what_is_not_sent() -> None:
    said = setup.warnings(
        config(
            url=f"{SERVER}?model=gpt-realtime-1.5", effort="low", transcription="gpt-realtime-whisper",
            keywords=("Küche",), prompt="Lamps.",
        ), TODAY,
    )  # fmt: skip
    assert said == [
        "realtime.effort is not sent: model gpt-realtime-1.5 does not take it",
        "realtime.keywords are not sent: model gpt-realtime-whisper is not known to take them",
        "realtime.prompt is not sent: model gpt-realtime-whisper does not take one",
    ]
    assert setup.warnings(config(transcription="", keywords=("Küche",), prompt="Lamps."), TODAY) == []
    assert setup.warnings(config(model="own", effort="low"), TODAY) == []


def test_a_budget_needs_prices() -> None:
    own = config(model="kitchen", transcription="ears")
    assert setup.warnings(own, TODAY) == []
    assert setup.warnings(replace(own, budget=Budget(2.0)), TODAY) == [
        'budget.daily does not count model kitchen: give its price in [prices."kitchen"]',
        'budget.daily does not count model ears: give its price in [prices."ears"]',
    ]
    priced = replace(own, budget=Budget(2.0), prices={"kitchen": Price(), "ears": Price()})
    assert setup.warnings(priced, TODAY) == []


def test_the_model_is_told_in_the_devices_language() -> None:
    told = setup.settings(replace(config(), device=Device(language="fr")), [], lambda _: "")
    assert told.instructions.startswith("Tu es un assistant vocal")
