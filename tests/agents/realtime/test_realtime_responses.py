"""What a reply came to: its end, its calls, its cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.realtime import events as ev
from edge.agents.realtime.failures import ApiError, Kind
from edge.agents.realtime.items import FunctionCall, Response
from edge.agents.realtime.usage import HeardUsage, Usage, heard_usage, usage
from edge.agents.realtime.wire import decode
from tests.agents.realtime.samples import CALL, USAGE

JSON_LEAF = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5)
OBJECT = st.dictionaries(st.text(max_size=5), JSON_LEAF | st.lists(JSON_LEAF, max_size=3), max_size=4)


def done(**fields: Any) -> Response:
    event = decode(json.dumps({"type": "response.done", "response": {"id": "r", **fields}}))
    assert isinstance(event, ev.ResponseDone)
    return event.response


def call(**fields: Any) -> FunctionCall:
    (only,) = done(output=[{**CALL, **fields}]).calls
    return only


# --- how it ended ------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["turn_detected", "client_cancelled"])
def test_a_cancelled_reply_says_by_whom(reason: str) -> None:
    response = done(status="cancelled", status_details={"type": "cancelled", "reason": reason})
    assert (response.status, response.reason, response.error) == ("cancelled", reason, None)


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_reply_says_why(reason: str) -> None:
    assert done(status="incomplete", status_details={"type": "incomplete", "reason": reason}).reason == reason


def test_a_failed_reply_has_its_error() -> None:
    error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded your current quota."}
    response = done(status="failed", status_details={"type": "failed", "error": error}, output=[])
    assert response.error == ApiError("insufficient_quota", error["message"], "insufficient_quota")
    assert response.error.kind is Kind.QUOTA


@pytest.mark.parametrize("details", [None, {}, {"error": None}, {"error": {}}, 5, [], {"error": "x", "reason": 7}])
def test_details_that_say_nothing_are_no_error(details: Any) -> None:
    response = done(status="completed", status_details=details)
    assert response.error is None
    assert response.status == "completed"


def test_a_bare_reply_is_taken() -> None:
    assert done() == Response("r")


def test_metadata_that_is_no_text_is_left_out() -> None:
    assert done(metadata={"turn": "7", "n": 5}).metadata == {"turn": "7"}
    assert done(metadata=5).metadata == {}


def test_nonsense_in_the_bookkeeping_loses_no_reply() -> None:
    response = done(usage={"input_tokens": "many", "input_token_details": 5}, output=[CALL], metadata=[])
    assert response.usage == Usage()
    assert len(response.calls) == 1


# --- calls -------------------------------------------------------------------------------------------


def test_parallel_calls_come_in_order() -> None:
    calls = done(output=[{**CALL, "call_id": f"call_{n}"} for n in range(3)]).calls
    assert [one.call_id for one in calls] == ["call_0", "call_1", "call_2"]


def test_a_call_that_was_cut_short_is_not_run() -> None:
    response = done(status="cancelled", output=[{**CALL, "status": "incomplete", "arguments": '{"minu'}, CALL])
    assert [one.valid for one in response.calls] == [True]
    assert len(response.items) == 2


@given(OBJECT)
def test_arguments_are_read(arguments: dict[str, Any]) -> None:
    raw = json.dumps(arguments)
    assert call(arguments=raw) == FunctionCall("call_1", "set_timer", arguments, raw, valid=True, item_id="item_2")


@pytest.mark.parametrize("raw", ["", "  ", None])
def test_a_call_without_arguments_has_none(raw: str | None) -> None:
    assert call(arguments=raw).arguments == {}
    assert call(arguments=raw).valid


def test_arguments_that_come_as_an_object_are_taken() -> None:
    assert call(arguments={"minutes": 5}).arguments == {"minutes": 5}


@pytest.mark.parametrize(
    "raw",
    ["{", "[]", "5", "null", '"x"', '{"a": NaN}', '{"a": "\\ud800"}', '{"\\udc00": 1}', "[" * 5000, '{"a":' * 5000],
)
def test_arguments_that_are_no_object_are_flagged_and_kept_as_they_came(raw: str) -> None:
    assert call(arguments=raw) == FunctionCall("call_1", "set_timer", {}, raw, valid=False, item_id="item_2")


def test_an_escaped_pair_is_no_lone_surrogate() -> None:
    assert call(arguments='{"a": "\\ud83d\\ude00"}').arguments == {"a": "😀"}


def test_arguments_of_another_type_are_flagged() -> None:
    assert call(arguments=[1]) == FunctionCall("call_1", "set_timer", {}, "[1]", valid=False, item_id="item_2")


# --- cost --------------------------------------------------------------------------------------------


def test_cached_tokens_are_part_of_the_input() -> None:
    cost = usage(USAGE)
    assert cost == Usage(119, 13, 0, 60, 4, 0, 30, 91)
    assert (cost.fresh_text, cost.fresh_audio, cost.fresh_image, cost.total) == (59, 9, 0, 253)


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ({}, Usage()),
        ({"input_tokens": 10, "output_tokens": 5}, Usage(input_audio=10, output_audio=5)),
        ({"input_tokens": 10, "input_token_details": {"text_tokens": 4}}, Usage(input_text=4, input_audio=6)),
        ({"input_token_details": {"text_tokens": 5, "cached_tokens": 9}}, Usage(input_text=5, cached_text=5)),
        (
            {"input_token_details": {"text_tokens": 5, "audio_tokens": 9, "cached_tokens": 8}},
            Usage(input_text=5, input_audio=9, cached_text=5, cached_audio=3),
        ),
        ({"input_token_details": {"audio_tokens": 2, "image_tokens": 3}}, Usage(input_audio=2, input_image=3)),
        ({"input_tokens": -5, "output_tokens": 1e300}, Usage()),
    ],
)
def test_what_a_server_does_not_break_down(body: dict[str, Any], cost: Usage) -> None:
    assert usage(body) == cost


COUNTS = st.integers(-5, 500)
KINDS = st.fixed_dictionaries({}, optional=dict.fromkeys(("text_tokens", "audio_tokens", "image_tokens"), COUNTS))


@given(KINDS, KINDS, COUNTS, COUNTS)
def test_no_kind_has_more_cached_than_it_has(kinds, cached, cached_tokens, total) -> None:
    details = {**kinds, "cached_tokens": cached_tokens, "cached_tokens_details": cached}
    cost = usage({"input_tokens": total, "input_token_details": details})
    assert min(cost.fresh_text, cost.fresh_audio, cost.fresh_image, cost.cached_text, cost.cached_audio) >= 0
    assert cost.total >= max(total, 0)


def test_costs_add_up() -> None:
    assert Usage(1, 2, 3, 1, 2, 3, 4, 5) + Usage(10, 10, 10, 0, 0, 0, 1, 1) == Usage(11, 12, 13, 1, 2, 3, 5, 6)
    assert sum([Usage(1), Usage(2)], Usage()) == Usage(3)


def test_a_transcription_costs_tokens_or_seconds() -> None:
    assert heard_usage({"type": "duration", "seconds": 2.5}) == HeardUsage(seconds=2.5)
    assert heard_usage({"type": "tokens", "input_tokens": 7, "output_tokens": 3}) == HeardUsage(0, 7, 3)
    assert heard_usage({"seconds": "x", "input_tokens": None}) == HeardUsage()


def test_a_call_whose_name_stands_elsewhere_has_none_here() -> None:
    body = {"type": "response.function_call_arguments.done", "call_id": "c1", "arguments": '{"on": true}'}
    event = decode(json.dumps(body))
    assert isinstance(event, ev.OutputItemDone)
    assert event.item.call is not None
    assert (event.item.call.name, event.item.call.arguments) == ("", {"on": True})
