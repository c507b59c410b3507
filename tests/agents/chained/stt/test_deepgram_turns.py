"""What single messages of Deepgram come to, as its SDK hands them on."""

from __future__ import annotations

from typing import Any

import pytest

from edge.agents.chained import faults
from edge.agents.chained.stt.flux import FluxTurn
from edge.agents.chained.stt.nova import NovaTurn
from edge.core.chain import Heard, Mark, Standing
from tests.fakes.deepgram_sdk import v1, v2

SERVICE = faults.Service("Deepgram", "stt.deepgram", "deepgram_api_key", "k")


def info(event: str, transcript: str, window_end: float = 1.0, trigger: str | None = None) -> Any:
    return v2.ListenV2TurnInfo.model_construct(
        type="TurnInfo", event=event, transcript=transcript, audio_window_end=window_end, trigger=trigger
    )


def test_metadata_is_the_end_once_it_was_asked_for():
    turn, metadata = NovaTurn(SERVICE), v1.ListenV1Metadata.model_construct(type="Metadata")
    assert list(turn.read(metadata)) == []
    turn.noted(None, 1.0, now=0.0)
    assert list(turn.read(metadata)) == [Heard("", Standing.OVER)]


@pytest.mark.parametrize("message", [None, b"", "text", v1.ListenV1SpeechStarted.model_construct(type="SpeechStarted")])
def test_what_says_nothing_of_the_words_is_passed_over(message):
    assert list(NovaTurn(SERVICE).read(message)) == []
    assert list(FluxTurn(SERVICE, ends=True).read(message)) == []


def test_the_service_ends_no_turn_of_nothing():
    turn = FluxTurn(SERVICE, ends=True)
    assert list(turn.read(info("EndOfTurn", "", trigger="timeout"))) == []
    assert list(turn.read(info("EndOfTurn", "turn on", trigger="model"))) == [Heard("turn on", Standing.OVER)]


def test_an_end_that_was_on_its_way_is_not_the_one_that_was_asked_for():
    turn = FluxTurn(SERVICE, ends=False)
    turn.noted(None, 2.0, now=0.0)
    assert list(turn.read(info("EndOfTurn", "turn on", trigger="timeout"))) == [Heard("turn on")]
    assert list(turn.read(info("Update", "the"))) == [Heard("turn on the")]
    end = info("EndOfTurn", "the light", 2.0, trigger="manual")
    assert list(turn.read(end)) == [Heard("turn on the light", Standing.OVER)]


def test_a_pause_waits_for_the_update_that_reaches_it():
    turn = FluxTurn(SERVICE, ends=False)
    turn.noted(Mark.PAUSED, 1.1, now=0.0)
    assert list(turn.read(info("Update", "turn on", 0.91))) == [Heard("turn on")]
    assert list(turn.read(info("Update", "turn on the light", 1.16))) == [Heard("turn on the light", Standing.EAGER)]
    assert list(turn.read(info("Update", "turn on the light", 1.41))) == []


def test_updates_do_not_settle_the_end():
    turn = FluxTurn(SERVICE, ends=False)
    turn.noted(None, 1.1, now=0.0)
    assert list(turn.read(info("Update", "turn on", 1.16))) == [Heard("turn on")]


def test_eager_ends_are_the_devices_business_when_the_turn_is():
    turn = FluxTurn(SERVICE, ends=False)
    assert list(turn.read(info("EagerEndOfTurn", "turn on"))) == [Heard("turn on")]
    assert list(turn.read(info("TurnResumed", "turn on"))) == []
