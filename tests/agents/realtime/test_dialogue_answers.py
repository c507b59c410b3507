"""What becomes of an answer: failures told in words, races passed over, every token accounted for."""

from __future__ import annotations

import pytest

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.usage import HeardUsage, RateLimit, Usage
from edge.config import Price
from edge.core import events as core
from tests.agents.realtime.exchanges import BUSY, COST, EMPTY, Talk, call, ends, kinds, only, outputs, said

PRICE = Price(text_in=1.0, audio_out=10.0, audio_minute=6.0)
ASK = ["input_audio_buffer.commit", "response.create"]


@pytest.mark.parametrize(
    ("status", "reason", "error", "words"),
    [
        ("failed", "", ApiError("insufficient_quota"), "money"),
        ("failed", "", None, "cut off (failed)"),
        ("cancelled", "turn_detected", None, "cut off (turn_detected)"),
        ("incomplete", "content_filter", None, "content filter"),
        ("incomplete", "max_output_tokens", None, "no answer"),
        ("completed", "", None, "no answer"),
    ],
)
def test_silence_is_always_explained(status: str, reason: str, error: ApiError | None, words: str) -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    [end] = only(talk.done("r1", status=status, reason=reason, error=error), core.ReplyEnded)
    assert (end.turn, end.outcome) == (1, "failed")
    assert words in end.message


def test_a_long_answer_that_is_cut_by_its_limit_is_an_answer() -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    talk.sound("r1")
    assert ends(talk.done("r1", said(), status="incomplete", reason="max_output_tokens")) == [(1, "done")]


def test_a_failure_after_some_words_is_told() -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    talk.sound("r1")
    assert ends(talk.done("r1", status="failed", error=ApiError("server_error"))) == [(1, "failed")]


def test_an_error_that_names_the_request_fails_the_turn() -> None:
    talk = Talk()
    [request] = only(talk.ask(1), do.CreateResponse)
    [end] = only(talk.error("invalid_value", request.event_id, "No such voice."), core.ReplyEnded)
    assert (end.outcome, end.message) == ("failed", "The answer failed: No such voice.")
    assert talk.dialogue.idle


def test_an_error_without_a_name_fails_the_turn_that_waits() -> None:
    talk = Talk()
    talk.ask(1)
    [end] = only(talk.error("rate_limit_exceeded"), core.ReplyEnded)
    assert "too much at once" in end.message
    assert talk.error("rate_limit_exceeded") == []


def test_an_error_that_names_something_else_fails_nothing() -> None:
    talk = Talk()
    talk.ask(1)
    assert talk.error("invalid_value", "tidy") == []
    assert talk.error("invalid_value", "ask_99") == []
    assert ends(talk.reply("r1")) == [(1, "done")]


def test_whatever_no_answer_depends_on_has_a_name_of_its_own() -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    talk.sound("r1", 100)
    talk.done("r1", call("c1"))
    tidied = [*talk.interrupt(1), *talk.speak(2), *talk.drop(2)]
    assert all(one.event_id for one in tidied if isinstance(one, (do.TruncateItem, do.CancelResponse, do.ClearAudio)))


def test_a_refused_request_of_an_interrupted_turn_lets_the_next_one_go() -> None:
    talk = Talk()
    talk.ask(1)
    talk.interrupt(1)
    talk.ask(2)
    assert kinds(talk.error("rate_limit_exceeded", "ask_1")) == ["response.create"]
    assert ends(talk.reply("r2")) == [(2, "done")]


def test_the_end_of_the_session_is_no_failure_of_the_turn() -> None:
    talk = Talk()
    talk.ask(1)
    assert talk.error("session_expired") == []
    assert kinds(talk.again()) == ["input_audio_buffer.append", *ASK]


def test_after_a_failure_what_still_comes_is_dropped() -> None:
    talk = Talk()
    talk.ask(1)
    talk.error("server_error")
    assert kinds(talk.begin("r1")) == ["response.cancel"]
    assert talk.words("r1", "after all") == []


# --- races ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("response_cancel_not_active", ""),
        (EMPTY, ""),
        ("invalid_value", "Audio content of 100ms is already shorter than 200ms"),
    ],
)
def test_races_fail_nothing(code: str, message: str) -> None:
    talk = Talk()
    talk.ask(1)
    assert talk.error(code, "", message) == []
    assert ends(talk.reply("r1")) == [(1, "done")]


def test_a_busy_server_is_asked_again_when_it_is_done() -> None:
    talk = Talk()
    talk.ask(1)
    assert talk.error(BUSY, "ask_1") == []
    assert kinds(talk.begin("other")) == ["response.cancel"]
    assert talk.words("other", "nothing of ours") == []
    assert kinds(talk.done("other")) == ["response.create"]
    assert ends(talk.reply("r1")) == [(1, "done")]


def test_busy_for_an_interrupted_turn_asks_for_the_next_one() -> None:
    talk = Talk()
    talk.text(1, "one")
    talk.interrupt(1)
    talk.text(2, "two")
    assert talk.error(BUSY, "ask_1") == []
    assert kinds(talk.done("other")) == ["response.create"]
    assert ends(talk.reply("r2")) == [(2, "done")]


def test_a_commit_that_was_empty_is_not_waited_for() -> None:
    talk = Talk()
    talk.ask(1)
    talk.error(EMPTY, "put_9")
    talk.error(EMPTY, "put_1")
    talk.error(EMPTY, "put_1")
    talk.committed("i1")
    assert talk.heard("i1", "words") == []


# --- money ------------------------------------------------------------------------------------------------


def test_every_response_is_paid_for_by_its_turn() -> None:
    talk = Talk(price=PRICE)
    talk.ask(1)
    talk.begin("r1")
    talk.sound("r1")
    talk.interrupt(1, 50)
    talk.ask(2)
    late = only(talk.done("r1", status="cancelled", usage=COST), core.Spent)
    talk.begin("r2")
    talk.sound("r2")
    ours = only(talk.done("r2", said(), usage=COST), core.Spent)
    unknown = only(talk.done("r9", usage=COST), core.Spent)
    spent = [*late, *ours, *unknown]
    assert [one.of_turn for one in spent] == [1, 2, 0]
    assert all(one.tokens == {"input_text": 100, "output_audio": 10} for one in spent)
    assert all(one.cost == pytest.approx(0.0002) for one in spent)


def test_what_is_cached_is_part_of_what_is_read() -> None:
    talk = Talk(price=Price(text_in=10, text_cached=1))
    talk.text(1)
    talk.begin("r1")
    [spent] = only(talk.done("r1", usage=Usage(input_text=1_000_000, cached_text=500_000)), core.Spent)
    assert spent.cost == pytest.approx(5.5)


def test_without_a_price_the_cost_is_unknown_and_not_nothing() -> None:
    talk = Talk()
    talk.ask(1)
    talk.committed("i1")
    talk.begin("r1")
    assert only(talk.done("r1", usage=COST), core.Spent)[0].cost is None
    assert only(talk.heard("i1", "x", HeardUsage(seconds=1.5)), core.Spent) == [
        core.Spent(1, {"seconds": 2}, None, ids={"item": "i1"})
    ]
    assert only(talk.heard("i9", "x", HeardUsage(seconds=1.5)), core.Spent) == [
        core.Spent(0, {"seconds": 2}, None, ids={"item": "i9"})
    ]


def test_transcription_is_paid_by_tokens_or_minutes() -> None:
    talk = Talk(heard=Price(text_in=1, audio_in=2, text_out=3, audio_minute=4))
    talk.ask(1)
    talk.committed("i1")
    [spent] = only(talk.heard("i1", "x", HeardUsage(1_000_000, 1_000_000, 1_000_000, 60)), core.Spent)
    assert spent.cost == pytest.approx(10)


def test_rate_limits_are_kept() -> None:
    talk = Talk()
    limits = (RateLimit("tokens", 100, 50, 1.0),)
    assert talk.hear(ev.RateLimitsUpdated(limits)) == []
    assert talk.dialogue.limits == limits


def test_what_means_nothing_to_it_is_passed_over() -> None:
    talk = Talk()
    talk.ask(1)
    assert talk.hear(ev.AudioCleared()) == talk.hear(ev.SpeechStarted("i", 0)) == []
    assert talk.hear(ev.McpToolsListed("m", ok=True)) == []
    assert outputs(talk.all) == {}
