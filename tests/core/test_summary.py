"""The line that `systemctl status` shows."""

from __future__ import annotations

import pytest

from edge.core import events as ev
from edge.core.conversation import Conversation
from edge.core.summary import summary


def after(*events: ev.Event) -> str:
    talk = Conversation()
    for event in events:
        talk.handle(event, 10.0)
    return summary(talk, "local")


READY = ev.AgentReady()


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ((), "Idle, engine local: The engine is not ready yet."),
        ((READY,), "Idle, engine local"),
        ((READY, ev.Pressed()), "Listening, engine local"),
        ((READY, ev.MuteSet(on=True)), "Muted, engine local"),
        ((READY, ev.AgentLost("The line is dead.", retryable=True)), "Idle, engine local: The line is dead."),
        ((READY, ev.AgentLost("No such model.", retryable=False)), "Error, engine local: No such model."),
        ((READY, ev.AgentLost("The line is dead.", retryable=True), READY), "Idle, engine local"),
        ((READY, ev.MicLost("It is\ngone."), ev.SpeakerLost("Both.")), "Error, engine local: It is gone. Both."),
        ((READY, ev.MicLost("It is unplugged."), ev.MicFound()), "Idle, engine local"),
        ((READY, ev.TextGiven("hello"), ev.MuteSet(on=True)), "Thinking, engine local, muted"),
    ],
)  # fmt: skip
def test_it_is_true(events: tuple[ev.Event, ...], line: str) -> None:
    assert after(*events) == line
