"""At a pause the offline engine tells whether the words so far are all: when, and when not."""

from __future__ import annotations

from pathlib import Path

from edge.agents.local.understanding.completeness import IMPOSSIBLE, UNKNOWN
from edge.core.events import AgentReady, TranscriptHeard, TurnSeems
from tests.agents.local.benches import Bench, speech, with_worker

MIND = ["Certainly. "]


def test_at_a_pause_it_tells_whether_the_words_are_all(tmp_path: Path) -> None:
    """Once for each, with the words; what is there after the end of the turn is no opinion any more."""

    async def test(bench: Bench) -> None:
        await bench.ready()
        assert bench.of(AgentReady) == [AgentReady(judges=True)]
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        await bench.wait(lambda: bench.of(TurnSeems))
        assert bench.of(TurnSeems) == [TurnSeems(1, IMPOSSIBLE)]
        bench.agent.turn_resumed(1)
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        await bench.wait(lambda: len(bench.of(TurnSeems)) == 2)
        bench.agent.end_of_turn(1)
        await bench.ended(1)
        bench.agent.audio(2, speech(1.0))
        bench.agent.end_of_turn(2)
        await bench.ended(2)
        assert len(bench.of(TurnSeems)) == 2

    with_worker(tmp_path, test, text="set a timer for the", mind=MIND)


def test_a_person_who_goes_on_has_no_opinion_told_about_them(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        await bench.wait(lambda: bench.asked("read"))
        bench.agent.turn_resumed(1)
        bench.go()
        bench.agent.audio(1, speech(1.0))
        bench.agent.end_of_turn(1)
        await bench.ended(1)
        assert bench.of(TurnSeems) == []

    with_worker(tmp_path, test, hold={"read": [1]}, mind=MIND)


def test_noise_is_waited_for_no_longer_than_words(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        await bench.wait(lambda: bench.of(TurnSeems))
        assert bench.of(TurnSeems) == [TurnSeems(1, UNKNOWN)]
        assert bench.of(TranscriptHeard) == []

    with_worker(tmp_path, test, text="")


def test_of_a_language_that_it_does_not_know_it_has_no_opinion(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        assert bench.of(AgentReady) == [AgentReady()]
        bench.agent.audio(1, speech(1.0))
        bench.agent.eager_end(1)
        bench.agent.end_of_turn(1)
        await bench.ended(1)
        assert bench.of(TurnSeems) == []

    with_worker(tmp_path, test, language="de", mind=MIND)
