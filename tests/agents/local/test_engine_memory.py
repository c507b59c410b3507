"""The offline engine and what is known of the person: a yes before something is forgotten, and the model is told."""

from __future__ import annotations

from pathlib import Path

from edge.core.events import ToolCalled
from tests.agents.local.benches import Bench, with_worker

MIND = ["Because ", "of ", "the ", "air. "]
SKY = "why is the sky blue"


def test_what_cannot_be_undone_is_done_after_a_yes(tmp_path: Path) -> None:
    """The device asks by itself; a no, or anything else, leaves it undone for good."""

    async def call(bench: Bench, turn: int, text: str, result: dict[str, object]) -> None:
        bench.agent.text(turn, text)
        await bench.wait(lambda: [e for e in bench.of(ToolCalled) if e.turn == turn])
        bench.agent.tool_result(turn, next(e.call for e in bench.of(ToolCalled) if e.turn == turn), result)
        assert (await bench.ended(turn)).outcome == "done"

    async def test(bench: Bench) -> None:
        await bench.ready()
        await call(bench, 1, "Forget everything about me.", {"waiting": "for a yes"})
        assert bench.said(1) == ""
        await bench.ask(2, "why is the sky blue")
        await bench.ask(3, "yes")
        assert len(bench.tools()) == 1
        await call(bench, 4, "Forget everything about me.", {"waiting": "for a yes"})
        await call(bench, 5, "Yes, please.", {"forgotten": 3})
        assert bench.said(5) == "Forgotten."
        assert bench.tools() == [("forget_facts", {})] * 3
        await bench.ask(6, "yes")
        assert len(bench.tools()) == 3

    with_worker(tmp_path, test, mind=MIND, told="")


def test_what_is_known_of_the_person_is_told_to_the_model(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        await bench.ask(1, SKY)
        (system, *_) = bench.asked("think")[0]["messages"]
        assert system == {"role": "system", "content": "My cat is called Tom " + 579 * "x"}

    with_worker(tmp_path, test, mind=MIND, told="My cat is called Tom " + 1000 * "x")
