"""What counts as a turn that went well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.evals.judging import Observed, judge, normal
from edge.evals.playing import lacking, observed
from edge.evals.scenario import Call, Scenario, Turn
from edge.ports import Fields

WELL = Observed("set a timer", "It's 12:30 PM.", [("set_timer", {"seconds": 60, "name": ""})], {"first_sound": 700})
TURN = Turn(
    "say", "Set a timer", heard=("timer",), tools=(Call("set_timer", {"seconds": 60}),), words=("pm|am", "it s"),
    not_words=("sorry",), latency_ms=700,
)  # fmt: skip


def test_nothing_is_wrong_with_what_was_asked_for() -> None:
    assert judge(TURN, WELL, None) == []


@pytest.mark.parametrize(
    ("turn", "seen", "what"),
    [
        (TURN, replace(WELL, heard="a tiger"), "'timer' was not understood"),
        (TURN, replace(WELL, tools=[]), "tools: none, wanted: set_timer(seconds=60)"),
        (TURN, replace(WELL, tools=[("set_timer", {"seconds": 61})]), "tools: set_timer(seconds=61)"),
        (TURN, replace(WELL, tools=WELL.tools * 2), "tools: set_timer"),
        (replace(TURN, tools=()), WELL, "wanted: none"),
        (TURN, replace(WELL, said="It's ample."), "lacks 'pm|am'"),
        (TURN, replace(WELL, said="Sorry, it's PM."), "has 'sorry'"),
        (TURN, replace(WELL, said=" "), "there was no answer"),
        (TURN, replace(WELL, latency_ms={"first_sound": 701}), "after 701 ms, not 700"),
        (TURN, replace(WELL, latency_ms={}), "no sound of the reply was timed"),
        (replace(TURN, into_reply_s=1.0), WELL, "was not interrupted"),
        (replace(TURN, again=True), WELL, "was not said again"),
        (Turn("say", "x", answered=False), WELL, "it was answered"),
        (TURN, replace(WELL, problems=["The line is dead."]), "The line is dead."),
    ],
)
def test_what_is_not_as_asked_is_told(turn: Turn, seen: Observed, what: str) -> None:
    wrong = judge(turn, seen, None)
    assert len(wrong) == 1
    assert what in wrong[0]


def test_the_same_words_again_are_the_same_reply() -> None:
    assert judge(replace(TURN, again=True), WELL, Observed(said="It's 12:30 PM")) == []


def test_no_answer_is_well_where_none_is_wanted() -> None:
    assert judge(Turn("audio", "x", answered=False, into_reply_s=1.0), Observed(cut=True), WELL) == []


def test_normal_text_is_words() -> None:
    assert normal("It's 5_0 %: Größe!") == " it s 5 0 grösse "
    assert normal(" ... ") == ""


def test_events_of_the_turn_before_tell_only_that_it_was_cut() -> None:
    events: list[tuple[str, Fields]] = [
        ("interrupted", {"turn": 1}), ("turn", {"turn": 1, "latency_ms": {"first_sound": 1}}),
        ("user_transcript", {"turn": 2, "text": "part", "final": False}),
        ("user_transcript", {"turn": 2, "text": "whole", "final": True}),
        ("tool", {"turn": 2, "name": "get_time", "arguments": {}}), ("reply_transcript", {"turn": 2, "text": "It's "}),
        ("reply_transcript", {"turn": 2, "text": "one."}), ("turn", {"turn": 2, "latency_ms": {"first_sound": 2}}),
        ("error", {"where": "engine", "message": "no"}),
    ]  # fmt: skip
    wanted = Observed("whole", "It's one.", [("get_time", {})], {"first_sound": 2}, cut=True, problems=["no"])
    assert observed(events, 1) == wanted
    assert not observed(events[1:], 1).cut


def test_a_scenario_is_skipped_where_there_is_no_language_model() -> None:
    scenario = Scenario("one", "", ("language_model",), ())
    assert lacking(scenario, {"language_model": "it is turned off"}) == "there is no language model: it is turned off"
    assert lacking(scenario, {"language_model": "loaded"}) == lacking(scenario, {}) == ""
    assert lacking(replace(scenario, needs=()), {"language_model": "it is turned off"}) == ""
