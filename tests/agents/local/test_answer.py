"""One answer is held back until the turn is over."""

from __future__ import annotations

from edge.agents.local.answer import Answer
from edge.core.events import Event, ReplyAudio, ReplyEnded, ReplyText


def test_nothing_gets_out_before_the_turn_is_over_and_then_in_order() -> None:
    events: list[Event] = []
    made = Answer(1, events.append)
    made.sound("one", bytes(200), 1000)
    made.emit(ReplyText(1, "one"))
    assert events == []
    made.release()
    made.release()
    made.emit(ReplyEnded(1))
    assert events == [ReplyAudio(1, bytes(200), 1000), ReplyText(1, "one"), ReplyEnded(1)]
