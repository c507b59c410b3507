"""What a person is told of an error, and which ones are about a request."""

from __future__ import annotations

import pytest

from edge.agents.realtime.failures import ApiError, Kind, explained


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ApiError("insufficient_quota", "You exceeded your current quota"), "money is used up"),
        (ApiError("rate_limit_exceeded", "Rate limit reached for org-x"), "too much at once"),
        (ApiError("server_error", "The server had an error"), "has a fault"),
        (ApiError("invalid_value", "Invalid 'voice'"), "The answer failed: Invalid 'voice'"),
        (ApiError("odd_code"), "The answer failed: odd_code"),
        (ApiError(type="odd_type"), "The answer failed: odd_type"),
        (ApiError(), "The answer failed: the vendor does not say why."),
    ],
)
def test_every_error_is_told_in_words(error: ApiError, words: str) -> None:
    assert words in explained(error)


def test_two_races_concern_what_was_sent() -> None:
    busy = ApiError("Conversation_already_has_active_response")
    empty = ApiError("input_audio_buffer_commit_empty")
    assert (busy.busy, busy.nothing_to_commit) == (True, False)
    assert (empty.busy, empty.nothing_to_commit) == (False, True)


def test_a_server_without_codes_names_them_in_the_type() -> None:
    busy = ApiError(type="conversation_already_has_active_response", message="Wait.")
    empty = ApiError(type="input_audio_buffer_commit_empty")
    assert (busy.busy, busy.nothing_to_commit, busy.kind) == (True, False, Kind.RACE)
    assert (empty.busy, empty.nothing_to_commit, empty.kind) == (False, True, Kind.RACE)
    full = ApiError(type="session_limit_reached", message="All 1 session slots are in use.")
    assert (full.kind, full.retryable) == (Kind.RATE, True)
