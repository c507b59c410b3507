"""The pipeline when something fails, and what it promises whatever happens."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from edge.agents.chained.answering import NOTHING_SAID
from edge.agents.chained.orders import (
    EndSpeaking,
    Speak,
    StopAnswering,
    Tell,
    Think,
)
from edge.core.chain import Call, Sound, Standing
from edge.core.events import (
    ReplyAudio,
    ReplyEnded,
    ReplyText,
    ToolCalled,
    TurnEnded,
)
from tests.agents.chained.desk import RATE, SECOND, Desk

# --- failures ----------------------------------------------------------------------------------------


def test_hearing_that_fails_is_told_at_once_and_at_the_end() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.hearing_failed(1, "Nobody hears.")
    assert desk.told() == [ReplyEnded(1, "failed", "Nobody hears.")]
    desk.pipeline.paused(1)
    desk.pipeline.end(1)
    assert desk.pipeline.take() == [Tell(ReplyEnded(1, "failed", "Nobody hears."))]


def test_early_work_that_fails_is_tried_again_at_the_end() -> None:
    for fail in ("thinking_failed", "speaking_failed"):
        desk = Desk()
        desk.pipeline.listen(1)
        desk.pipeline.paused(1)
        desk.heard(1, "Tell me.", Standing.EAGER)
        getattr(desk.ask, fail)(1, "No.")
        assert not [event for event in desk.told() if isinstance(event, ReplyEnded)]
        desk.pipeline.end(1)
        assert next(order for order in desk.orders() if isinstance(order, Think)).attempt == 2


def test_a_model_that_fails_has_its_words_spoken_first() -> None:
    desk = Desk()
    attempt = desk.spoken_turn(1, "Tell me.")
    desk.ask.thought(attempt, "Once upon")
    desk.ask.thinking_failed(attempt, "GPT is gone.")
    assert desk.orders() == [Speak(attempt, "Once upon"), EndSpeaking(attempt)]
    desk.ask.spoken_over(attempt)
    assert desk.told() == [ReplyEnded(1, "failed", "GPT is gone.")]


def test_a_model_that_says_nothing_and_a_voice_that_fails() -> None:
    desk = Desk()
    attempt = desk.spoken_turn(1, "Tell me.")
    desk.ask.thought_over(attempt)
    assert desk.told() == [ReplyEnded(1, "failed", NOTHING_SAID)]
    attempt = desk.spoken_turn(2, "Tell me.")
    desk.ask.thought(attempt, "Yes. ")
    desk.orders()
    desk.ask.speaking_failed(attempt, "No voice.")
    assert desk.pipeline.take() == [StopAnswering(attempt), Tell(ReplyEnded(2, "failed", "No voice."))]
    desk.ask.thought(attempt, "Late.")
    assert desk.pipeline.take() == []


# --- whatever happens ----------------------------------------------------------------------------------

STEPS = st.lists(
    st.sampled_from(
        ["audio", "pause", "resume", "end", "partial", "eager", "over", "token", "thought", "sound", "spoken",
         "call", "result", "interrupt", "goes_on", "drop", "text", "say", "forget", "hearing_failed",
         "thinking_failed", "speaking_failed"]
    ),
    max_size=40,
)  # fmt: skip


@given(STEPS, st.booleans())
def test_promises(steps: list[str], service: bool) -> None:
    """Each turn ends at most once and says nothing before it is released or after it was taken back."""
    desk, turns, words = Desk(service=service), count(1), count(1)
    turn, closed, ended, gone = next(turns), False, [], set()
    for step in steps:
        attempt = desk.ask.current.id if desk.ask.current else 0
        if step == "audio":
            if closed:
                gone.add(turn)
                turn, closed = next(turns), False
            desk.pipeline.listen(turn)
        elif step in {"text", "say"}:
            gone.add(turn)
            turn, closed = next(turns), True
            getattr(desk.pipeline, step)(turn, "Some words.")
        elif step in {"interrupt", "goes_on", "drop"}:
            gone.add(turn)
            if step == "drop":
                desk.pipeline.drop(turn)
            else:
                desk.pipeline.interrupt(turn, 500, goes_on=step == "goes_on")
            turn, closed = next(turns), False
        else:
            _step(desk, step, turn, attempt, next(words))
            closed = closed or step == "end"
        for event in desk.told():
            closed = closed or isinstance(event, TurnEnded)
            if isinstance(event, (ReplyText, ReplyAudio, ToolCalled)):
                assert closed
                assert event.turn == turn
            assert getattr(event, "turn", turn) not in gone
            if isinstance(event, ReplyEnded):
                ended.append(event)
    whole = [event.turn for event in ended if event.outcome != "failed"]
    assert len(whole) == len(set(whole))


def results(desk: Desk, turn: int, calls: list[Call]) -> None:
    for call in calls:
        desk.pipeline.tool_result(turn, call.id, {})


def _step(desk: Desk, step: str, turn: int, attempt: int, word: int) -> None:
    calls = desk.ask.current.calls if desk.ask.current else []
    acts = {
        "pause": lambda: desk.pipeline.paused(turn),
        "resume": lambda: desk.pipeline.resumed(turn),
        "end": lambda: desk.pipeline.end(turn),
        "partial": lambda: desk.heard(turn, f"word {word}"),
        "eager": lambda: desk.heard(turn, f"word {word}", Standing.EAGER),
        "over": lambda: desk.heard(turn, f"word {word}", Standing.OVER),
        "token": lambda: desk.ask.thought(attempt, f"Sentence {word}. "),
        "thought": lambda: desk.ask.thought_over(attempt),
        "sound": lambda: desk.ask.sounded(attempt, Sound(SECOND, "x"), RATE),
        "spoken": lambda: desk.ask.spoken_over(attempt),
        "call": lambda: desk.ask.thought(attempt, Call(f"c{word}", "tool")),
        "result": lambda: results(desk, turn, calls),
        "forget": desk.pipeline.forget,
        "hearing_failed": lambda: desk.pipeline.hearing_failed(turn, "no"),
        "thinking_failed": lambda: desk.ask.thinking_failed(attempt, "no"),
        "speaking_failed": lambda: desk.ask.speaking_failed(attempt, "no"),
    }
    acts[step]()
