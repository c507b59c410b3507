"""The order of things, without any service: orders are collected, stages answer by hand."""

from __future__ import annotations

from edge.agents.chained.answering import TOO_MANY_ROUNDS
from edge.agents.chained.orders import (
    EndHearing,
    EndSpeaking,
    Hear,
    Note,
    Speak,
    StopAnswering,
    StopHearing,
    Tell,
    Think,
)
from edge.core.chain import Call, Mark, Message, Role, Sound, Standing
from edge.core.events import (
    ReplyAudio,
    ReplyEnded,
    ReplyText,
    ToolCalled,
    TranscriptHeard,
    TurnEnded,
    TurnSeems,
    VoiceHeard,
)
from edge.core.history import Exchange
from tests.agents.chained.desk import RATE, SECOND, Desk


def test_a_turn_from_the_first_word_to_the_last_sound() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.listen(1)
    assert desk.orders() == [Hear(1)]
    desk.heard(1, "what is")
    desk.heard(1, "what is")
    assert desk.told() == [TranscriptHeard(1, "what is", final=False)]
    desk.pipeline.end(1)
    assert desk.orders() == [EndHearing(1)]
    desk.heard(1, "What is it?", Standing.OVER)
    told, think = desk.pipeline.take()
    assert told == Tell(TranscriptHeard(1, "What is it?", final=True))
    assert isinstance(think, Think)
    assert think.request.messages == (Message(Role.USER, "What is it?"),)
    assert think.request.instructions == "Be brief."
    attempt = think.attempt
    desk.ask.thought(attempt, "It is a long sentence. And")
    assert desk.pipeline.take() == [
        Tell(ReplyText(1, "It is a long sentence. ")),
        Speak(attempt, "It is a long sentence."),
    ]
    desk.ask.thought(attempt, " more.")
    desk.ask.thought_over(attempt)
    assert desk.orders() == [Speak(attempt, "And more."), EndSpeaking(attempt)]
    desk.ask.sounded(attempt, Sound(SECOND), RATE)
    desk.ask.spoken_over(attempt)
    assert desk.told() == [ReplyAudio(1, SECOND, RATE), ReplyEnded(1)]


def test_work_begins_in_a_pause_and_nothing_is_told_of_it_before_the_end() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.paused(1)
    assert desk.orders() == [Hear(1), Note(1, Mark.PAUSED)]
    desk.heard(1, "Tell me.", Standing.EAGER)
    (think,) = desk.orders()
    assert isinstance(think, Think)
    desk.ask.thought(think.attempt, "First sentence here. Second sentence here. ")
    desk.ask.thought_over(think.attempt)
    assert desk.pipeline.take() == [Speak(think.attempt, "First sentence here.")]  # the rest would only cost money
    desk.ask.sounded(think.attempt, Sound(SECOND, "First sentence here."), RATE)
    assert desk.pipeline.take() == []
    desk.pipeline.end(1)
    taken = desk.pipeline.take()
    told = [order.event for order in taken if isinstance(order, Tell)]
    assert [type(event) for event in told] == [TranscriptHeard, ReplyText, ReplyText, ReplyAudio]
    rest = [order for order in taken if not isinstance(order, Tell)]
    assert rest == [StopHearing(1), Speak(think.attempt, "Second sentence here."), EndSpeaking(think.attempt)]


def test_one_clause_is_spoken_to_its_end_before_the_turn_is_over() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.paused(1)
    desk.heard(1, "Tell me.", Standing.EAGER)
    desk.ask.thought(1, "Yes.")
    desk.ask.thought_over(1)
    assert desk.orders()[-2:] == [Speak(1, "Yes."), EndSpeaking(1)]


def test_work_begun_in_a_pause_is_dropped_when_the_person_goes_on() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.paused(1)
    desk.heard(1, "Tell me", Standing.EAGER)
    desk.ask.thought(1, "What? ")
    desk.orders()
    desk.pipeline.resumed(1)
    assert desk.pipeline.take() == [StopAnswering(1), Note(1, Mark.RESUMED)]
    desk.ask.thought(1, "Late. ")
    desk.ask.thought_over(1)
    desk.ask.sounded(1, Sound(SECOND), RATE)
    desk.ask.spoken_over(1)
    assert desk.pipeline.take() == []
    desk.pipeline.end(1)
    desk.heard(1, "Tell me more.", Standing.OVER)
    (think,) = [order for order in desk.orders() if isinstance(order, Think)]
    assert think.request.messages[-1].text == "Tell me more."


def test_the_model_begins_with_what_is_known_in_the_pause_and_again_if_that_was_not_all() -> None:
    for settled, again in (("Tell me.", False), ("Tell me more.", True)):
        desk = Desk()
        desk.pipeline.listen(1)
        desk.heard(1, "tell me")
        desk.pipeline.paused(1)
        (think,) = [order for order in desk.orders() if isinstance(order, Think)]
        assert think.request.messages[-1].text == "tell me"
        desk.heard(1, settled, Standing.EAGER)
        assert any(isinstance(order, Think) for order in desk.orders()) is again


def test_other_marks_are_the_same_words_and_other_words_are_not() -> None:
    for text, again in (("tell me now", False), ("Tell me know.", True)):
        desk = Desk()
        desk.pipeline.listen(1)
        desk.pipeline.paused(1)
        desk.heard(1, "Tell me, now!", Standing.EAGER)
        desk.orders()
        desk.pipeline.resumed(1) if again else None
        desk.pipeline.end(1)
        desk.heard(1, text, Standing.OVER)
        assert any(isinstance(order, Think) for order in desk.orders()) is again


def test_an_end_that_comes_while_the_words_are_settled_needs_no_second_answer() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.paused(1)
    desk.pipeline.end(1)
    assert desk.orders() == [Hear(1), Note(1, Mark.PAUSED), EndHearing(1)]
    desk.heard(1, "All of it.", Standing.EAGER)
    stop, told, think = desk.pipeline.take()[-3:]
    assert stop == StopHearing(1)
    assert told == Tell(TranscriptHeard(1, "All of it.", final=True))
    assert isinstance(think, Think)
    desk.heard(1, "All of it.", Standing.OVER)
    assert desk.pipeline.take() == []


def test_a_service_that_finds_the_end_itself() -> None:
    desk = Desk(service=True)
    desk.pipeline.listen(1)
    desk.heard(1, "is it")
    desk.heard(1, "is it late", Standing.EAGER)
    events = desk.told()
    assert events == [
        VoiceHeard(1), TranscriptHeard(1, "is it", final=False), TranscriptHeard(1, "is it late", final=False)
    ]  # fmt: skip
    desk.heard(1, "is it late", Standing.RESUMED)
    assert desk.orders() == [StopAnswering(1)]
    desk.heard(1, "is it late now", Standing.EAGER)
    desk.ask.thought(2, "No.")
    desk.orders()
    desk.heard(1, "Is it late now?", Standing.OVER)
    assert desk.told() == [TurnEnded(1), TranscriptHeard(1, "Is it late now?", final=True)]


def test_a_held_turn_is_ended_by_the_button_alone() -> None:
    desk = Desk(service=True)
    desk.pipeline.hold(1)
    desk.pipeline.listen(1)
    assert desk.orders() == [Hear(1)]
    desk.heard(1, "Tell me", Standing.OVER)
    assert desk.pipeline.take() == [Hear(1, on=True)]
    desk.heard(1, "a story")
    assert desk.told() == [VoiceHeard(1), TranscriptHeard(1, "Tell me a story", final=False)]
    desk.pipeline.end(1)
    assert desk.orders() == [EndHearing(1)]
    desk.heard(1, "a story.", Standing.OVER)
    assert desk.told() == [TranscriptHeard(1, "Tell me a story.", final=True)]


def test_a_judge_is_asked_in_each_pause() -> None:
    desk = Desk(judge=lambda words: 0.9 if words.endswith("now") else 0.1)
    desk.pipeline.listen(1)
    for text in ("is it", "is it now"):
        desk.pipeline.paused(1)
        desk.heard(1, text, Standing.EAGER)
    assert [event.complete for event in desk.told() if isinstance(event, TurnSeems)] == [0.1, 0.9]
    assert desk.pipeline.judges


def test_no_words_are_told_as_such() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.end(1)
    desk.heard(1, "", Standing.OVER)
    assert desk.told() == [ReplyEnded(1, "nothing_heard")]
    desk.pipeline.end(2)  # not even audio
    assert desk.orders() == [Hear(2), EndHearing(2)]


def test_tools_are_run_after_the_end_of_the_turn_and_their_results_lead_to_the_answer() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.paused(1)
    desk.heard(1, "What time?", Standing.EAGER)
    call = Call("c1", "get_time", {"zone": "UTC"})
    other = Call("c2", "get_date", {})
    desk.ask.thought(1, "Let me look.")
    desk.ask.thought(1, call)
    desk.ask.thought(1, other)
    desk.ask.thought_over(1)
    assert not any(isinstance(event, ToolCalled) for event in desk.told())
    desk.pipeline.end(1)
    assert [e for e in desk.told() if isinstance(e, ToolCalled)] == [
        ToolCalled(1, "c1", "get_time", {"zone": "UTC"}), ToolCalled(1, "c2", "get_date", {})
    ]  # fmt: skip
    desk.pipeline.tool_result(1, "c2", {"date": "today"})
    desk.pipeline.tool_result(1, "nobody", {})
    desk.pipeline.tool_result(2, "c1", {})
    assert desk.pipeline.take() == []
    desk.pipeline.tool_result(1, "c1", {"time": "noon"})
    (think,) = desk.orders()
    assert isinstance(think, Think)
    assert think.request.messages[1:] == (
        Message(Role.ASSISTANT, "Let me look.", (call, other)),
        Message(Role.TOOL, '{"time": "noon"}', call="c1", name="get_time"),
        Message(Role.TOOL, '{"date": "today"}', call="c2", name="get_date"),
    )
    desk.ask.thought(1, "It is noon.")
    desk.ask.thought_over(1)
    assert desk.orders() == [Speak(1, "It is noon."), EndSpeaking(1)]


def test_a_long_result_is_cut() -> None:
    desk = Desk()
    attempt = desk.spoken_turn(1, "Read it.")
    desk.ask.thought(attempt, Call("c", "read"))
    desk.ask.thought_over(attempt)
    desk.orders()
    desk.pipeline.tool_result(1, "c", {"text": "x" * 100_000})
    (think,) = desk.orders()
    assert isinstance(think, Think)
    assert len(think.request.messages[-1].text) < 9000


def test_a_model_that_only_calls_tools_is_stopped() -> None:
    desk = Desk(rounds=2)
    attempt = desk.spoken_turn(1, "Do it.")
    for number in range(3):
        desk.ask.thought(attempt, Call(f"c{number}", "do"))
        desk.ask.thought_over(attempt)
        desk.pipeline.tool_result(1, f"c{number}", {})
    assert desk.told()[-1] == ReplyEnded(1, "failed", TOO_MANY_ROUNDS)


def test_only_what_was_heard_of_a_reply_is_remembered() -> None:
    desk = Desk()
    attempt = desk.spoken_turn(1, "Count.")
    desk.ask.thought(attempt, "One two three four. ")
    desk.ask.thought(attempt, "Five.")
    desk.ask.sounded(attempt, Sound(SECOND * 4, "One two three four."), RATE)
    desk.orders()
    desk.pipeline.interrupt(1, 2100, goes_on=False)
    assert desk.orders() == [StopAnswering(attempt)]
    assert desk.history.exchanges == (Exchange("Count.", "One two ..."),)


def test_a_reply_that_ended_is_remembered_whole_with_the_next_turn() -> None:
    desk = Desk()
    desk.reply(desk.spoken_turn(1, "Hello."), "Hi there.")
    attempt = desk.spoken_turn(2, "Again.")
    assert desk.history.exchanges == (Exchange("Hello.", "Hi there."),)
    desk.reply(attempt, "Hi.")
    desk.pipeline.text(3, "More.")
    (think,) = [order for order in desk.orders() if isinstance(order, Think)]
    assert [message.text for message in think.request.messages] == ["Hello.", "Hi there.", "Again.", "Hi.", "More."]


def test_a_person_who_goes_on_is_answered_to_all_of_it() -> None:
    desk = Desk()
    attempt = desk.spoken_turn(1, "Tell me")
    desk.ask.thought(attempt, "What?")
    desk.pipeline.interrupt(1, 0, goes_on=True)
    desk.spoken_turn(2, "a story.")
    current = desk.ask.current
    assert current is not None
    assert current.question == "Tell me a story."


def test_words_still_on_their_way_are_not_lost_when_the_person_goes_on() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.heard(1, "tell")
    desk.pipeline.end(1)
    desk.orders()
    desk.pipeline.interrupt(1, 0, goes_on=True)
    assert desk.orders() == []  # it goes on hearing
    desk.pipeline.listen(2)
    desk.heard(1, "Tell me", Standing.OVER)
    desk.pipeline.end(2)
    desk.heard(2, "a story.", Standing.OVER)
    assert desk.told()[-1] == TranscriptHeard(2, "Tell me a story.", final=True)


def test_an_interruption_for_something_else_ends_the_question() -> None:
    desk = Desk()
    attempt = desk.spoken_turn(1, "Tell me")
    desk.ask.thought(attempt, "What?")
    desk.pipeline.interrupt(1, 0, goes_on=False)
    desk.spoken_turn(2, "Stop.")
    current = desk.ask.current
    assert current is not None
    assert current.question == "Stop."


def test_an_announcement_is_spoken_and_not_remembered() -> None:
    desk = Desk()
    desk.pipeline.say(1, "Your tea is ready.")
    assert desk.orders() == [Speak(1, "Your tea is ready."), EndSpeaking(1)]
    desk.ask.sounded(1, Sound(SECOND, "Your tea is ready."), RATE)
    desk.ask.spoken_over(1)
    assert desk.told()[-1] == ReplyEnded(1)
    desk.spoken_turn(2, "Thanks.")
    assert desk.history.exchanges == ()


def test_forget_leaves_nothing() -> None:
    desk = Desk()
    desk.reply(desk.spoken_turn(1, "My name is Ann."), "Hi Ann.")
    desk.pipeline.forget()
    desk.spoken_turn(2, "Who am I?")
    assert desk.history.exchanges == ()


def test_a_dropped_turn_stops_everything() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.paused(1)
    desk.heard(1, "hm", Standing.EAGER)
    desk.orders()
    desk.pipeline.drop(2)
    assert desk.orders() == []
    desk.pipeline.drop(1)
    assert desk.orders() == [StopAnswering(1), StopHearing(1)]
