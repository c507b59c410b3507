"""What an error means: which ones are nothing, which are the end, which cost waiting or money."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.realtime import events as ev
from edge.agents.realtime.failures import ApiError, Kind, classify
from edge.agents.realtime.wire import decode

OVERRUN = "Audio content of 9250ms is already shorter than 57340ms"


def told(**error: object) -> ApiError:
    event = decode(json.dumps({"type": "error", "error": error}))
    assert isinstance(event, ev.ErrorHappened)
    return event.error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "response_cancel_not_active", "type": "invalid_request_error"}, Kind.RACE),
        ({"code": "conversation_already_has_active_response"}, Kind.RACE),
        ({"code": "input_audio_buffer_commit_empty"}, Kind.RACE),
        ({"code": "invalid_value", "type": "invalid_request_error", "message": OVERRUN}, Kind.RACE),
        ({"code": None, "message": OVERRUN}, Kind.RACE),
        (
            {"code": "unsupported_content_type", "message": "Only model output audio messages can be truncated"},
            Kind.RACE,
        ),
        ({"code": "session_expired", "message": "x"}, Kind.EXPIRED),
        ({"message": "Your session hit the maximum duration of 60 minutes."}, Kind.EXPIRED),
        ({"code": "invalid_api_key", "type": "invalid_request_error"}, Kind.AUTH),
        ({"type": "authentication_error"}, Kind.AUTH),
        ({"code": "beta_api_shape_disabled"}, Kind.AUTH),
        ({"code": "model_not_found", "type": "invalid_request_error"}, Kind.AUTH),
        ({"code": "rate_limit_exceeded", "type": "tokens"}, Kind.RATE),
        ({"code": "inference_rate_limit_exceeded"}, Kind.RATE),
        ({"code": 429}, Kind.RATE),
        ({"message": "Rate limit reached for gpt-realtime in organization x"}, Kind.RATE),
        ({"code": "insufficient_quota", "type": "insufficient_quota"}, Kind.QUOTA),
        ({"message": "You exceeded your current quota, please check your plan"}, Kind.QUOTA),
        ({"type": "server_error", "message": "The server had an error"}, Kind.SERVER),
        ({"code": "invalid_value", "type": "invalid_request_error", "message": "Invalid 'item.id'"}, Kind.REFUSED),
        ({}, Kind.REFUSED),
    ],
)
def test_kinds(error: dict[str, object], kind: Kind) -> None:
    assert told(**error).kind is kind


def test_only_the_end_of_the_session_ends_it() -> None:
    ends = {kind for kind, error in EXAMPLES.items() if error.ends_session}
    again = {kind for kind, error in EXAMPLES.items() if error.retryable}
    assert ends == {Kind.EXPIRED, Kind.AUTH}
    assert again == {Kind.EXPIRED, Kind.RATE, Kind.SERVER}


EXAMPLES = {
    Kind.RACE: ApiError("response_cancel_not_active"),
    Kind.EXPIRED: ApiError("session_expired"),
    Kind.AUTH: ApiError("invalid_api_key"),
    Kind.RATE: ApiError("rate_limit_exceeded"),
    Kind.QUOTA: ApiError("insufficient_quota"),
    Kind.SERVER: ApiError("server_error"),
    Kind.REFUSED: ApiError("invalid_value"),
}


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == set(Kind)
    assert all(error.kind is kind for kind, error in EXAMPLES.items())


def test_it_carries_what_it_answers() -> None:
    error = told(code="c", message="m", type="t", param="p", event_id="ev_1", other=5)
    assert error == ApiError("c", "m", "t", "p", "ev_1")


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ({"error": "Something broke"}, ApiError(message="Something broke")),
        ({"message": "flat", "code": "c"}, ApiError("c", "flat")),
        ({"error": None}, ApiError()),
        ({"error": [1]}, ApiError()),
        ({"error": {"code": {}, "message": 5, "type": True, "param": [], "event_id": None}}, ApiError(message="5")),
    ],
)
def test_an_error_is_never_lost_for_its_shape(frame: dict[str, object], error: ApiError) -> None:
    assert decode(json.dumps({"type": "error", **frame})) == ev.ErrorHappened(error)


def test_a_long_message_is_cut() -> None:
    assert len(told(message="x" * 10_000).message) == 1000


@given(st.text(), st.text(), st.text())
def test_any_words_mean_something(code: str, message: str, kind: str) -> None:
    assert classify(code, message, kind) in Kind
