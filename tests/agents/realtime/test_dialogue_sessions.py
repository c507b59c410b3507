"""Sessions come and go: no word is lost, none is said twice, and nothing is asked more than once again."""

from __future__ import annotations

import pytest

from edge.agents.realtime import commands as do
from edge.agents.realtime.exchange import BROKE, CUT_OFF
from edge.core import events as core
from edge.core.history import Exchange, History
from tests.agents.realtime.exchanges import Talk, call, created, ends, kinds, only, outputs, pcm, said, texts

REPLAY = ["input_audio_buffer.append", "input_audio_buffer.commit", "response.create"]
ADD = "conversation.item.create"


def test_an_open_turn_is_sent_again_and_goes_on() -> None:
    talk = Talk()
    talk.speak(1, 300)
    talk.close()
    assert talk.speak(1, 200) == []
    assert not talk.dialogue.waiting
    assert [len(one.pcm) for one in only(talk.open(), do.AppendAudio)] == [len(pcm(500))]
    assert kinds(talk.speak(1, 100)) == ["input_audio_buffer.append"]
    assert kinds(talk.end(1)) == REPLAY[1:]


def test_a_complete_turn_is_sent_again_once_and_never_twice() -> None:
    talk = Talk()
    talk.ask(1)
    talk.close()
    assert talk.dialogue.waiting
    assert kinds(talk.open()) == REPLAY
    talk.close()
    assert not talk.dialogue.waiting
    out = talk.open()
    assert ends(out) == [(1, "failed")]
    assert "connection broke" in only(out, core.ReplyEnded)[0].message
    assert texts(out) == [("user", "(something said aloud)")]
    assert texts(talk.again()) == [("user", "(something said aloud)")]


def test_a_turn_that_ended_offline_is_asked_when_there_is_a_session() -> None:
    talk = Talk(online=False)
    talk.ask(1)
    assert kinds(talk.open()) == REPLAY
    assert ends(talk.reply("r1")) == [(1, "done")]


def test_typed_words_are_asked_again() -> None:
    talk = Talk()
    talk.text(1, "hello")
    out = talk.again()
    assert kinds(out) == [ADD, "response.create"]
    assert texts(out) == [("user", "hello")]


def test_an_answer_goes_on_where_it_stopped_after_words() -> None:
    talk = Talk()
    talk.text(1, "tell me a story")
    talk.begin("r1")
    talk.words("r1", "Once upon")
    talk.sound("r1", 200)
    out = talk.again()
    assert texts(out) == [("user", "tell me a story"), ("assistant", "Once upon"), ("system", BROKE)]
    assert kinds(out)[-1] == "response.create"
    assert talk.words("r1", "late") == []
    talk.begin("r2")
    talk.words("r2", " a time.")
    talk.sound("r2", 200, "more")
    assert ends(talk.done("r2", said())) == [(1, "done")]
    cuts = only(talk.interrupt(1, 300), do.TruncateItem)
    assert [(cut.item_id, cut.audio_end_ms) for cut in cuts] == [("more", 100)]
    assert [past.reply for past in talk.dialogue.history.exchanges] == ["Once upon a"]


def test_what_was_asked_aloud_is_put_back_as_sound() -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    talk.words("r1", "Once")
    assert kinds(talk.again()) == [
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        ADD,
        ADD,
        "response.create",
    ]


def test_parts_of_earlier_sessions_are_never_cut() -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    talk.words("r1", "Once")
    talk.sound("r1", 200)
    talk.again()
    assert talk.interrupt(1, 100) == []


def test_an_announcement_that_broke_off_is_spoken_again() -> None:
    talk = Talk()
    talk.say(1, "Tea is ready.")
    talk.begin("r1")
    talk.words("r1", "Tea")
    talk.sound("r1")
    out = talk.again()
    assert created(out) == []
    assert [request.aside for request in only(out, do.CreateResponse)] == [True]
    assert ends(talk.again()) == [(1, "failed")]
    assert talk.again() == []


def test_what_is_still_playing_is_put_back_and_can_be_cut_in_the_memory() -> None:
    talk = Talk()
    talk.text(1, "tell me")
    talk.reply("r1", "one two three four", 400)
    assert texts(talk.again()) == [("user", "tell me"), ("assistant", "one two three four")]
    assert talk.interrupt(1, 200) == []
    assert texts(talk.again()) == [("user", "tell me"), ("assistant", "one two")]


def test_the_memory_is_put_back_in_order() -> None:
    talk = Talk()
    for turn in (1, 2):
        talk.text(turn, f"question {turn}")
        talk.reply(f"r{turn}", f"answer {turn}")
    assert [words for _, words in texts(talk.again())] == ["question 1", "answer 1", "question 2", "answer 2"]


def test_a_question_that_was_cut_short_is_put_back_without_an_answer() -> None:
    talk = Talk()
    talk.text(1, "the weather")
    talk.interrupt(1)
    assert texts(talk.again()) == [("user", "the weather")]


def test_what_is_forgotten_is_not_put_back() -> None:
    talk = Talk()
    talk.text(1, "one")
    talk.reply("r1")
    talk.text(2, "two")
    talk.dialogue.forget()
    assert talk.begin("r2") != []
    assert talk.again() == []
    assert kinds(talk.text(3, "three")) == [ADD, "response.create"]


def test_what_is_forgotten_while_it_waits_is_not_asked() -> None:
    talk = Talk()
    talk.text(1, "one")
    talk.begin("r1")
    talk.interrupt(1)
    talk.text(2, "two")
    talk.dialogue.forget()
    assert talk.done("r1", status="cancelled") == []


def test_the_transcript_of_the_same_words_is_not_doubled() -> None:
    talk = Talk()
    talk.ask(1)
    talk.committed("i1")
    talk.heard("i1", "what time is it")
    talk.again()
    talk.committed("j1")
    assert talk.heard("i1", "late") == []
    assert talk.heard("j1", "what time is it") == [core.TranscriptHeard(1, "what time is it", final=True)]
    talk.reply("r1", "Noon.")
    talk.text(2)
    assert [past.user for past in talk.dialogue.history.exchanges] == ["what time is it"]


def test_the_old_transcript_stands_until_there_is_a_new_one() -> None:
    talk = Talk()
    talk.ask(1)
    talk.committed("i1")
    talk.heard("i1", "hello")
    talk.again()
    talk.reply("r1", "Hi.")
    assert texts(talk.again()) == [("user", "hello"), ("assistant", "Hi.")]


@pytest.mark.parametrize("asked", [True, False])
def test_a_turn_that_is_abandoned_is_not_asked_again(*, asked: bool) -> None:
    talk = Talk(online=asked)
    talk.text(1, "one")
    if asked:
        talk.close()
    talk.dialogue.abandon()
    talk.dialogue.abandon()
    assert not talk.dialogue.waiting
    assert talk.dialogue.idle
    assert texts(talk.open()) == ([("user", "one")] if asked else [])


def test_abandoning_without_a_turn_is_nothing() -> None:
    talk = Talk()
    talk.dialogue.abandon()
    assert talk.dialogue.idle
    assert not talk.dialogue.waiting


def test_what_was_called_by_an_abandoned_turn_is_of_no_use() -> None:
    talk = Talk()
    talk.text(1)
    talk.calls("r1", call("c1"))
    talk.close()
    talk.dialogue.abandon()
    talk.open()
    assert talk.result(1, "c1", on=True) == []
    assert talk.interrupt(1) == []


def test_an_outage_over_an_interrupted_turn_leaves_nothing_to_cancel() -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    talk.sound("r1")
    talk.close()
    assert talk.interrupt(1, 50) == []
    assert talk.open() == [do.CreateItem(do.user_text("(something said aloud)"))]


# --- tools ------------------------------------------------------------------------------------------------


def test_a_tool_that_ran_does_not_run_again() -> None:
    talk = Talk()
    talk.text(1)
    talk.calls("r1", call("c1"))
    talk.result(1, "c1", on=True)
    out = talk.again()
    assert kinds(out) == [ADD, ADD, ADD, "response.create"]
    assert [item["type"] for item in created(out)] == ["message", "function_call", "function_call_output"]
    assert outputs(out) == {"c1": '{"on": true}'}
    assert only(out, core.ToolCalled) == []


def test_a_tool_that_is_still_at_work_is_waited_for() -> None:
    talk = Talk()
    talk.text(1)
    talk.calls("r1", call("c1"), call("c2"))
    talk.result(1, "c1", on=True)
    talk.close()
    assert talk.result(1, "c2", on=False) == []
    out = talk.open()
    assert outputs(out) == {"c1": '{"on": true}', "c2": '{"on": false}'}
    assert kinds(out)[-1] == "response.create"


def test_a_tool_that_answers_into_the_next_session() -> None:
    talk = Talk()
    talk.text(1)
    talk.begin("r1")
    talk.words("r1", "Let me see.")
    talk.sound("r1")
    talk.done("r1", said(), call("c1"))
    out = talk.again()
    assert texts(out) == [("user", "hello"), ("assistant", "Let me see."), ("system", BROKE)]
    assert only(out, do.CreateResponse) == []
    out = talk.result(1, "c1", on=True)
    assert kinds(out) == [ADD, "response.create"]
    assert ends(talk.reply("r2")) == [(1, "done")]


def test_a_tool_that_is_interrupted_in_the_next_session_has_an_output() -> None:
    talk = Talk()
    talk.text(1)
    talk.calls("r1", call("c1"))
    talk.again()
    [output] = outputs(talk.interrupt(1)).values()
    assert str(CUT_OFF["error"]) in str(output)


def test_two_broken_sessions_end_a_turn_whose_tool_is_still_at_work() -> None:
    talk = Talk()
    talk.text(1)
    talk.calls("r1", call("c1"))
    talk.again()
    out = talk.again()
    assert ends(out) == [(1, "failed")]
    assert outputs(out) == {}
    assert talk.result(1, "c1", on=True) == []


# --- what other engines know as well -------------------------------------------------------------------


def test_an_answer_is_in_the_history_as_soon_as_it_is_made() -> None:
    """A process that is killed then has not forgotten it; what was heard of it takes its place."""
    history = History()
    talk = Talk(history=history)
    talk.text(1, "one")
    talk.reply("r1", "answer one is long", ms=1000)
    assert history.exchanges == (Exchange("one", "answer one is long"),)
    talk.interrupt(1, 500)
    assert history.exchanges == (Exchange("one", "answer one"),)
    talk.text(2, "two")
    assert history.exchanges == (Exchange("one", "answer one"),)


def test_the_transcript_that_comes_after_the_answer_is_the_one_that_is_kept() -> None:
    history = History()
    talk = Talk(history=history)
    talk.ask(1)
    talk.committed("i1")
    talk.reply("r1", "ten past four")
    assert history.exchanges == (Exchange("(something said aloud)", "ten past four"),)
    talk.heard("i1", "what time is it")
    talk.text(2, "thanks")
    assert history.exchanges == (Exchange("what time is it", "ten past four"),)


def test_what_another_engine_has_answered_is_told_once_before_the_next_turn() -> None:
    """And not what the session knows by itself."""
    history = History()
    talk = Talk(history=history)
    talk.text(1, "one")
    talk.reply("r1", "answer one")
    History(beside=history).note("two", "answer two")
    assert [words for _, words in texts(talk.text(3, "three"))] == ["two", "answer two", "three"]
    talk.reply("r3", "answer three")
    assert [words for _, words in texts(talk.text(4, "four"))] == ["four"]


def test_what_was_said_before_a_restart_is_told_to_the_first_session() -> None:
    history = History()
    history.note("one", "answer one")
    talk = Talk(online=False, history=history)
    assert [words for _, words in texts(talk.open())] == ["one", "answer one"]


def test_an_answer_that_may_still_be_cut_is_put_back_once() -> None:
    talk = Talk(history=History())
    talk.text(1, "one")
    talk.reply("r1", "answer one")
    assert [words for _, words in texts(talk.again())] == ["one", "answer one"]
