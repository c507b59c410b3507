"""Servers that leave parts of the protocol out: events, ids, items, sound."""

from __future__ import annotations

import pytest

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.agents.realtime.dialogue import Dialogue
from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.items import Item
from edge.core import events as core
from tests.agents.realtime.exchanges import BUSY, EMPTY, Talk, call, ends, kinds, only, outputs, pcm, remote, said

ASK, CANCEL = "response.create", "response.cancel"


@pytest.fixture
def talk() -> Talk:
    """Asked."""
    talk = Talk()
    talk.text(1)
    return talk


@pytest.fixture
def heard() -> Talk:
    """Somebody speaks to a server that ends turns."""
    talk = Talk(hands=True)
    talk.speak(1, 300)
    return talk


def made(talk: Talk, response: str, item: Item) -> None:
    assert talk.hear(ev.OutputItemDone(response, 0, item)) == []


# --- no response.created ----------------------------------------------------------------------------------


def test_an_answer_that_is_not_announced_is_the_answer(talk: Talk) -> None:
    assert talk.words("r1", "Yes.") == [core.ReplyText(1, "Yes.")]
    assert talk.sound("r1") == [core.ReplyAudio(1, pcm(100), 24_000)]
    assert talk.done("r1", said()) == [core.ReplyEnded(1, "done")]
    assert talk.words("r1", "late") == []
    assert talk.dialogue.idle


def test_it_begins_with_whatever_comes_first(talk: Talk) -> None:
    assert talk.hear(ev.OutputItemAdded("r1", 0, said(""))) == []
    assert kinds(talk.interrupt(1)) == [CANCEL]


def test_an_unannounced_answer_may_be_its_end_at_once(talk: Talk) -> None:
    assert only(talk.done("r1", call("c1")), core.ToolCalled) != []
    assert kinds(talk.result(1, "c1"))[-1] == ASK
    assert ends(talk.done("r2", status="failed", error=ApiError("server_error"))) == [(1, "failed")]


def test_an_announcement_that_comes_late_changes_nothing(talk: Talk) -> None:
    talk.words("r1", "Yes.")
    assert talk.begin("r1") == []
    assert ends(talk.done("r1", said())) == [(1, "done")]


def test_an_unannounced_answer_to_an_interrupted_turn_is_never_that_of_the_next(talk: Talk) -> None:
    talk.interrupt(1)
    assert kinds(talk.text(2)) == ["conversation.item.create"]
    out = talk.words("r1", "about one")
    assert [one.response_id for one in only(out, do.CancelResponse)] == ["r1"]
    assert only(out, core.ReplyText) == talk.sound("r1") == []
    assert kinds(talk.done("r1", status="cancelled")) == [ASK]
    assert talk.words("r1", "late") == talk.done("r1") == []
    assert talk.words("r2", "about two") == [core.ReplyText(2, "about two")]


def test_an_unannounced_end_of_an_interrupted_turn_needs_no_cancel(talk: Talk) -> None:
    talk.interrupt(1)
    talk.text(2)
    assert kinds(talk.done("r1", said())) == [ASK]


def test_what_nobody_asked_for_does_not_begin_unannounced() -> None:
    talk = Talk()
    assert talk.words("r1", "Hello?") == talk.done("r1") == []
    assert talk.dialogue.idle


# --- ids --------------------------------------------------------------------------------------------------


def test_without_any_ids_all_belongs_to_the_answer_at_hand(talk: Talk) -> None:
    assert talk.begin("") == []
    assert talk.words("", "Yes.") == [core.ReplyText(1, "Yes.")]
    assert talk.sound("") != []
    assert talk.done("", said()) == [core.ReplyEnded(1, "done")]
    assert talk.words("", "late") == []
    assert talk.dialogue.idle


def test_nothing_without_an_id_is_anybodys_while_nothing_is_made(talk: Talk) -> None:
    assert talk.words("", "odd") == []
    assert ends(talk.reply("r1")) == [(1, "done")]


def test_deltas_without_ids_belong_to_the_answer_that_has_one(talk: Talk) -> None:
    talk.begin("r1")
    assert talk.words("", "Yes.") == [core.ReplyText(1, "Yes.")]
    assert ends(talk.done("r1", said())) == [(1, "done")]


def test_an_id_that_only_the_deltas_have(talk: Talk) -> None:
    talk.begin("")
    assert talk.words("r1", "Yes.") == [core.ReplyText(1, "Yes.")]
    assert talk.words("other", "no") == []
    assert talk.done("", said()) == [core.ReplyEnded(1, "done")]
    talk.text(2)
    talk.begin("")
    assert talk.words("r1", "late") == []
    assert ends(talk.done("", status="failed")) == [(2, "failed")]


def test_an_answer_without_an_id_is_cancelled_without_one(talk: Talk) -> None:
    talk.begin("")
    assert only(talk.interrupt(1), do.CancelResponse)[0].response_id == ""
    talk.text(2)
    assert talk.words("", "late") == []
    assert kinds(talk.done("", status="cancelled")) == [ASK]
    assert talk.begin("") == []
    assert talk.words("", "two") == [core.ReplyText(2, "two")]


def test_an_unwanted_answer_without_an_id_is_cancelled_when_it_begins(talk: Talk) -> None:
    talk.interrupt(1)
    assert only(talk.begin(""), do.CancelResponse)[0].response_id == ""


def test_an_end_is_all_that_comes(talk: Talk) -> None:
    assert ends(talk.done("")) == [(1, "failed")]
    assert talk.dialogue.idle


# --- items ------------------------------------------------------------------------------------------------


def test_calls_that_stand_only_in_their_items_are_run_once(talk: Talk) -> None:
    talk.begin("r1")
    for _ in range(2):  # arguments.done, output_item.done
        made(talk, "r1", call("c1"))
    made(talk, "", call("c2"))
    out = talk.done("r1")
    assert [one.call for one in only(out, core.ToolCalled)] == ["c1", "c2"]
    talk.result(1, "c1")
    assert kinds(talk.result(1, "c2"))[-1] == ASK
    assert ends(talk.reply("r2")) == [(1, "done")]


def test_what_the_end_says_counts_more(talk: Talk) -> None:
    talk.begin("r1")
    made(talk, "r1", call("c1"))
    made(talk, "r1", call("c1", status="incomplete"))
    talk.words("r1", "Yes.")
    assert talk.done("r1", said()) == [core.ReplyEnded(1, "done")]


def test_a_call_in_an_item_that_was_cut_short_gets_an_output(talk: Talk) -> None:
    talk.begin("r1")
    made(talk, "r1", call("c1", status="incomplete"))
    out = talk.done("r1", status="incomplete")
    assert set(outputs(out)) == {"c1"}
    assert ends(out) == [(1, "failed")]


def test_a_call_of_a_cancelled_answer_gets_an_output(talk: Talk) -> None:
    talk.begin("r1")
    made(talk, "r1", call("c1"))
    talk.interrupt(1)
    talk.text(2)
    out = talk.done("r1", status="cancelled")
    assert set(outputs(out)) == {"c1"}
    assert kinds(out)[-1] == ASK
    assert ends(talk.reply("r2")) == [(2, "done")]


def test_the_items_of_another_answer_are_not_those_of_this_one(talk: Talk) -> None:
    talk.begin("r1")
    made(talk, "other", call("c1"))
    talk.words("r1", "Yes.")
    assert talk.done("other") == []
    assert talk.done("r1") == [core.ReplyEnded(1, "done")]


def test_a_call_without_a_name_is_told_elsewhere(talk: Talk) -> None:
    talk.begin("r1")
    nameless = call("c1")
    assert nameless.call is not None
    object.__setattr__(nameless.call, "name", "")
    made(talk, "r1", nameless)
    assert only(talk.done("r1", call("c1")), core.ToolCalled) != []


def test_a_remote_tool_that_stands_only_in_its_item(talk: Talk) -> None:
    talk.begin("r1")
    made(talk, "r1", remote("m1"))
    talk.remote_ended("m1")
    assert kinds(talk.done("r1")) == [ASK]


# --- the person's words -----------------------------------------------------------------------------------


def test_a_transcript_of_an_unknown_item_is_of_the_last_commit() -> None:
    talk = Talk()
    talk.ask(1)
    talk.interrupt(1)
    talk.ask(2)
    assert talk.heard("i2", "two") == [core.TranscriptHeard(2, "two", final=True)]
    assert talk.heard("i2", "two") == talk.heard("i1", "one") == []


def test_an_item_without_an_id_has_the_next_unknown_transcript() -> None:
    talk = Talk()
    talk.ask(1)
    assert talk.committed("") == []
    assert talk.heard("i1", "one") == [core.TranscriptHeard(1, "one", final=True)]
    talk.reply("r1")
    talk.ask(2)
    talk.committed("")
    assert talk.heard("", "two") == [core.TranscriptHeard(2, "two", final=True)]


def test_a_transcript_ends_the_turn_where_nothing_else_does(heard: Talk) -> None:
    assert heard.heard("i1", " hello ") == [core.TurnEnded(1), core.TranscriptHeard(1, "hello", final=True)]
    assert heard.begin("auto") == []
    assert ends(heard.done("auto", said())) == [(1, "failed")]
    assert heard.heard("i1", "hello") == []


@pytest.mark.parametrize("words", ["", "  "])
def test_no_words_end_nothing(words: str, heard: Talk) -> None:
    assert heard.heard("i1", words) == []
    assert kinds(heard.end(1))[-1] == ASK


def test_a_late_transcript_of_our_own_commit_ends_no_turn(heard: Talk) -> None:
    heard.end(1)
    heard.interrupt(1)
    heard.speak(2)
    assert heard.heard("i1", "one") == []
    assert heard.heard("i2", "two") == [core.TurnEnded(2), core.TranscriptHeard(2, "two", final=True)]


def test_a_commit_that_was_answered_long_ago_does_not_keep_the_next_turn_open(heard: Talk) -> None:
    heard.end(1)
    heard.reply("r1")
    heard.speak(2)
    assert heard.heard("i2", "two") == [core.TurnEnded(2), core.TranscriptHeard(2, "two", final=True)]


def test_words_out_of_nowhere_are_nobodys() -> None:
    talk = Talk(hands=True)
    assert talk.heard("i1", "hello") == []


def test_an_answer_out_of_the_blue_ends_the_open_turn(heard: Talk) -> None:
    assert heard.begin("auto") == [core.TurnEnded(1)]
    assert heard.words("auto", "Yes.") == [core.ReplyText(1, "Yes.")]
    assert heard.heard("i1", "hello") == [core.TranscriptHeard(1, "hello", final=True)]
    assert heard.done("auto", said()) == [core.ReplyEnded(1, "done")]


def test_but_not_where_the_button_is_held(heard: Talk) -> None:
    heard.hold(1)
    assert kinds(heard.begin("auto")) == [CANCEL]
    assert kinds(heard.end(1))[0] == "input_audio_buffer.commit"
    assert kinds(heard.done("auto", status="cancelled")) == [ASK]


def test_and_not_of_a_server_that_says_what_it_commits(heard: Talk) -> None:
    heard.committed("i1")
    heard.reply("auto")
    heard.speak(2)
    assert kinds(heard.begin("odd")) == [CANCEL]


def test_and_not_while_an_answer_to_something_else_is_due(heard: Talk) -> None:
    heard.end(1)
    heard.interrupt(1)
    heard.speak(2)
    assert kinds(heard.begin("r1")) == [CANCEL]


def test_both_sides_end_the_turn_and_nothing_is_committed_in_words(heard: Talk) -> None:
    assert kinds(heard.end(1))[-1] == ASK
    assert heard.heard("i1", "hello") == [core.TranscriptHeard(1, "hello", final=True)]
    assert heard.begin("auto") == []
    assert heard.error(event_id="put_1", kind=EMPTY) == heard.error(event_id="ask_1", kind=BUSY) == []
    heard.words("auto", "Yes.")
    assert heard.done("auto", said()) == [core.ReplyEnded(1, "done")]


# --- stuck ------------------------------------------------------------------------------------------------


def test_a_response_that_is_never_done_blocks_the_next_request(talk: Talk) -> None:
    talk.begin("r1")
    talk.interrupt(1)
    assert not talk.dialogue.blocked
    talk.text(2)
    assert talk.dialogue.blocked
    talk.close()
    assert not talk.dialogue.blocked
    assert kinds(talk.open())[-1] == ASK
    assert not talk.dialogue.blocked


def test_an_answer_that_is_cancelled_before_it_began_and_never_comes_blocks_it_too(talk: Talk) -> None:
    talk.interrupt(1)
    talk.text(2)
    assert talk.dialogue.blocked
    assert talk.dialogue.waiting
    talk.interrupt(2)
    assert not talk.dialogue.blocked


# --- text only --------------------------------------------------------------------------------------------


@pytest.fixture
def aloud() -> Talk:
    """Asked for a spoken answer, which has begun in words."""
    talk = Talk()
    talk.dialogue = Dialogue(aloud=True)
    talk.open()
    talk.text(1)
    talk.begin("r1")
    talk.words("r1", "Yes.")
    return talk


def test_a_service_without_sound_is_told(aloud: Talk) -> None:
    assert aloud.done("r1", said()) == [core.ReplyEnded(1, "failed", "The service answers in text only.")]


def test_one_sound_in_the_whole_turn_is_enough(aloud: Talk) -> None:
    aloud.sound("r1", 20)
    aloud.done("r1", call("c1"))
    aloud.result(1, "c1")
    aloud.begin("r2")
    aloud.words("r2", "Done.")
    assert aloud.done("r2", said()) == [core.ReplyEnded(1, "done")]


def test_words_before_a_tool_need_no_sound(aloud: Talk) -> None:
    assert ends(aloud.done("r1", call("c1"))) == []
    aloud.result(1, "c1")
    aloud.begin("r2")
    aloud.sound("r2")
    assert ends(aloud.done("r2", said())) == [(1, "done")]


def test_a_failure_says_more(aloud: Talk) -> None:
    [end] = only(aloud.done("r1", status="failed", error=ApiError("server_error")), core.ReplyEnded)
    assert "fault" in end.message
