"""The offline engine's worker on its worst days: killed, crashing, talking nonsense, refusing, hanging."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from edge.agents.local.engine import MANY_CRASHES, LocalAgent
from edge.agents.local.responder import Settings
from edge.core.events import AgentLost, AgentReady, Event, ReplyAudio
from tests.agents.local.benches import Bench, speech, with_worker
from tests.waiting import wait_until

MIND = ["Because ", "of ", "the ", "air. "]
SKY = "why is the sky blue"


def kill(bench: Bench) -> None:
    pid = bench.agent.stats()["worker_pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)


def alive(pid: object) -> bool:
    return isinstance(pid, int) and Path(f"/proc/{pid}").exists()


# --- killed --------------------------------------------------------------------------------------------


def test_killed_while_reading_the_answer_still_comes(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(2.0))
        bench.agent.end_of_turn(1)
        await bench.wait(lambda: bench.asked("read"))
        kill(bench)
        assert (await bench.ended(1)).outcome == "done"
        assert bench.understood(1) == ["tell me about 2.0 dogs"]
        assert bench.sounds()[0] == bench.sounds()[1]
        assert bench.agent.stats()["worker_restarts"] == 1
        assert bench.of(AgentLost) == []  # one crash is nobody's business

    with_worker(tmp_path, test, mind=MIND, hold={"read": [1]})


def test_killed_before_a_sound_it_speaks_with_the_next_worker(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "goodbye")
        await bench.wait(lambda: bench.asked("speak"))
        kill(bench)
        assert (await bench.ended(1)).outcome == "closing"
        assert bench.seconds(1) == pytest.approx(0.1)

    with_worker(tmp_path, test, hold={"speak": [1]})


def test_killed_in_the_middle_of_a_sentence_nothing_is_said_twice(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        end = await bench.ask(1, SKY)
        assert end.outcome == "failed"
        assert "worker ended" in end.message
        assert bench.seconds(1) == pytest.approx(0.2)
        assert (await bench.ask(2, SKY)).outcome == "done"  # and the next turn is a good one

    with_worker(tmp_path, test, mind=MIND, half={"speak": [1]})


def test_killed_while_nothing_is_asked(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        kill(bench)
        await bench.wait(lambda: len(bench.of(AgentReady)) == 2)
        assert (await bench.ask(1, SKY)).outcome == "done"

    with_worker(tmp_path, test, mind=MIND)


def test_crashed_while_thinking(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        assert (await bench.ask(1, SKY)).outcome in {"failed", "done"}
        await bench.wait(lambda: len(bench.of(AgentReady)) == 2)
        await bench.wait(lambda: "mind" in bench.agent._child.loaded)
        assert (await bench.ask(2, SKY)).outcome == "done"

    with_worker(tmp_path, test, mind=MIND, crash={"think": [1]})


# --- again and again -----------------------------------------------------------------------------------


def test_audio_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.end_of_turn(1)
        end = await bench.ended(1)
        assert end.outcome == "failed"
        assert 2 <= len(bench.asked("read")) <= 5
        assert (await bench.ask(2, "goodbye")).outcome == "closing"

    with_worker(tmp_path, test, crash={"read": "*"})


def test_a_crash_loop_is_told_and_goes_on(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.wait(lambda: bench.of(AgentLost))
        lost = bench.of(AgentLost)[0]
        assert lost.retryable
        assert "keeps failing" in lost.message
        assert "stand-in: dead on arrival" in lost.message
        assert bench.agent._child.restarts >= MANY_CRASHES
        assert bench.of(AgentReady) == []

    with_worker(tmp_path, test, dead=True)


@pytest.mark.parametrize("part", ["ears", "voice"])
def test_a_model_that_cannot_be_loaded_is_told_and_not_tried_again(tmp_path: Path, part: str) -> None:
    async def test(bench: Bench) -> None:
        await bench.wait(lambda: bench.of(AgentLost))
        words = f"The offline engine cannot start: the {part} are not for sale"
        assert bench.of(AgentLost) == [AgentLost(words, retryable=False)]
        assert bench.agent._keeper is not None
        await bench.wait(bench.agent._keeper.done)
        assert bench.agent.stats()["ready"] is False
        bench.agent.connect()  # somebody presses: one more try
        await bench.wait(lambda: len(bench.of(AgentLost)) == 2)

    with_worker(tmp_path, test, refuse=part)


def test_a_worker_that_cannot_be_started(tmp_path: Path) -> None:
    async def main() -> list[Event]:
        events: list[Event] = []
        settings = Settings(Path("x"), worker=(str(tmp_path / "gone"),))
        agent = LocalAgent(settings, events.append, lambda: "")
        await agent.open()
        await wait_until(lambda: events)
        await agent.close()
        return events

    (lost,) = asyncio.run(main())
    assert isinstance(lost, AgentLost)
    assert not lost.retryable
    assert "No such file" in lost.message


# --- nonsense ------------------------------------------------------------------------------------------

NONSENSE = {
    "text": "Segmentation fault (core dumped)\n" * 3,
    "a huge size": "\xff" * 16,
    "no event": '\x00\x00\x00\x08\x00\x00\x00\x00{"x": 1}',
    "no object": "\x00\x00\x00\x02\x00\x00\x00\x00[]",
    "no JSON": "\x00\x00\x00\x02\x00\x00\x00\x00{{",
    "no number": '\x00\x00\x00\x1d\x00\x00\x00\x00{"event": "text", "job": "me"}'[:37],
}


@pytest.mark.parametrize("garbage", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_from_the_worker_is_the_end_of_that_worker_only(tmp_path: Path, garbage: str) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"
        assert bench.agent.stats()["worker_restarts"] == 1

    with_worker(tmp_path, test, mind=MIND, garbage={"read": garbage})


def test_a_late_word_about_a_job_long_over_is_ignored(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        assert bench.agent._child._take(({"event": "failed", "job": 99, "message": "late"}, b"")) == ""
        assert (await bench.ask(1, SKY)).outcome == "done"

    with_worker(tmp_path, test, mind=MIND)


def test_a_fault_of_our_own_ends_the_turn_in_words(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent._responder._settings = None  # type: ignore[assignment]
        end = await bench.ask(1, SKY)
        assert end.outcome == "failed"
        assert end.message.startswith("The offline engine failed: AttributeError")

    with_worker(tmp_path, test, mind=MIND)


# --- closing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [{}, {"deaf": True}, {"hold": {"read": [1]}}, {"dead": True}])
def test_it_closes_within_a_second_and_leaves_no_process(tmp_path: Path, plan: dict[str, object]) -> None:
    pids: list[object] = []
    took: list[float] = []

    async def test(bench: Bench) -> None:
        if "dead" not in plan:
            await bench.ready()
        bench.agent.audio(1, speech(1.0))
        bench.agent.end_of_turn(1)
        await bench.wait(lambda: bench.agent.stats()["worker_pid"])
        pids.append(bench.agent.stats()["worker_pid"])
        began = time.monotonic()
        await bench.agent.close()
        took.append(time.monotonic() - began)
        await bench.agent.close()
        bench.events.clear()

    bench = with_worker(tmp_path, test, **plan)
    assert took[0] < 1.0  # promised in ports.Agent
    assert not alive(pids[0])
    assert not bench.of(ReplyAudio)


def test_opening_again_after_closing(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        for turn in (1, 2):
            await bench.ready()
            assert (await bench.ask(turn, SKY)).outcome == "done"
            await bench.agent.close()
            bench.events.clear()
            await bench.agent.open()

    with_worker(tmp_path, test, mind=MIND)
