"""What AssemblyAI is told, and its turns within ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from assemblyai.streaming.v3 import StreamingParameters
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.agents.chained.stt import assemblyai_wire as wire
from edge.config import Stt
from edge.core.chain import Fault
from tests.agents.chained.stt.bench import pcm


def query(**config: Any) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(wire.address(Stt(**config))).query))


# --- what it is told ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"language": "de", "keyterms": ("Köln", 'a "quoted" one'), "speakers": True},
        {"turns": "service", "silence_ms": 300, "end_confidence": 0.9},
        {"model": "universal-3-6-pro", "prompt": "About lamps.", "language": "de"},
        {"model": "u3-rt-pro", "turns": "service", "keyterms": ("lamp",), "prompt": "About lamps."},
    ],
)
def test_the_vendors_types_know_every_setting(config):
    told = {name: json.loads(text) if text[0] in "[0123456789tf" else text for name, text in query(**config).items()}
    assert set(told) <= set(StreamingParameters.model_fields)
    StreamingParameters.model_validate(told)


def test_the_model_follows_the_language():
    assert query()["speech_model"] == "universal-streaming-english"
    assert query(language="en")["speech_model"] == "universal-streaming-english"
    assert query(language="de")["speech_model"] == "universal-streaming-multilingual"
    assert query(language="de", model="whisper-rt")["speech_model"] == "whisper-rt"
    assert json.loads(query(language="de", model="whisper-rt")["language_codes"]) == ["de"]


def test_the_device_ends_turns_or_the_service_does():
    assert query()["end_of_turn_confidence_threshold"] == "1.0"
    told = query(turns="service", silence_ms=900, end_confidence=0.6)
    assert (told["end_of_turn_confidence_threshold"], told["min_turn_silence"], told["max_turn_silence"]) == (
        "0.6",
        "400",
        "900",
    )
    assert query(turns="service", silence_ms=300)["min_turn_silence"] == "300"


def test_a_prompt_and_keyterms_exclude_each_other():
    told = query(model="u3-rt-pro", keyterms=("lamp",), prompt="About lamps.")
    assert json.loads(told["keyterms_prompt"]) == ["lamp"]
    assert "prompt" not in told
    assert query(model="u3-rt-pro", prompt="About lamps.")["prompt"] == "About lamps."
    assert "prompt" not in query(prompt="About lamps."), "the older models take none"


@pytest.mark.parametrize(
    ("url", "begins"),
    [
        ("", "wss://streaming.assemblyai.com/v3/ws?"),
        ("wss://streaming.eu.assemblyai.com", "wss://streaming.eu.assemblyai.com/v3/ws?"),
        ("https://streaming.eu.assemblyai.com/", "wss://streaming.eu.assemblyai.com/v3/ws?"),
        ("ws://box:8000/own/path", "ws://box:8000/own/path?"),
    ],
)
def test_another_address(url, begins):
    assert wire.address(Stt(url=url)).startswith(begins)


@settings(deadline=None)
@given(st.lists(st.integers(0, 40_000).map(lambda n: n * 2), max_size=30))
def test_frames_are_as_long_as_the_service_takes_them(sizes):
    frames, audio = wire.Frames(), pcm(1.0) * 3
    sent = [audio[:size] for size in sizes]
    got = [frame for piece in sent for frame in frames.add(piece)] + frames.rest()
    whole = b"".join(sent)
    assert b"".join(got)[: len(whole)] == whole
    assert not any(b"".join(got)[len(whole) :])
    assert all(1600 <= len(frame) <= 32_000 for frame in got)
    assert frames.rest() == []


# --- its turns within ours ---------------------------------------------------------------------------


def test_a_turn_that_ends_twice_is_one():
    turns = wire.Turns()
    assert not turns.take(0, "turn on", end=False)
    assert turns.open
    assert turns.take(0, "turn on", end=True)
    assert not turns.take(0, "Turn on.", end=True)
    assert turns.text == "Turn on."
    assert turns.take(1, "the light", end=True)
    assert turns.text == "Turn on. the light"
    assert not turns.open


def test_turns_are_put_in_their_order():
    turns = wire.Turns()
    turns.take(1, "the light", end=False)
    turns.take(0, "turn on", end=True)
    assert turns.text == "turn on the light"


def test_who_speaks_is_told_where_there_are_several():
    turns = wire.Turns()
    turns.take(0, "hello", end=True, speaker="A")
    assert turns.text == "hello"
    turns.take(1, "there", end=True, speaker="A")
    turns.take(2, "yes", end=True, speaker="B")
    turns.take(3, "", end=True, speaker="C")
    assert turns.text == "A: hello there B: yes"


# --- its errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "said", "fault"),
    [
        (1008, "", Fault.KEY),
        (1008, "Too many concurrent sessions", Fault.BUSY),
        (1008, "Insufficient account balance", Fault.QUOTA),
        (3006, "", Fault.REQUEST),
        (1000, "", None),
        ("1008", "", None),
        (None, "", None),
    ],
)
def test_what_an_error_means(code, said, fault):
    assert wire.fault(code, said) is fault
