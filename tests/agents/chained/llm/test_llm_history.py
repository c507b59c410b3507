"""The pure parts: the conversation as services take it, efforts, and what errors mean."""

from __future__ import annotations

import pytest

from edge.agents.chained.faults import Service
from edge.agents.chained.llm import effort
from edge.agents.chained.llm.failing import failure, told
from edge.agents.chained.llm.history import as_object, called, echoed, echoing, from_person, readable, rounds
from edge.core.chain import Call, Fault
from tests.agents.chained.llm.benches import assistant, result, user

A, B = Call("a", "weather", {}), Call("b", "time", {})
SERVICE = Service("The service", "llm.x", "x_api_key", "secret-key")


def test_results_stand_beside_their_calls_in_the_calls_order() -> None:
    (_, made) = rounds([user("Hi"), assistant("", A, B), result(B, "2"), result(A, "1")])
    assert made.calls == (A, B)
    assert [one.text for one in made.results] == ["1", "2"]


def test_ids_that_come_again_belong_to_the_nearest_call() -> None:
    found = rounds([user("Hi"), assistant("", A), result(A, "1"), assistant("", A), result(A, "2"), user("And?")])
    assert [[one.text for one in each.results] for each in found] == [[], ["1"], ["2"], []]


def test_a_second_result_of_a_call_does_not_count() -> None:
    (_, made) = rounds([user("Hi"), assistant("", A), result(A, "1"), result(A, "2")])
    assert [one.text for one in made.results] == ["1"]


def test_a_call_without_result_takes_its_message_with_it_when_that_is_all() -> None:
    assert [one.text for one in rounds([user("Hi"), assistant("", A), assistant("Well.", B), user("So?")])] == [
        "Hi", "Well.", "So?",
    ]  # fmt: skip


def test_nothing_to_answer() -> None:
    assert rounds([]) == []
    assert rounds([user("Hi"), assistant("Hello")]) == []
    assert rounds([user("  ")]) == []


def test_a_conversation_that_the_person_begins() -> None:
    found = rounds([assistant("Good morning"), user("Hi")])
    assert [one.text for one in from_person(found)] == ["Hi"]
    assert from_person([]) == []


@pytest.mark.parametrize("written", ["{", "[]", "3", '"x"', "null", "[" * 100_000])
def test_arguments_that_are_none(written: str) -> None:
    call = called("a", "weather", written)
    assert not readable(call)
    assert call.arguments["unreadable"] == written[:200]


def test_arguments_that_are_some() -> None:
    assert called("a", "weather", '{"city": "Bonn"}') == Call("a", "weather", {"city": "Bonn"})
    assert called("a", "time", "") == Call("a", "time", {})
    assert readable(called("a", "time", "{}"))


def test_a_result_as_an_object() -> None:
    assert as_object('{"a": 1}') == {"a": 1}
    assert as_object("[1]") == {"output": "[1]"}
    assert as_object("rain ... (cut: too long)") == {"output": "rain ... (cut: too long)"}


def test_an_echo_is_for_its_own_vendor_only() -> None:
    first, second = echoing([A, B], "claude", "x:y")
    assert (echoed(first, "claude"), echoed(first, "gemini"), echoed(second, "claude")) == ("x:y", "", "")
    assert echoing([A], "claude", "") == [A]
    assert echoing([], "claude", "x") == []


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("gpt-6-luna", "none"), ("gpt-6-sol", "none"), ("gpt-6-astra", "low"), ("gpt-6.2-astra", "low"),
        ("gpt-6.1-sol", "low"), ("gpt-6.1-terra", "low"), ("gpt-7", "low"), ("gpt-5.6-luna", "none"),
        ("gpt-5.1", "none"), ("gpt-5", "minimal"), ("gpt-5-nano-2025-08-07", "minimal"), ("gpt-5.2-pro", ""),
        ("gpt-5-chat-latest", ""), ("gpt-4.1", ""), ("gpt-4o", ""), ("ft:gpt-4o-mini:me", ""),
        ("gpt-3.5-turbo", ""), ("o3-mini", "low"),
        ("llama3", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_least_effort_of_openais_models(model: str, least: str) -> None:
    assert effort.openai(model, "") == least
    assert effort.openai(model, "high") == "high"


@pytest.mark.parametrize(
    ("model", "thinking", "least"),
    [
        ("claude-haiku-5-5", "disabled", None), ("claude-opus-5", "disabled", None),
        ("claude-sonnet-5", "disabled", None), ("claude-sonnet-5-5", "between_tools", "low"),
        ("claude-opus-5-5", None, "low"), ("claude-fable-5-2", None, "low"), ("claude-mythos-preview", None, "low"),
        ("claude-haiku-4-5-20251001", None, None), ("claude-opus-4-8", None, None),
        ("claude-sonnet-4-5", None, None), ("someone-elses", None, None),
    ],
)  # fmt: skip
def test_the_least_effort_of_anthropics_models(model: str, thinking: str | None, least: str | None) -> None:
    expected: dict[str, object] = {}
    if thinking:
        expected["thinking"] = {"type": thinking}
    if least:
        expected["output_config"] = {"effort": least}
    assert effort.claude(model, "") == effort.claude(model, "none") == expected
    assert effort.claude(model, "high") == {"output_config": {"effort": "high"}}


def test_the_efforts_of_googles_models() -> None:
    assert effort.gemini("gemini-3.8-flash", "none") == {"thinking_level": "LOW"}
    assert effort.gemini("models/gemini-3.6-flash", "none") == {"thinking_level": "MINIMAL"}
    assert effort.gemini("gemini-3.6-flash", "high") == {"thinking_level": "HIGH"}
    assert effort.gemini("gemini-2.5-flash", "medium") == {"thinking_budget": 4096}
    assert effort.gemini("gemma-3", "") == {}


def test_room_for_thinking() -> None:
    assert effort.room("none") == effort.room("") == effort.room({"thinking": {"type": "disabled"}}) == 0
    assert effort.room("low") == effort.room({"thinking_level": "LOW"}) == 2048
    assert effort.room({"thinking_budget": 4096}) == 4096
    assert effort.room({"thinking_budget": 0}) == 0
    assert effort.room({"output_config": {"effort": "high"}}) > effort.room("medium") > 2048


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "No.", "type": "a", "code": "b"}}, "b a No."),
        ([{"error": {"message": "No.", "status": "INTERNAL", "code": 500}}], "500 internal No."),
        ({"message": "No."}, "No."),
        ({"error": "No."}, "No."),
        ({"error": None, "status": "failed"}, "failed"),
        ("No.", "No."),
        (None, ""),
        ([], ""),
    ],
)
def test_errors_are_read_in_every_wrapping(body: object, words: str) -> None:
    assert told(body).words == words


def test_what_nobody_foresaw_is_the_services_fault_and_says_nothing_private() -> None:
    failed = failure(SERVICE, KeyError("what somebody said"))
    assert failed.fault is Fault.SERVICE
    assert "somebody" not in str(failed)
