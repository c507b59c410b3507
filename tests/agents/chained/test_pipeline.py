"""The order of things, without any service: orders are collected, stages answer by hand."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from edge.agents.chained.answering import NOTHING_SAID, TOO_MANY_ROUNDS, Settings
from edge.agents.chained.orders import (
    EndHearing,
    EndSpeaking,
    Hear,
    Note,
    Order,
    Speak,
    StopAnswering,
    StopHearing,
    Tell,
    Think,
)
from edge.agents.chained.pipeline import Pipeline
from edge.core.chain import Call, Heard, Mark, Message, Role, Sound, Standing
from edge.core.events import (
    Event,
    ReplyAudio,
    ReplyEnded,
    ReplyText,
    ToolCalled,
    TranscriptHeard,
    TurnEnded,
    TurnSeems,
    VoiceHeard,
)
from edge.core.history import Exchange, History

RATE = 1000
SECOND = bytes(2 * RATE)


class Desk:
    """A pipeline, and what it has ordered since the last look."""

    def __init__(self, *, service: bool = False, judge=None, rounds: int = 6) -> None:
        self.history = History()
        self.pipeline = Pipeline(self.history, Settings("Be brief.", most_rounds=rounds), judge)
        self.pipeline.service_ends_turns = service
        self.ask = self.pipeline.answering

    def orders(self) -> list[Order]:
        return [order for order in self.pipeline.take() if not isinstance(order, Tell)]

    def told(self) -> list[Event]:
        return [order.event for order in self.pipeline.take() if isinstance(order, Tell)]

    def heard(self, turn: int, text: str, standing: Standing = Standing.PARTIAL) -> None:
        self.pipeline.heard(turn, Heard(text, standing))

    def spoken_turn(self, turn: int, text: str) -> int:
        """A turn up to the released question; returns the attempt."""
        self.pipeline.listen(turn)
        self.pipeline.end(turn)
        self.heard(turn, text, Standing.OVER)
        (think,) = [order for order in self.orders() if isinstance(order, Think)]
        return think.attempt

    def reply(self, attempt: int, text: str, seconds: int = 1) -> None:
        self.ask.thought(attempt, text)
        self.ask.thought_over(attempt)
        self.ask.sounded(attempt, Sound(SECOND * seconds, text.strip()), RATE)
        self.ask.spoken_over(attempt)


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


# --- failures ----------------------------------------------------------------------------------------


def test_hearing_that_fails_is_told_at_once_and_at_the_end() -> None:
    desk = Desk()
    desk.pipeline.listen(1)
    desk.pipeline.hearing_failed(1, "Nobody hears.")
    assert desk.told() == [ReplyEnded(1, "failed", "Nobody hears.")]
    desk.pipeline.paused(1)
    desk.pipeline.end(1)
    assert desk.pipeline.take() == [Tell(ReplyEnded(1, "failed", "Nobody hears."))]


def test_early_work_that_fails_is_tried_again_at_the_end() -> None:
    for fail in ("thinking_failed", "speaking_failed"):
        desk = Desk()
        desk.pipeline.listen(1)
        desk.pipeline.paused(1)
        desk.heard(1, "Tell me.", Standing.EAGER)
        getattr(desk.ask, fail)(1, "No.")
        assert not [event for event in desk.told() if isinstance(event, ReplyEnded)]
        desk.pipeline.end(1)
        assert next(order for order in desk.orders() if isinstance(order, Think)).attempt == 2


def test_a_model_that_fails_has_its_words_spoken_first() -> None:
    desk = Desk()
    attempt = desk.spoken_turn(1, "Tell me.")
    desk.ask.thought(attempt, "Once upon")
    desk.ask.thinking_failed(attempt, "GPT is gone.")
    assert desk.orders() == [Speak(attempt, "Once upon"), EndSpeaking(attempt)]
    desk.ask.spoken_over(attempt)
    assert desk.told() == [ReplyEnded(1, "failed", "GPT is gone.")]


def test_a_model_that_says_nothing_and_a_voice_that_fails() -> None:
    desk = Desk()
    attempt = desk.spoken_turn(1, "Tell me.")
    desk.ask.thought_over(attempt)
    assert desk.told() == [ReplyEnded(1, "failed", NOTHING_SAID)]
    attempt = desk.spoken_turn(2, "Tell me.")
    desk.ask.thought(attempt, "Yes. ")
    desk.orders()
    desk.ask.speaking_failed(attempt, "No voice.")
    assert desk.pipeline.take() == [StopAnswering(attempt), Tell(ReplyEnded(2, "failed", "No voice."))]
    desk.ask.thought(attempt, "Late.")
    assert desk.pipeline.take() == []


# --- whatever happens ----------------------------------------------------------------------------------

STEPS = st.lists(
    st.sampled_from(
        ["audio", "pause", "resume", "end", "partial", "eager", "over", "token", "thought", "sound", "spoken",
         "call", "result", "interrupt", "goes_on", "drop", "text", "say", "forget", "hearing_failed",
         "thinking_failed", "speaking_failed"]
    ),
    max_size=40,
)  # fmt: skip


@given(STEPS, st.booleans())
def test_promises(steps: list[str], service: bool) -> None:
    """Each turn ends at most once and says nothing before it is released or after it was taken back."""
    desk, turns, words = Desk(service=service), count(1), count(1)
    turn, closed, ended, gone = next(turns), False, [], set()
    for step in steps:
        attempt = desk.ask.current.id if desk.ask.current else 0
        if step == "audio":
            if closed:
                gone.add(turn)
                turn, closed = next(turns), False
            desk.pipeline.listen(turn)
        elif step in {"text", "say"}:
            gone.add(turn)
            turn, closed = next(turns), True
            getattr(desk.pipeline, step)(turn, "Some words.")
        elif step in {"interrupt", "goes_on", "drop"}:
            gone.add(turn)
            if step == "drop":
                desk.pipeline.drop(turn)
            else:
                desk.pipeline.interrupt(turn, 500, goes_on=step == "goes_on")
            turn, closed = next(turns), False
        else:
            _step(desk, step, turn, attempt, next(words))
            closed = closed or step == "end"
        for event in desk.told():
            closed = closed or isinstance(event, TurnEnded)
            if isinstance(event, (ReplyText, ReplyAudio, ToolCalled)):
                assert closed
                assert event.turn == turn
            assert getattr(event, "turn", turn) not in gone
            if isinstance(event, ReplyEnded):
                ended.append(event)
    whole = [event.turn for event in ended if event.outcome != "failed"]
    assert len(whole) == len(set(whole))


def _step(desk: Desk, step: str, turn: int, attempt: int, word: int) -> None:
    calls = desk.ask.current.calls if desk.ask.current else []
    acts = {
        "pause": lambda: desk.pipeline.paused(turn),
        "resume": lambda: desk.pipeline.resumed(turn),
        "end": lambda: desk.pipeline.end(turn),
        "partial": lambda: desk.heard(turn, f"word {word}"),
        "eager": lambda: desk.heard(turn, f"word {word}", Standing.EAGER),
        "over": lambda: desk.heard(turn, f"word {word}", Standing.OVER),
        "token": lambda: desk.ask.thought(attempt, f"Sentence {word}. "),
        "thought": lambda: desk.ask.thought_over(attempt),
        "sound": lambda: desk.ask.sounded(attempt, Sound(SECOND, "x"), RATE),
        "spoken": lambda: desk.ask.spoken_over(attempt),
        "call": lambda: desk.ask.thought(attempt, Call(f"c{word}", "tool")),
        "result": lambda: [desk.pipeline.tool_result(turn, call.id, {}) for call in calls],
        "forget": desk.pipeline.forget,
        "hearing_failed": lambda: desk.pipeline.hearing_failed(turn, "no"),
        "thinking_failed": lambda: desk.ask.thinking_failed(attempt, "no"),
        "speaking_failed": lambda: desk.ask.speaking_failed(attempt, "no"),
    }
    acts[step]()
