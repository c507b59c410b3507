"""The whole program on the chained engine, as a process of its own; vendors' services are the fake ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.audio.files import load
from edge.config.places import models_home
from edge.errors import EX_CONFIG
from tests.speech import models_present
from tests.vendors import KEYS, REPLY, Vendors

LAMP = Path(__file__).parents[1] / "data/speech/livingroom_lamp.flac"
WORDS = "turn on the living room lamp"
LIMIT_S = 60


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    there = Vendors()
    for ears in (there.ears, there.spares[0]):
        ears.script = ((1.0, WORDS),)
    yield there
    there.close()


def talk(folder: Path, env: dict[str, str], *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """`edge-voice talk`, whose voice goes to out.wav: exit code, the events that it printed, what it complained of."""
    home = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME"), str(folder))
    done = subprocess.run(
        [sys.executable, "-m", "edge", "talk", "--json", "--output", str(folder / "out.wav"), *arguments],
        env={**os.environ, **home, **env}, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    assert not [key for key in KEYS if key in done.stdout + done.stderr]
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def of(events: list[dict[str, Any]], kind: str, field: str) -> list[Any]:
    return [event[field] for event in events if event["event"] == kind]


def said(events: list[dict[str, Any]]) -> str:
    return "".join(of(events, "reply_transcript", "text")).strip()


@pytest.mark.parametrize("turns", ["device", "service"])
def test_a_recorded_question_is_answered_aloud(turns: str, vendors: Vendors, tmp_path: Path) -> None:
    code, events, _ = talk(tmp_path, vendors.env(EDGE_VOICE_STT__DEEPGRAM__TURNS=turns), "--input", str(LAMP))
    assert code == 0
    assert said(events) == "".join(REPLY)
    assert of(events, "user_transcript", "text")[-1] == WORDS
    assert of(events, "error", "message") == []
    assert np.abs(load(tmp_path / "out.wav")).max() > 1000
    assert {kind for tokens in of(events, "usage", "tokens") for kind in tokens} == {
        "audio_seconds", "text_in", "text_out", "characters"
    }  # fmt: skip
    assert vendors.ears.seen[-1].log[-1] == "closed"
    assert [asked.body["input"][-1]["content"] for asked in vendors.mind.asked][-1] == WORDS


@pytest.mark.parametrize("what", ["ears", "mind", "voice"])
@pytest.mark.parametrize("silent", [False, True])
def test_a_service_that_fails_is_replaced(what: str, silent: bool, vendors: Vendors, tmp_path: Path) -> None:
    faults = getattr(vendors, what).faults
    faults.silent, faults.status = silent, 0 if silent else 401
    code, events, _ = talk(tmp_path, vendors.env(**vendors.with_spares()), "--input", str(LAMP))
    assert code == 0
    assert said(events) == "".join(REPLY)
    (told, *_) = of(events, "error", "message")
    assert ("does not answer" if silent else "refuses the key") in told
    assert load(tmp_path / "out.wav").any()


def test_typed_words_are_answered_without_ears(vendors: Vendors, tmp_path: Path) -> None:
    code, events, _ = talk(tmp_path, vendors.env(), "--text", "Hello?", "--text", "Again?")
    assert code == 0
    assert said(events) == " ".join(["".join(REPLY)] * 2)
    assert not any(seen.audio for seen in vendors.ears.seen)
    past = [item["content"] for item in vendors.mind.asked[-1].body["input"] if item.get("role") == "user"]
    assert past == ["Hello?", "Again?"]


def test_a_missing_key_is_told_before_anything_starts(vendors: Vendors, tmp_path: Path) -> None:
    code, _, errors = talk(tmp_path, vendors.env(EDGE_VOICE_CHAINED__LLM="claude,gemini"), "--text", "Hello?")
    assert code == EX_CONFIG
    assert "chained.llm names claude, but there is no key: set ANTHROPIC_API_KEY" in errors
    assert "chained.llm names gemini" in errors


@pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch")
def test_without_a_network_the_offline_engine_answers_from_the_start(vendors: Vendors, tmp_path: Path) -> None:
    nowhere = {name: "http://127.0.0.1:1" for name in vendors.env() if name.endswith("URL")}
    env = vendors.env(
        **nowhere, EDGE_VOICE_ENGINE__USE="chained,local", EDGE_VOICE_LOCAL__MODELS_DIR=str(models_home())
    )
    code, events, _ = talk(tmp_path, env, "--text", "What is twelve times eleven?")
    assert code == 0
    assert "132" in said(events)
    assert any("cannot be reached" in told and "local answers now" in told for told in of(events, "error", "message"))
