"""The offline engine with a stand-in worker: turns, early work, interruptions, long speeches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.core.events import AgentLost, ReplyAudio, ReplyEnded, ReplyText, ToolCalled, TranscriptHeard, TurnSeems
from tests.agents.local.benches import Bench, speech, with_worker

MIND = ["Because ", "of ", "the ", "air. ", "It ", "scatters ", "blue. "]
SKY = "why is the sky blue"


def test_a_spoken_turn_is_read_thought_about_and_answered(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        for _ in range(100):
            bench.agent.audio(1, speech(0.02))
        bench.agent.end_of_turn(1)
        assert await bench.ended(1) == ReplyEnded(1, "done")
        assert bench.understood(1) == ["tell me about 2.0 dogs"]
        assert bench.said(1) == "Because of the air. It scatters blue."
        assert bench.seconds(1) == pytest.approx(0.7)
        kinds = [type(event) for event in bench.events if getattr(event, "turn", 0) == 1]
        assert kinds == [TranscriptHeard, ReplyText, ReplyAudio, ReplyText, ReplyAudio, ReplyEnded]

    with_worker(tmp_path, test, mind=MIND)


def test_a_typed_turn_needs_no_ears(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        assert (await bench.ask(1, SKY)).outcome == "done"
        assert bench.asked("read") == []
        assert bench.of(TranscriptHeard) == []
        messages = bench.asked("think")[0]["messages"]
        assert messages[-1] == {"role": "user", "content": SKY}

    with_worker(tmp_path, test, mind=MIND)


def test_a_question_before_anything_is_loaded_waits_for_it(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        assert (await bench.ask(1, SKY)).outcome == "done"

    with_worker(tmp_path, test, mind=MIND)


def test_without_a_language_model_it_says_what_it_can_do(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        assert (await bench.ask(1, SKY)).outcome == "done"
        assert "it is not installed" in bench.said(1)
        assert bench.asked("think") == []
        assert bench.agent.stats()["language_model"] == "it is not installed"

    with_worker(tmp_path, test)


def test_saying_is_no_part_of_the_conversation(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.say(1, "Dinner is *ready*.")
        await bench.ended(1)
        assert bench.said(1) == "Dinner is ready."
        bench.agent.text(2, SKY)
        await bench.ended(2)
        assert "Dinner" not in str(bench.asked("think")[0]["messages"])

    with_worker(tmp_path, test, mind=MIND)


def test_nothing_heard_and_nothing_said(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "nothing_heard"
        assert bench.said(1) == ""
        bench.agent.end_of_turn(2)  # no audio at all
        assert (await bench.ended(2)).outcome == "nothing_heard"

    with_worker(tmp_path, test, text="")


def test_a_dropped_turn_tells_nothing(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        bench.agent.drop_turn(1)
        await bench.ask(2, "goodbye")
        assert not [e for e in bench.events if getattr(e, "turn", 0) == 1 and not isinstance(e, TranscriptHeard)]

    with_worker(tmp_path, test, mind=MIND)


# --- tools ---------------------------------------------------------------------------------------------


def test_a_tool_is_used_and_its_result_spoken(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "set a timer for five minutes")
        await bench.wait(lambda: bench.of(ToolCalled))
        assert bench.tools() == [("set_timer", {"seconds": 300})]
        bench.agent.tool_result(1, "another call", {"error": "not for us"})
        bench.agent.tool_result(1, bench.of(ToolCalled)[0].call, {"error": "No timers here."})
        await bench.ended(1)
        assert bench.said(1)
        bench.agent.tool_result(1, bench.of(ToolCalled)[0].call, {"error": "too late"})

    with_worker(tmp_path, test)


def test_a_tool_is_not_used_before_the_turn_is_really_over(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        await bench.wait(lambda: bench.of(TranscriptHeard))
        bench.agent.say(9, "meanwhile")  # whatever was early is thrown away
        await bench.ended(9)
        assert bench.of(ToolCalled) == []
        bench.agent.audio(2, speech(1.0))
        bench.agent.eager_end(2)
        await bench.wait(lambda: [e for e in bench.of(TranscriptHeard) if e.turn == 2])
        assert bench.of(ToolCalled) == []
        bench.agent.end_of_turn(2)
        await bench.wait(lambda: bench.of(ToolCalled))

    with_worker(tmp_path, test, text="set a timer for five minutes")


# --- early work ----------------------------------------------------------------------------------------


def noticed(bench: Bench, turn: int) -> list[object]:
    """What somebody could see or hear of a turn; the words so far are no secret, nor whether they seem to be all."""
    told = [
        e for e in bench.events if not (isinstance(e, TurnSeems) or (isinstance(e, TranscriptHeard) and not e.final))
    ]
    return [e for e in told if getattr(e, "turn", 0) == turn]


def test_early_work_is_thrown_away_when_the_person_goes_on(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        await bench.wait(lambda: len(bench.asked("speak")) >= 2)
        assert noticed(bench, 1) == []
        bench.agent.turn_resumed(1)
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        await bench.wait(lambda: len(bench.asked("speak")) >= 4)
        assert noticed(bench, 1) == []
        bench.agent.end_of_turn(1)
        await bench.ended(1)
        assert bench.understood(1) == ["tell me about 2.0 dogs"]
        assert bench.said(1) == "Because of the air. It scatters blue."
        assert len(bench.of(ReplyEnded)) == 1

    with_worker(tmp_path, test, mind=MIND)


def test_early_work_that_was_right_is_not_done_again(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        await bench.wait(lambda: len(bench.asked("speak")) >= 2)
        bench.agent.audio(1, speech(0.3, fill=0))  # the silence that made it certain
        bench.agent.end_of_turn(1)
        bench.agent.end_of_turn(1)
        await bench.ended(1)
        assert len(bench.asked("read")) == len(bench.asked("think")) == 1
        assert len(bench.of(ReplyEnded)) == 1

    with_worker(tmp_path, test, mind=MIND)


def test_resuming_in_the_middle_of_reading_a_long_turn_still_ends_in_an_answer(tmp_path: Path) -> None:
    """The pieces of a long turn survive the early work that was waiting for them."""

    async def test(bench: Bench) -> None:
        await bench.ready()
        for _ in range(60):
            bench.agent.audio(1, speech(0.5))
        bench.agent.eager_end(1)
        await bench.wait(lambda: bench.asked("read"))
        bench.agent.turn_resumed(1)
        bench.agent.audio(1, speech(0.5))
        bench.agent.eager_end(1)
        bench.go()
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"

    with_worker(tmp_path, test, mind=MIND, hold={"read": "*"})


# --- interruptions and memory --------------------------------------------------------------------------


def test_an_interruption_remembers_only_what_was_heard(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        await bench.ask(1, SKY)
        bench.agent.interrupt(1, 550, goes_on=False)  # five words and a half, at a tenth of a second each
        assert bench.past() == [(SKY, "Because of the air. It ...")]
        await bench.ask(2, "why is it red")
        assert bench.asked("think")[1]["messages"][1:] == [
            {"role": "user", "content": SKY},
            {"role": "assistant", "content": "Because of the air. It ..."},
            {"role": "user", "content": "why is it red"},
        ]

    with_worker(tmp_path, test, mind=MIND)


def test_an_interruption_stops_the_work(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, SKY)
        await bench.wait(lambda: bench.asked("think"))
        bench.agent.interrupt(1, 0, goes_on=False)
        bench.go()
        await bench.ask(2, "goodbye")
        assert noticed(bench, 1) == []
        assert bench.past() == [("goodbye", "Goodbye.")]

    with_worker(tmp_path, test, mind=MIND, hold={"think": [1]})


def test_a_person_who_goes_on_before_they_were_understood_is_heard_whole(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.end_of_turn(1)
        await bench.wait(lambda: bench.asked("read"))
        bench.agent.interrupt(1, 0, goes_on=True)
        bench.agent.audio(2, speech(1.5))
        bench.go()
        bench.agent.end_of_turn(2)
        assert await bench.ended(2) == ReplyEnded(2, "done")
        assert bench.understood(2) == ["tell me about 2.5 dogs"]
        bench.agent.audio(3, speech(1.0))
        bench.agent.end_of_turn(3)
        await bench.ended(3)
        assert bench.understood(3) == ["tell me about 1.0 dogs"]

    with_worker(tmp_path, test, mind=MIND, hold={"read": [1]})


def test_a_question_that_goes_on_is_joined(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "why is the sky")
        await bench.ended(1)
        bench.agent.interrupt(1, 0, goes_on=True)  # not a word was heard: the person was still talking
        bench.agent.audio(2, speech(1.0))
        bench.agent.end_of_turn(2)
        await bench.ended(2)
        assert bench.understood(2) == ["why is the sky so blue"]
        assert bench.asked("think")[1]["messages"][-1]["content"] == "why is the sky so blue"
        assert "assistant" not in str(bench.asked("think")[1]["messages"])

    with_worker(tmp_path, test, mind=MIND, text="so blue")


def test_a_reply_heard_to_its_end_is_remembered_whole(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        await bench.ask(1, SKY)
        assert bench.past() == [(SKY, "Because of the air. It scatters blue.")]  # the process may end before the next
        await bench.ask(2, SKY)
        assert bench.past() == 2 * [(SKY, "Because of the air. It scatters blue.")]

    with_worker(tmp_path, test, mind=MIND)


@pytest.mark.parametrize("by_voice", [True, False])
def test_forgetting(tmp_path: Path, by_voice: bool) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        await bench.ask(1, SKY)
        if by_voice:
            await bench.ask(2, "forget everything")
        else:
            bench.agent.forget()
        await bench.ask(3, "why is it red")
        assert SKY not in str(bench.asked("think")[1]["messages"])

    with_worker(tmp_path, test, mind=MIND)


@pytest.mark.parametrize(("text", "outcome", "speaks"), [("stop", "silenced", False), ("goodbye", "closing", True)])
def test_words_that_end_it(tmp_path: Path, text: str, outcome: str, speaks: bool) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        assert (await bench.ask(1, text)).outcome == outcome
        assert bool(bench.said(1)) is speaks

    with_worker(tmp_path, test)


def test_a_model_that_says_nothing_is_made_up_for(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        assert (await bench.ask(1, SKY)).outcome == "done"
        assert bench.said(1) == "I have no answer to that."

    with_worker(tmp_path, test, mind=["  ", "\n"])


# --- long speeches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("pauses", [False, True])
def test_five_minutes_are_read_in_pieces_and_no_sample_twice(tmp_path: Path, pauses: bool) -> None:
    numbers = np.arange(300 * 16_000, dtype=np.int64)
    sound = (numbers % 30_011 - 15_000).astype(np.int16)  # a sample tells where it was

    async def test(bench: Bench) -> None:
        await bench.ready()
        for at in range(0, len(sound), 320):
            bench.agent.audio(1, sound[at : at + 320].tobytes())
            if pauses and at % (16_000 * 7) == 0 and at:
                bench.agent.eager_end(1)
                bench.agent.turn_resumed(1)
        bench.agent.end_of_turn(1)
        await bench.ended(1)
        assert len(bench.understood(1)) == 1

    bench = with_worker(tmp_path, test)
    by_start: dict[int, int] = {}
    for piece in bench.sounds():
        samples = np.frombuffer(piece, np.int16)
        assert len(samples) < 30 * 16_000
        if len(samples):
            by_start[int(samples[0])] = max(len(samples), by_start.get(int(samples[0]), 0))
    at = 0
    while at < len(sound):  # each kept piece begins where the one before ended
        assert int(sound[at]) in by_start
        at += by_start.pop(int(sound[at]))
    assert at == len(sound)


def test_a_model_that_is_missing_is_said_and_asked_for_again(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()

    async def missing(bench: Bench) -> None:
        await bench.agent.close()
        bench.events.clear()
        bench.problem = "The speech model is missing."
        bench.agent.connect()
        assert bench.events == [AgentLost("The speech model is missing.", retryable=False)]
        bench.problem = ""
        bench.agent.connect()
        await bench.ready()

    with_worker(tmp_path, test)
    with_worker(tmp_path, missing)
