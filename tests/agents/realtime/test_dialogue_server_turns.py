"""Turns that the server ends (server VAD, semantic VAD), and how the button takes that out of its hands."""

from __future__ import annotations

import pytest

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.core import events as core
from tests.agents.realtime.exchanges import BUSY, COST, EMPTY, HANDS, Talk, ends, kinds, only, pcm, said

PUT, ASK = "input_audio_buffer.commit", "response.create"


@pytest.fixture
def talk() -> Talk:
    """Somebody speaks."""
    talk = Talk(hands=True)
    talk.speak(1, 300)
    return talk


def hands(talk: Talk) -> list[str]:
    """In whose hands the end of turns was put, in order."""
    return [str(update.session["turns"]) for update in only(talk.all, do.UpdateSession)]


def test_the_server_hears_ends_and_answers(talk: Talk) -> None:
    assert talk.hear(ev.SpeechStarted("i1", 0)) == [core.VoiceHeard(1)]
    assert talk.hear(ev.SpeechStopped("i1", 300)) == []
    assert talk.committed("i1") == [core.TurnEnded(1)]
    assert talk.speak(1) == talk.end(1) == []
    assert talk.hear(ev.SpeechStarted("i2", 0)) == []
    assert talk.begin("r1") == []
    assert talk.words("r1", "Yes.") == [core.ReplyText(1, "Yes.")]
    assert talk.heard("i1", "hello") == [core.TranscriptHeard(1, "hello", final=True)]
    assert only(talk.done("r1", said(), usage=COST), core.Spent)[0].of_turn == 1
    assert hands(talk) == []


def test_an_answer_that_nobody_expected_is_the_answer(talk: Talk) -> None:
    talk.end(1)
    assert talk.error(BUSY, "ask_1") == []
    assert talk.begin("auto") == []
    talk.words("auto", "Yes.")
    out = talk.done("auto", said(), usage=COST)
    assert only(out, core.Spent)[0].of_turn == 1
    assert kinds(out) == ["Spent", "ReplyEnded"]


def test_both_sides_end_the_turn_and_the_automatic_answer_is_the_answer(talk: Talk) -> None:
    assert kinds(talk.end(1)) == [PUT, ASK]
    assert talk.committed("i1") == []
    assert talk.begin("auto") == []
    assert talk.error(EMPTY, "put_1") == talk.error(BUSY, "ask_1") == []
    talk.words("auto", "Yes.")
    assert talk.done("auto", said()) == [core.ReplyEnded(1, "done")]
    assert talk.heard("i1", "hello") == [core.TranscriptHeard(1, "hello", final=True)]


def test_the_end_by_hand_is_not_the_servers(talk: Talk) -> None:
    talk.end(1)
    talk.interrupt(1)
    talk.speak(2)
    assert talk.committed("i1") == []  # ours, late
    assert talk.committed("i2") == [core.TurnEnded(2)]


def test_an_automatic_answer_is_refused_while_another_is_made_and_asked_for_when_it_is_done() -> None:
    talk = Talk(hands=True)
    talk.text(1)
    talk.begin("r1")
    talk.interrupt(1)
    talk.speak(2)
    assert talk.committed("i2") == [core.TurnEnded(2)]
    assert talk.error(BUSY) == []
    assert kinds(talk.done("r1", status="cancelled")) == [ASK]
    assert ends(talk.reply("r2")) == [(2, "done")]


def test_an_automatic_answer_to_a_dropped_turn_is_for_nobody(talk: Talk) -> None:
    assert kinds(talk.drop(1)) == ["input_audio_buffer.clear"]
    talk.text(2)
    assert talk.committed("i1") == []
    assert kinds(talk.begin("auto")) == ["response.cancel"]
    assert talk.words("auto", "about one") == []
    assert talk.error(BUSY, "ask_1") == []
    assert kinds(talk.done("auto", status="cancelled")) == [ASK]
    assert ends(talk.reply("r2")) == [(2, "done")]


def test_a_server_that_finds_a_turn_where_there_is_none_is_stopped() -> None:
    talk = Talk(hands=True)
    assert talk.committed("i1") == talk.hear(ev.SpeechStarted("i1", 0)) == []
    assert kinds(talk.begin("auto")) == ["response.cancel"]
    assert talk.done("auto", status="cancelled") == []


def test_an_interruption_before_the_automatic_answer_began(talk: Talk) -> None:
    talk.committed("i1")
    assert talk.interrupt(1) == []
    assert kinds(talk.begin("auto")) == ["response.cancel"]
    talk.speak(2)
    assert only(talk.done("auto", status="cancelled", usage=COST), core.Spent)[0].of_turn == 1
    assert talk.committed("i2") == [core.TurnEnded(2)]


def test_a_question_goes_on_after_the_server_ended_it(talk: Talk) -> None:
    talk.committed("i1")
    talk.begin("auto")
    assert kinds(talk.interrupt(1, goes_on=True)) == ["response.cancel"]
    assert only(talk.speak(2, 100), do.AppendAudio) == [do.AppendAudio(pcm(100))]
    talk.done("auto", status="cancelled")
    assert talk.committed("i2") == [core.TurnEnded(2)]
    talk.heard("i1", "the weather")
    assert talk.heard("i2", "in Rome") == [core.TranscriptHeard(2, "the weather in Rome", final=True)]


# --- the button -------------------------------------------------------------------------------------------


def test_the_button_takes_it_out_of_the_servers_hands_and_gives_it_back(talk: Talk) -> None:
    [update] = only(talk.hold(1), do.UpdateSession)
    assert update.session == HANDS.manual.session
    assert talk.hold(1) == []
    assert kinds(talk.end(1)) == [PUT, ASK, "session.update"]
    assert talk.committed("i1") == []
    assert ends(talk.reply("r1")) == [(1, "done")]
    assert talk.hold(1) == []
    assert hands(talk) == ["manual", "auto"]


def test_the_button_before_a_word(talk: Talk) -> None:
    talk.drop(1)
    assert kinds(talk.hold(2)) == ["session.update"]
    assert kinds(talk.drop(2)) == ["session.update"]
    assert hands(talk) == ["manual", "auto"]


def test_a_held_turn_that_is_dropped_gives_it_back(talk: Talk) -> None:
    talk.hold(1)
    assert kinds(talk.drop(1)) == ["input_audio_buffer.clear", "session.update"]
    assert hands(talk) == ["manual", "auto"]


def test_a_server_that_learns_of_the_button_too_late_answers_for_nobody(talk: Talk) -> None:
    talk.hold(1)
    assert talk.committed("i1") == []
    assert kinds(talk.begin("auto")) == ["response.cancel"]
    assert talk.heard("i1", "the first half") == [core.TranscriptHeard(1, "the first half", final=False)]
    talk.speak(1)
    assert kinds(talk.end(1)) == [PUT, "session.update"]
    assert kinds(talk.done("auto", status="cancelled")) == [ASK]
    talk.committed("i2")
    assert talk.heard("i2", "the second") == [core.TranscriptHeard(1, "the first half the second", final=True)]
    assert ends(talk.reply("r1")) == [(1, "done")]


@pytest.mark.parametrize("begun", [False, True])
def test_the_end_that_the_server_found_in_the_moment_of_the_button_is_taken_back(talk: Talk, *, begun: bool) -> None:
    talk.committed("i1")
    if begun:
        talk.begin("auto")
        talk.words("auto", "You")
        talk.sound("auto", 100)
    taken = kinds(talk.hold(1))
    cancelled = ["response.cancel", "conversation.item.truncate"] if begun else []
    assert taken == [*cancelled, "session.update"]
    assert kinds(talk.speak(1)) == ["input_audio_buffer.append"]
    assert kinds(talk.end(1)) == [PUT, "session.update"]
    if not begun:
        assert kinds(talk.begin("auto")) == ["response.cancel"]
    assert talk.words("auto", " were") == []
    assert kinds(talk.done("auto", status="cancelled")) == [ASK]
    assert ends(talk.reply("r2", "Yes.")) == [(1, "done")]
    talk.text(2)
    assert [past.reply for past in talk.dialogue.history.exchanges] == ["Yes."]


# --- sessions ---------------------------------------------------------------------------------------------


def test_an_open_turn_is_heard_again_by_the_next_server(talk: Talk) -> None:
    assert kinds(talk.again()) == ["input_audio_buffer.append"]
    assert talk.committed("j1") == [core.TurnEnded(1)]


def test_a_turn_that_was_over_is_replayed_by_hand(talk: Talk) -> None:
    talk.committed("i1")
    out = talk.again()
    assert kinds(out) == ["session.update", "input_audio_buffer.append", PUT, ASK, "session.update"]
    assert hands(talk) == ["manual", "auto"]
    assert talk.committed("j1") == []
    assert ends(talk.reply("r1")) == [(1, "done")]


def test_an_answer_that_broke_off_is_replayed_by_hand(talk: Talk) -> None:
    talk.committed("i1")
    talk.begin("auto")
    talk.words("auto", "Once")
    out = talk.again()
    assert kinds(out)[:4] == ["session.update", "input_audio_buffer.append", PUT, "session.update"]
    assert hands(talk) == ["manual", "auto"]


def test_a_held_turn_stays_held_in_the_next_session(talk: Talk) -> None:
    talk.hold(1)
    assert kinds(talk.again()) == ["session.update", "input_audio_buffer.append"]
    assert kinds(talk.end(1)) == [PUT, ASK, "session.update"]
    assert hands(talk) == ["manual", "manual", "auto"]


def test_the_button_while_there_is_no_session() -> None:
    talk = Talk(hands=True, online=False)
    assert talk.hold(1) == talk.speak(1) == []
    assert kinds(talk.open()) == ["session.update", "input_audio_buffer.append"]
    talk.close()
    talk.end(1)
    assert kinds(talk.open()) == ["session.update", "input_audio_buffer.append", PUT, ASK, "session.update"]


def test_typed_words_need_no_hands() -> None:
    talk = Talk(hands=True)
    talk.text(1)
    assert "session.update" not in kinds(talk.again())


# --- both sides at once -----------------------------------------------------------------------------------


def server_ends(talk: Talk, item: str) -> list[str]:
    """As the vendor does it: the end of speech first, then the item."""
    assert talk.hear(ev.SpeechStopped(item, 0)) == []
    return kinds(talk.committed(item))


def test_what_the_server_begins_is_the_answer_though_we_have_asked_too(talk: Talk) -> None:
    talk.end(1)
    assert server_ends(talk, "i1") == []
    assert talk.begin("auto") == []
    talk.words("auto", "Yes.")
    assert talk.error(EMPTY, "put_1") == talk.error(BUSY, "ask_1") == []
    assert talk.heard("i1", "hello") == [core.TranscriptHeard(1, "hello", final=True)]
    assert talk.done("auto", said()) == [core.ReplyEnded(1, "done")]
    assert talk.dialogue.idle


def test_a_refusal_that_comes_before_the_automatic_answer(talk: Talk) -> None:
    talk.end(1)
    server_ends(talk, "i1")
    assert talk.error(EMPTY, "put_1") == talk.error(BUSY, "ask_1") == []
    assert talk.begin("auto") == []
    talk.words("auto", "Yes.")
    assert talk.done("auto", said()) == [core.ReplyEnded(1, "done")]


def test_our_request_that_is_taken_after_the_automatic_answer_is_cancelled(talk: Talk) -> None:
    talk.end(1)
    server_ends(talk, "i1")
    talk.begin("auto")
    talk.words("auto", "Yes.")
    assert talk.done("auto", said()) == [core.ReplyEnded(1, "done")]
    assert kinds(talk.text(2)) == ["conversation.item.create"]
    assert kinds(talk.begin("ours")) == ["response.cancel"]
    assert kinds(talk.done("ours", status="cancelled")) == [ASK]
    assert ends(talk.reply("r2")) == [(2, "done")]


def test_an_end_that_crossed_with_ours_is_not_that_of_the_next_turn(talk: Talk) -> None:
    talk.end(1)
    talk.interrupt(1)
    talk.speak(2)
    assert server_ends(talk, "i1") == []
    assert kinds(talk.begin("auto")) == ["response.cancel"]


def test_an_end_that_crossed_with_ours_of_a_question_that_goes_on(talk: Talk) -> None:
    talk.end(1)
    talk.interrupt(1, goes_on=True)
    talk.speak(2)
    talk.end(2)
    assert server_ends(talk, "i1") == []
    assert kinds(talk.begin("auto")) == ["response.cancel"]


def test_an_end_that_crossed_with_a_clear_is_for_nobody(talk: Talk) -> None:
    talk.hear(ev.AudioCleared())  # a server that answers a clear
    talk.drop(1)
    talk.speak(2)
    assert server_ends(talk, "i1") == []
    assert kinds(talk.begin("auto")) == ["response.cancel"]
    assert talk.hear(ev.AudioCleared()) == []
    assert server_ends(talk, "i2") == ["TurnEnded"]


def test_a_server_that_never_answers_a_clear_is_believed() -> None:
    talk = Talk(hands=True)
    for turn in (1, 2, 3):
        talk.speak(turn)
        talk.drop(turn)
    talk.speak(4)
    assert talk.committed("i4") == [core.TurnEnded(4)]


def test_what_came_after_the_end_is_no_part_of_the_next_turn(talk: Talk) -> None:
    server_ends(talk, "i1")
    talk.reply("auto")
    assert kinds(talk.speak(2)) == ["input_audio_buffer.clear", "input_audio_buffer.append"]
    talk.hear(ev.AudioCleared())
    assert kinds(talk.speak(2)) == ["input_audio_buffer.append"]
    assert server_ends(talk, "i2") == ["TurnEnded"]


def test_a_tail_is_lost_with_its_session(talk: Talk) -> None:
    server_ends(talk, "i1")
    talk.reply("auto")
    talk.again()
    assert kinds(talk.speak(2)) == ["input_audio_buffer.append"]


def test_a_server_without_item_ids_ends_turns_too(talk: Talk) -> None:
    assert server_ends(talk, "") == ["TurnEnded"]


def test_a_second_end_in_the_same_words_is_answered_already(talk: Talk) -> None:
    server_ends(talk, "i1")
    talk.begin("auto")
    assert server_ends(talk, "i2") == []
    assert talk.error(BUSY) == []
    talk.words("auto", "Yes.")
    assert talk.done("auto", said()) == [core.ReplyEnded(1, "done")]
    assert talk.dialogue.idle
