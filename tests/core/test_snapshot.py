"""A conversation that is restored goes on as the one that was taken."""

from __future__ import annotations

import json
import math

import pytest

from edge.core import events as ev
from edge.core.conversation import Conversation, ConversationSettings
from edge.core.notation import Plain
from edge.core.pauses import PauseSettings
from edge.core.reports import Problem
from edge.core.snapshot import SIMPLE, at_rest, restored, taken
from edge.core.stage import SoundSettings

SETTINGS = ConversationSettings(sounds=SoundSettings(clips={Problem.NO_MICROPHONE: 1.0}))


def lived() -> Conversation:
    """One that has held a turn and knows a person's pauses; it has just said that its microphone was missing."""
    talk = Conversation(SETTINGS)
    for n, event in enumerate(
        [
            ev.AgentReady(judges=True), ev.Pressed(), ev.SpeechStarted(1.2), ev.SpeechPaused(), ev.SpeechResumed(0.6),
            ev.SpeechEnded(4.0), ev.ReplyEnded(1, "silenced"), ev.MicLost("gone"), ev.Pressed(), ev.MicFound(),
        ]
    ):  # fmt: skip
        talk.handle(event, float(n))
    return talk


def through_json(noted: Plain) -> Plain:
    again: Plain = json.loads(json.dumps(noted, allow_nan=False))
    return again


def test_all_of_a_conversation_is_taken() -> None:
    """A new attribute has to be taken, or to be known as one that says nothing at rest."""
    at_rest_nothing = {"turn", "deadline", "sounds_at", "_checked", "_says", "_out", "rings", "ring"}
    looked_at = {*SIMPLE, "state", "pauses", "_audible_until", "_told_at", "settings"}
    assert set(vars(Conversation())) == looked_at | at_rest_nothing


def test_it_is_the_same() -> None:
    talk = lived()
    again = restored(through_json(taken(talk)), SETTINGS)
    assert vars(again) == vars(talk)


def test_it_goes_on_in_the_same_way() -> None:
    talk = lived()
    again = restored(through_json(taken(talk)), SETTINGS)
    for event in (ev.Pressed(), ev.SpeechStarted(20.2), ev.SpeechPaused(), ev.TurnSeems(2, 0.9), ev.SpeechEnded(22.0)):
        assert again.handle(event, 20.0) == talk.handle(event, 20.0)


def test_another_patience_begins_anew() -> None:
    settings = ConversationSettings(pauses=PauseSettings(start_s=0.4))
    assert restored(through_json(taken(lived())), settings).pauses.usual_s == 0.4


def test_rest_is_without_a_turn_or_a_timer() -> None:
    talk = lived()
    assert at_rest(talk)
    talk.handle(ev.Pressed(), 20.0)
    assert not at_rest(talk)
    with pytest.raises(AssertionError, match="under way"):
        taken(talk)
    fresh = Conversation()
    assert math.isinf(vars(restored(through_json(taken(fresh)), ConversationSettings()))["_audible_until"])


@pytest.mark.parametrize("noted", [{}, {**taken(Conversation()), "_told_at": None}])
def test_nonsense_is_refused(noted: Plain) -> None:
    with pytest.raises(ValueError, match="no notes"):
        restored(noted, ConversationSettings())
