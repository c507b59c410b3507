"""Turns that the device ends, typed ones and announcements: asked one at a time, answered, interrupted."""

from __future__ import annotations

import pytest

from edge.agents.realtime import commands as do
from edge.agents.realtime import events as ev
from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.usage import HeardUsage
from edge.config import Price
from edge.core import events as core
from tests.agents.realtime.exchanges import Talk, ends, kinds, only, pcm, said, texts

PRICE = Price(text_in=1.0, audio_out=10.0, audio_minute=6.0)
ASK = ["input_audio_buffer.commit", "response.create"]


# --- asking -----------------------------------------------------------------------------------------------


def test_a_spoken_turn_is_sent_as_it_comes_and_asked_once() -> None:
    talk = Talk()
    assert talk.speak(1, 60) == [do.AppendAudio(pcm(60))]
    assert talk.speak(1, 60, 2) == [do.AppendAudio(pcm(60, 2))]
    assert kinds(talk.end(1)) == ASK
    assert talk.end(1) == []
    assert talk.speak(1) == []
    assert not talk.dialogue.idle
    assert talk.begin("r1") == []
    assert talk.words("r1", "Yes.") == [core.ReplyText(1, "Yes.")]
    assert talk.sound("r1", 100) == [core.ReplyAudio(1, pcm(100), 24_000)]
    assert talk.done("r1", said()) == [core.ReplyEnded(1, "done")]
    assert talk.dialogue.idle
    assert talk.end(1) == []


def test_a_long_piece_is_sent_in_frames_of_two_seconds() -> None:
    sent = only(Talk().speak(1, 5000), do.AppendAudio)
    assert [len(one.pcm) for one in sent] == [96_000, 96_000, 48_000]


def test_a_typed_turn_is_an_item_and_a_request() -> None:
    talk = Talk()
    out = talk.text(1, "what time is it")
    assert kinds(out) == ["conversation.item.create", "response.create"]
    assert texts(out) == [("user", "what time is it")]
    assert ends(talk.reply("r1")) == [(1, "done")]


def test_an_announcement_is_spoken_beside_the_conversation_and_not_remembered() -> None:
    talk = Talk()
    [request] = only(talk.say(1, "Tea is ready."), do.CreateResponse)
    assert request.aside
    assert (request.input, request.tools) == ((), ())
    assert "Tea is ready." in (request.instructions or "")
    assert ends(talk.reply("r1", "Tea is ready.")) == [(1, "done")]
    talk.text(2)
    assert talk.dialogue.history.exchanges == ()


def test_an_interrupted_announcement_has_no_item_to_cut() -> None:
    talk = Talk()
    talk.say(1)
    talk.begin("r1")
    talk.sound("r1", 500)
    assert kinds(talk.interrupt(1, 100)) == ["response.cancel"]


@pytest.mark.parametrize("ms", [0, 20, 99])
def test_less_than_a_tenth_of_a_second_is_nothing(ms: int) -> None:
    talk = Talk()
    out = talk.ask(1, ms)
    assert ends(out) == [(1, "nothing_heard")]
    assert "input_audio_buffer.commit" not in kinds(out)
    assert ("input_audio_buffer.clear" in kinds(out)) == (ms > 0)
    assert talk.dialogue.idle


def test_the_end_of_a_turn_that_never_spoke_is_nothing() -> None:
    talk = Talk()
    assert talk.end(7) == [core.ReplyEnded(7, "nothing_heard")]
    talk.speak(8)
    assert talk.end(7) == [core.ReplyEnded(7, "nothing_heard")]
    assert kinds(talk.end(8)) == ASK


def test_a_dropped_turn_is_cleared_once() -> None:
    talk = Talk()
    talk.speak(1)
    assert talk.drop(2) == []
    assert kinds(talk.drop(1)) == ["input_audio_buffer.clear"]
    assert talk.drop(1) == []
    assert kinds(talk.ask(2)) == ["input_audio_buffer.append", *ASK]


def test_a_turn_that_is_over_is_not_dropped() -> None:
    talk = Talk()
    talk.text(1)
    talk.reply("r1")
    assert talk.drop(1) == []
    talk.text(2)
    assert [past.reply for past in talk.dialogue.history.exchanges] == ["Yes."]


def test_a_drop_while_it_is_answered_stops_the_answer() -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    assert kinds(talk.drop(1)) == ["response.cancel"]
    assert talk.sound("r1") == []


def test_a_new_turn_in_place_of_an_open_one_empties_the_buffer() -> None:
    talk = Talk()
    talk.speak(1)
    assert kinds(talk.text(2)) == ["input_audio_buffer.clear", "conversation.item.create", "response.create"]


def test_a_new_turn_in_place_of_one_that_is_answered_stops_the_answer() -> None:
    talk = Talk()
    talk.text(1, "one")
    talk.begin("r1")
    talk.words("r1", "First")
    assert kinds(talk.text(2, "two")) == ["response.cancel", "conversation.item.create"]
    assert talk.words("r1", "late") == []
    assert kinds(talk.done("r1", status="cancelled")) == ["response.create"]
    assert ends(talk.reply("r2")) == [(2, "done")]


def test_the_button_means_nothing_where_the_device_ends_turns() -> None:
    talk = Talk()
    assert talk.hold(1) == []
    assert kinds(talk.ask(1)) == ["input_audio_buffer.append", *ASK]


def test_while_offline_nothing_is_sent() -> None:
    talk = Talk(online=False)
    assert talk.ask(1) == []
    assert talk.dialogue.waiting
    assert talk.text(2) == []
    assert talk.drop(2) == []
    assert not talk.dialogue.waiting


# --- interrupting -----------------------------------------------------------------------------------------


def test_an_interruption_cancels_and_cuts_to_what_was_heard() -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    talk.words("r1", "one two three four")
    talk.sound("r1", 400)
    out = talk.interrupt(1, 200)
    assert [one.response_id for one in only(out, do.CancelResponse)] == ["r1"]
    assert [(cut.item_id, cut.audio_end_ms) for cut in only(out, do.TruncateItem)] == [("said", 200)]
    assert talk.sound("r1") == talk.words("r1", "five") == []
    assert talk.done("r1", said("one two", status="incomplete"), status="cancelled") == []
    assert [past.reply for past in talk.dialogue.history.exchanges] == ["one two"]
    assert talk.interrupt(1) == []


def test_a_reply_that_is_complete_is_cut_but_not_cancelled() -> None:
    talk = Talk()
    talk.ask(1)
    talk.reply("r1", "one two", 400)
    assert kinds(talk.interrupt(1, 100)) == ["conversation.item.truncate"]


@pytest.mark.parametrize(
    ("heard_ms", "cuts"),
    [
        (-5, [("a", 0, 0), ("a", 0, 1), ("b", 0, 0)]),
        (0, [("a", 0, 0), ("a", 0, 1), ("b", 0, 0)]),
        (150, [("a", 150, 0), ("a", 0, 1), ("b", 0, 0)]),
        (200, [("a", 0, 1), ("b", 0, 0)]),
        (350, [("b", 50, 0)]),
        (400, []),
        (9999, []),
    ],
)
def test_a_cut_is_never_beyond_what_was_received(heard_ms: int, cuts: list[tuple[str, int, int]]) -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    for item, index, ms in (("a", 0, 200), ("a", 1, 100), ("b", 0, 100)):
        talk.sound("r1", ms, item, index)
    made = only(talk.interrupt(1, heard_ms), do.TruncateItem)
    assert [(cut.item_id, cut.audio_end_ms, cut.content_index) for cut in made] == cuts


def test_a_sample_that_is_cut_in_two_is_put_together() -> None:
    talk = Talk()
    talk.ask(1)
    talk.begin("r1")
    assert talk.hear(ev.AudioDelta("r1", "said", 0, b"\1")) == []
    assert talk.hear(ev.AudioDelta("r1", "said", 0, b"\2\3\4")) == [core.ReplyAudio(1, b"\1\2\3\4", 24_000)]


def test_an_interruption_before_the_response_began_cancels_it_when_it_does() -> None:
    talk = Talk()
    talk.ask(1)
    assert talk.interrupt(1) == []
    assert kinds(talk.begin("r1")) == ["response.cancel"]
    assert talk.sound("r1") == []
    assert talk.done("r1", status="cancelled") == []
    assert talk.dialogue.idle


def test_the_answer_to_an_interrupted_turn_is_never_that_of_the_next() -> None:
    talk = Talk()
    talk.ask(1)
    talk.interrupt(1)
    assert kinds(talk.ask(2)) == ["input_audio_buffer.append", "input_audio_buffer.commit"]
    assert kinds(talk.begin("r1")) == ["response.cancel"]
    assert talk.words("r1", "about one") == []
    assert kinds(talk.done("r1", status="cancelled")) == ["response.create"]
    assert talk.begin("r2") == []
    assert talk.words("r1", "still") == []
    assert talk.words("r2", "about two") == [core.ReplyText(2, "about two")]


def test_an_interrupted_question_is_joined_to_the_next_in_the_memory() -> None:
    talk = Talk()
    talk.text(1, "the weather")
    talk.interrupt(1)
    talk.text(2, "in Rome")
    talk.begin("r1")
    talk.done("r1", status="cancelled")
    talk.reply("r2", "Sunny.")
    talk.text(3)
    assert [past.user for past in talk.dialogue.history.exchanges] == ["the weather in Rome"]


def test_interrupting_an_open_turn_empties_the_buffer() -> None:
    talk = Talk()
    talk.speak(1)
    assert kinds(talk.interrupt(1)) == ["input_audio_buffer.clear"]


# --- going on ---------------------------------------------------------------------------------------------


def test_a_question_that_goes_on_is_one_turn_and_sent_once() -> None:
    talk = Talk()
    talk.ask(1, 200)
    assert talk.interrupt(1, goes_on=True) == []
    talk.committed("i1")  # on its way when the person went on
    assert [len(one.pcm) for one in only(talk.speak(2, 300), do.AppendAudio)] == [len(pcm(300))]
    assert talk.heard("i1", "the weather") == [core.TranscriptHeard(2, "the weather", final=False)]
    talk.end(2)
    talk.committed("i2")
    assert talk.heard("i2", "in Rome") == [core.TranscriptHeard(2, "the weather in Rome", final=True)]
    talk.begin("r1")
    talk.done("r1", status="cancelled")
    talk.reply("r2", "Sunny.")
    talk.text(3)
    assert [(past.user, past.reply) for past in talk.dialogue.history.exchanges] == [("the weather in Rome", "Sunny.")]


def test_a_question_that_went_on_is_replayed_whole_in_the_next_session() -> None:
    talk = Talk()
    talk.ask(1, 200)
    talk.interrupt(1, goes_on=True)
    talk.speak(2, 300)
    out = talk.again()
    assert b"".join(one.pcm for one in only(out, do.AppendAudio)) == pcm(500)
    assert kinds(talk.end(2)) == ASK


def test_a_question_asked_offline_is_carried_on_by_the_next_turn() -> None:
    talk = Talk(online=False)
    talk.ask(1, 200)
    assert talk.interrupt(1, goes_on=True) == []
    assert talk.open() == []
    assert b"".join(one.pcm for one in only(talk.speak(2, 60), do.AppendAudio)) == pcm(260)
    assert kinds(talk.end(2)) == ASK


def test_what_is_carried_survives_a_session() -> None:
    talk = Talk()
    talk.ask(1, 200)
    talk.interrupt(1, goes_on=True)
    assert talk.again() == []
    assert b"".join(one.pcm for one in only(talk.speak(2, 100), do.AppendAudio)) == pcm(300)


def test_only_the_new_part_is_measured_and_cleared() -> None:
    talk = Talk()
    talk.ask(1, 200)
    talk.interrupt(1, goes_on=True)
    out = talk.ask(2, 50)
    assert ends(out) == [(2, "nothing_heard")]
    assert kinds(out)[:2] == ["input_audio_buffer.append", "input_audio_buffer.clear"]
    talk.text(3, "go on")
    talk.begin("r1")
    talk.done("r1", status="cancelled")
    talk.reply("r2")
    talk.text(4)
    assert [past.user for past in talk.dialogue.history.exchanges] == ["(something said aloud) go on"]


def test_a_question_that_does_not_go_on_after_all_is_remembered_as_unanswered() -> None:
    talk = Talk()
    talk.ask(1)
    talk.committed("i1")
    talk.heard("i1", "the weather")
    talk.interrupt(1, goes_on=True)
    talk.text(2, "and the time")
    talk.begin("r1")
    talk.done("r1", status="cancelled")
    talk.reply("r2", "Noon.")
    assert texts(talk.again())[:2] == [("user", "the weather"), ("user", "and the time")]


def test_typed_words_are_not_carried() -> None:
    talk = Talk(online=False)
    talk.text(1)
    talk.interrupt(1, goes_on=True)
    talk.open()
    assert talk.speak(2) == [do.AppendAudio(pcm(200))]


def test_what_is_forgotten_is_not_carried_on() -> None:
    talk = Talk(online=False)
    talk.ask(1)
    talk.interrupt(1, goes_on=True)
    talk.dialogue.forget()
    talk.open()
    assert talk.speak(2, 100) == [do.AppendAudio(pcm(100))]


# --- transcripts ------------------------------------------------------------------------------------------


def test_a_transcript_comes_in_pieces_and_then_whole() -> None:
    talk = Talk()
    talk.ask(1)
    talk.committed("i1")
    assert talk.partly("i1", "what") == [core.TranscriptHeard(1, "what", final=False)]
    assert talk.partly("i1", " time") == [core.TranscriptHeard(1, "what time", final=False)]
    assert talk.heard("i1", " what time is it ") == [core.TranscriptHeard(1, "what time is it", final=True)]
    assert talk.heard("i1", "again") == talk.partly("i1", "again") == []


def test_a_transcript_may_come_after_the_reply() -> None:
    talk = Talk()
    talk.ask(1)
    talk.committed("i1")
    talk.reply("r1")
    assert talk.heard("i1", "hello") == [core.TranscriptHeard(1, "hello", final=True)]
    talk.text(2)
    assert [past.user for past in talk.dialogue.history.exchanges] == ["hello"]


def test_a_transcript_is_never_that_of_another_turn() -> None:
    talk = Talk(heard=PRICE)
    talk.ask(1)
    talk.interrupt(1)
    talk.speak(2)
    talk.committed("i1")
    assert talk.partly("i1", "one") == []
    assert talk.heard("i1", "one", HeardUsage(seconds=60)) == [core.Spent(1, {"seconds": 60}, 6.0, ids={"item": "i1"})]
    talk.end(2)
    talk.committed("i2")
    assert talk.heard("i2", "two") == [core.TranscriptHeard(2, "two", final=True)]


def test_a_transcript_that_fails_is_waited_for_no_longer() -> None:
    talk = Talk()
    talk.ask(1)
    talk.committed("i1")
    failed = ev.HeardFailed("i1", 0, ApiError("x"))
    assert talk.hear(failed) == talk.hear(failed) == []
    assert talk.heard("i1", "late") == []


def test_the_items_that_wait_for_transcripts_are_bounded() -> None:
    talk = Talk()
    for turn in range(1, 50):
        talk.ask(turn)
        talk.committed(f"i{turn}")
        talk.reply(f"r{turn}")
    assert talk.heard("i1", "old") == []
    assert talk.heard("i49", "new") == [core.TranscriptHeard(49, "new", final=True)]


def test_an_item_that_nobody_committed_belongs_to_nobody() -> None:
    talk = Talk()
    talk.speak(1)
    assert talk.committed("odd") == talk.heard("odd", "words") == []
