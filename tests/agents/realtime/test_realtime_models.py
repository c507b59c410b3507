"""The table of models: complete, with the vendor's own dates; and the package does nothing but compute."""

from __future__ import annotations

import ast
import inspect
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openai.types.realtime import audio_transcription, realtime_session_create_request

from edge.agents import realtime
from edge.agents.realtime import models


def ids(module: Any) -> set[str]:
    """The model ids that the vendor's source names."""
    names = set(re.findall(r'"((?:gpt|whisper)-[\w.-]+)"', inspect.getsource(module)))
    return {name for name in names if not name.startswith("gpt-audio")}  # not for a Realtime session


MODULES = [realtime_session_create_request, audio_transcription]


@pytest.mark.parametrize("module", MODULES)
def test_every_model_of_the_vendor_is_in_the_table(module: Any) -> None:
    assert ids(module) <= set(models.MODELS)


@pytest.mark.parametrize("module", MODULES)
def test_the_announced_ends_are_in_the_table(module: Any) -> None:
    """A new `openai` that announces others makes this fail, which is its purpose."""
    source = " ".join(inspect.getsource(module).split())
    announced = re.findall(r'- ("[^:]*"): Announced shutdown date: ([\d-]+)', source)
    assert announced
    for names, day in announced:
        for name in set(re.findall(r'"([^"]+)"', names)) & set(models.MODELS):
            assert str(models.MODELS[name].shutdown) == day


def test_a_successor_outlives_all_dates_known() -> None:
    for model in models.MODELS.values():
        assert (model.shutdown is None) == (model.successor == "")
        assert not model.successor or models.MODELS[model.successor].shutdown is None


@pytest.mark.parametrize(
    ("model", "today", "says"),
    [
        ("gpt-realtime-2.1", date(2030, 1, 1), ""),
        ("my-deployment", date(2030, 1, 1), ""),
        ("gpt-realtime", date(2026, 11, 20), ""),
        ("gpt-realtime", date(2026, 11, 24), "is shut down on 2027-01-20: use gpt-realtime-2.1 instead"),
        ("gpt-realtime-mini", date(2027, 1, 20), "was shut down on 2027-01-20: use gpt-realtime-2.1-mini instead"),
        ("whisper-1", date(2027, 2, 25), "is shut down on 2027-02-26: use gpt-live-transcribe instead"),
    ],
)
def test_the_owner_is_told_in_time(model: str, today: date, says: str) -> None:
    told = models.warning(model, today)
    assert told == (f"model {model} {says}" if says else "")


PURE = ["reading", "failures", "usage", "items", "events", "pcm", "commands", "session", "models", "wire"]


@pytest.mark.parametrize("name", PURE)
def test_the_wire_core_does_nothing_but_compute(name: str) -> None:
    (folder,) = realtime.__path__
    tree = ast.parse((Path(folder) / f"{name}.py").read_text())
    seen = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    seen |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    allowed = {"json", "binascii", "dataclasses", "enum", "typing", "datetime", "collections.abc", "__future__"}
    assert {module for module in seen if not module.startswith("edge.")} <= allowed
    assert {module for module in seen if module.startswith("edge.") and "realtime" not in module} <= {"edge.errors"}


def test_who_takes_what() -> None:
    """What the vendor's source says of each; of others only what cannot hurt is assumed."""
    assert [models.reasons(model) for model in ("gpt-realtime-2.1", "gpt-realtime-1.5", "own")] == [True, False, None]
    assert {model for model in models.MODELS if models.takes_keywords(model)} == {"gpt-transcribe", models.TRANSCRIBE}
    assert {model for model in models.MODELS if not models.takes_prompt(model)} == {
        "gpt-realtime-whisper",
        "gpt-4o-transcribe-diarize",
    }
    assert not models.takes_keywords("own")
    assert models.takes_prompt("own")


def test_the_vendors_source_says_so_too() -> None:
    source = " ".join(inspect.getsource(audio_transcription).split())
    assert "Supported by `gpt-transcribe` and `gpt-live-transcribe`." in source
    assert "Prompt is not supported with `gpt-realtime-whisper`" in source
    assert "(excluding `gpt-4o-transcribe-diarize`), the prompt is a free text" in source
