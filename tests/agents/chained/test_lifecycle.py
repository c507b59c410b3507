"""The dates on which models end: complete, and the vendors' own."""

from __future__ import annotations

import inspect
import re
from datetime import date, datetime
from typing import Any

import pytest
from anthropic._data import DEPRECATED_MODELS  # the one list that Anthropic publishes for programs
from openai.types import audio_model
from openai.types.audio import speech_model
from openai.types.realtime import audio_transcription
from openai.types.shared import chat_model

from edge.agents.chained import lifecycle

# What no stage of ours can use: models that speak, search or write code only; and what ended before 2025.
OTHERS = ("audio", "search", "codex", "vision")
LONG_GONE = date(2025, 1, 1)


@pytest.mark.parametrize("module", [audio_model, speech_model, audio_transcription, chat_model])
def test_the_ends_that_openai_announces_are_in_the_table(module: Any) -> None:
    """A new `openai` that announces others makes this fail, which is its purpose."""
    source = " ".join(inspect.getsource(module).split())
    announced = re.findall(r'- ("[^:]*"): Announced shutdown date: ([\d-]+)', source)
    assert announced
    expected = {
        name: date.fromisoformat(day)
        for names, day in announced
        for name in re.findall(r'"([^"]+)"', names)
        if not any(other in name for other in OTHERS) and date.fromisoformat(day) > LONG_GONE
    }
    assert {name: lifecycle.ENDS[name].day for name in expected if name in lifecycle.ENDS} == expected


def test_the_ends_that_anthropic_announces_are_in_the_table() -> None:
    expected = {
        model: datetime.strptime(re.sub(r"(\d)(st|nd|rd|th)", r"\1", day), "%B %d, %Y").date()  # noqa: DTZ007  a day
        for model, day in DEPRECATED_MODELS.items()
    }
    assert {name: lifecycle.ENDS[name].day for name in expected if name in lifecycle.ENDS} == expected


def test_a_successor_has_no_end() -> None:
    assert not {end.successor for end in lifecycle.ENDS.values()} & set(lifecycle.ENDS)


@pytest.mark.parametrize(
    ("model", "today", "says"),
    [
        ("gpt-live-transcribe", date(2030, 1, 1), ""),
        ("my-deployment", date(2030, 1, 1), ""),
        ("whisper-1", date(2026, 11, 24), ""),
        ("whisper-1", date(2026, 12, 28), "is shut down on 2027-02-26: use gpt-transcribe instead"),
        ("gpt-4o-transcribe-diarize", date(2027, 1, 1), "is shut down on 2027-02-26"),
        ("gpt-4o-mini", date(2026, 11, 24), "is shut down on 2027-01-14: use gpt-6-luna instead"),
        ("gpt-4o-mini", date(2027, 1, 14), "was shut down on 2027-01-14: use gpt-6-luna instead"),
        ("claude-sonnet-4-5", date(2026, 11, 24), "is shut down on 2026-11-30: use claude-sonnet-5-5 instead"),
        ("gemini-2.5-flash", date(2026, 11, 24), "is shut down on 2026-12-01: use gemini-3.5-flash-lite instead"),
        ("gemini-2.0-flash", date(2026, 11, 24), "was shut down on 2026-06-01: use gemini-3.6-flash instead"),
        ("tts-1", date(2026, 11, 24), "is shut down on 2027-01-06: use gpt-realtime-2.1-mini instead"),
    ],
)
def test_the_owner_is_told_in_time(model: str, today: date, says: str) -> None:
    assert lifecycle.warning(model, today) == (f"model {model} {says}" if says else "")


def test_how_far_ahead_can_be_said() -> None:
    assert lifecycle.warning("whisper-1", date(2026, 11, 24), ahead_days=120)
