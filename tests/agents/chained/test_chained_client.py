"""The chained engine's tasks: what runs, what is stopped, what is told. The stages are scripted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from edge.agents.chained import client, reach
from edge.agents.chained.answering import Settings
from edge.agents.chained.client import UNREACHABLE, ChainedAgent, Stages
from edge.agents.chained.pipeline import Pipeline
from edge.agents.chained.reach import Reach
from edge.config import Price
from edge.core.chain import Fault, Heard, Mark, Sound, Standing, Used
from edge.core.events import (
    AgentLost,
    AgentReady,
    Event,
    ReplyAudio,
    ReplyEnded,
    ReplyText,
    Spent,
    TranscriptHeard,
    TurnSeems,
)
from edge.core.history import Exchange, History
from edge.core.retry import Backoff
from tests.agents.chained.scripted import Stage
from tests.waiting import wait_until

E = TypeVar("E", bound=Event)
SPEECH = bytes(3200)


class Bench:
    def __init__(self, judge: Any = None, **stages: Any) -> None:
        self.told: list[Event] = []
        self.ears = stages.get("ears") or Stage("ears")
        self.mind = stages.get("mind") or Stage("mind", reply=("All is well. ", "And so on. "))
        self.voice = stages.get("voice") or Stage("voice")
        self.history = History()
        self.agent = ChainedAgent(
            Stages(self.ears, self.mind, self.voice),
            Pipeline(self.history, Settings("Be brief."), judge),
            self.told.append,
            stages.get("reach") or Reach([[None]]),
            {"ears": Price(audio_minute=0.6), "mind": Price(text_in=1.0, text_out=5.0), "voice": Price(characters=2.0)},
        )

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.told if isinstance(event, kind)]

    def ask(self, turn: int) -> None:
        self.agent.audio(turn, SPEECH)
        self.agent.eager_end(turn)
        self.agent.end_of_turn(turn)

    async def ended(self, turn: int) -> ReplyEnded:
        await wait_until(lambda: any(event.turn == turn for event in self.of(ReplyEnded)))
        return next(event for event in self.of(ReplyEnded) if event.turn == turn)


def bench(main: Callable[[Bench], Awaitable[None]], **stages: Any) -> None:
    async def run() -> None:
        there = Bench(**stages)
        await there.agent.open()
        await main(there)
        await there.agent.close()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_a_turn_through_all_three() -> None:
    async def main(there: Bench) -> None:
        await wait_until(lambda: there.of(AgentReady))
        there.ask(1)
        assert await there.ended(1) == ReplyEnded(1)
        assert there.of(TranscriptHeard)[-1] == TranscriptHeard(1, "3200 by ears", final=True)
        assert "".join(event.text for event in there.of(ReplyText)) == "All is well. And so on. "
        assert sum(len(event.pcm) for event in there.of(ReplyAudio)) == 2 * 16_000 * 22 * 6 // 100
        assert (there.mind.prepared, there.voice.prepared) == (2, 3)  # at the start, and as the turn goes on
        assert there.ears.got == [SPEECH, Mark.PAUSED]
        assert there.agent.stats()["stt"] == "ears"

    bench(main)


@dataclass
class Hasty(Stage):
    """Takes the first piece of sound for the whole turn."""

    async def hear(self, audio: AsyncIterator[bytes | Mark]) -> AsyncGenerator[Heard | Used]:
        pcm = b""
        async for item in audio:
            pcm += item if isinstance(item, bytes) else b""
            self.got.append(item)
            if len(self.got) == 1:
                break
        yield Heard(f"{len(pcm)}", Standing.OVER)


def test_a_held_turn_goes_on_when_the_service_takes_a_pause_for_its_end() -> None:
    async def main(there: Bench) -> None:
        there.agent.hold(1)
        there.agent.audio(1, SPEECH)
        await wait_until(lambda: there.ears.got)
        await asyncio.sleep(0.01)
        there.agent.audio(1, SPEECH * 2)
        there.agent.end_of_turn(1)
        assert await there.ended(1) == ReplyEnded(1)
        assert there.of(TranscriptHeard)[-1] == TranscriptHeard(1, "3200 9600", final=True)

    bench(main, ears=Hasty("hasty", ends_turns=True))


def test_what_it_costs_is_told_with_its_turn() -> None:
    async def main(there: Bench) -> None:
        there.agent.audio(1, SPEECH)
        there.agent.end_of_turn(1)
        await there.ended(1)
        assert there.of(Spent) == [
            Spent(1, {"audio_seconds": 1}, 0.01, model="ears"),
            Spent(1, {"text_in": 10, "text_out": 2}, 20e-6, model="mind"),
            Spent(1, {"characters": 5}, 10e-6, model="voice"),
        ]

    bench(main)


def test_an_interruption_stops_all_of_it_and_only_what_was_heard_is_remembered() -> None:
    async def main(there: Bench) -> None:
        there.ask(1)
        await wait_until(lambda: there.of(ReplyAudio))
        there.agent.interrupt(1, 490, goes_on=False)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (there.ears.stopped, there.mind.stopped, there.voice.stopped) == (1, 1, 1)
        assert there.history.exchanges == (Exchange("3200 by ears", "All is ..."),)
        told = len(there.told)
        await asyncio.sleep(0.05)
        assert len(there.told) == told

    bench(main, voice=Stage("voice", pace_s=0.01), mind=Stage("mind", reply=("All is well. ",) * 50, pace_s=0.01))


def test_a_pause_that_was_none_stops_what_was_begun() -> None:
    async def main(there: Bench) -> None:
        there.agent.audio(1, SPEECH)
        there.agent.eager_end(1)
        await wait_until(lambda: there.mind.got)
        there.agent.turn_resumed(1)
        await wait_until(lambda: there.mind.stopped)
        there.agent.audio(1, SPEECH)
        there.agent.end_of_turn(1)
        await there.ended(1)
        assert there.of(TranscriptHeard)[-1].text == "6400 by ears"
        assert len(there.mind.got) == 2
        assert not there.of(TurnSeems)

    bench(main)


def test_a_judge_is_announced_and_asked() -> None:
    async def main(there: Bench) -> None:
        await wait_until(lambda: there.of(AgentReady))
        assert there.of(AgentReady) == [AgentReady(judges=True)]
        there.agent.audio(1, SPEECH)
        there.agent.eager_end(1)
        await wait_until(lambda: there.of(TurnSeems))
        there.agent.drop_turn(1)
        await wait_until(lambda: there.ears.stopped)

    bench(main, judge=lambda _: 0.75)


def test_speech_is_not_made_long_before_it_can_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four clauses of 1 s each; 2 s may be made ahead."""
    monkeypatch.setattr(client, "AHEAD_S", 2.0)

    async def main(there: Bench) -> None:
        there.agent.text(1, "Tell me a story.")
        await wait_until(lambda: there.of(ReplyAudio))
        await asyncio.sleep(0.05)
        assert len(there.voice.got) <= 3
        await there.ended(1)
        assert len(there.voice.got) == 4

    bench(main, mind=Stage("mind", reply=("Once upon a time. ",) * 4))


def test_an_announcement_is_spoken_as_it_stands() -> None:
    async def main(there: Bench) -> None:
        there.agent.say(1, "Tea is ready.")
        await there.ended(1)
        assert there.voice.got == ["Tea is ready."]
        assert there.mind.got == []
        there.agent.forget()
        there.agent.tool_result(1, "nobody", {})
        there.agent.hold(1)

    bench(main)


@pytest.mark.parametrize("stage", ["ears", "mind", "voice"])
def test_a_stage_that_fails_ends_the_turn_in_words(stage: str) -> None:
    async def main(there: Bench) -> None:
        there.agent.audio(1, SPEECH)
        there.agent.end_of_turn(1)
        assert await there.ended(1) == ReplyEnded(1, "failed", f"{stage} says quota.")

    bench(main, **{stage: Stage(stage, Fault.QUOTA)})


@dataclass
class Faulty(Stage):
    async def speak(self, text: AsyncIterator[str]) -> AsyncGenerator[Sound | Used]:
        async for clause in text:
            raise ZeroDivisionError(clause)
            yield Sound(b"")


def test_a_fault_of_ours_is_counted_and_the_next_turn_goes_on() -> None:
    async def main(there: Bench) -> None:
        there.ask(1)
        assert (await there.ended(1)).message == "The chained engine has a fault (ZeroDivisionError)."
        assert there.agent.stats()["faults"] == 1
        there.ask(2)
        await there.ended(2)

    bench(main, voice=Faulty("voice"))


def test_audio_that_nobody_takes_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_AUDIO", 5000)

    async def main(there: Bench) -> None:
        for _ in range(5):
            there.agent.audio(1, SPEECH)
        assert there.agent.dropped_bytes == 3 * 3200

    bench(main)


# --- is anybody there? ---------------------------------------------------------------------------------


def test_without_a_network_it_says_so_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "LIMIT_S", 0.2)

    async def main() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        look = Reach([[None], [("127.0.0.1", 1), ("127.0.0.1", port)]], Backoff(30, 30))
        there = Bench(reach=look)
        await there.agent.open()
        await wait_until(lambda: there.told)
        assert there.told == [AgentLost(UNREACHABLE, retryable=True)]
        again = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
        there.agent.connect()
        await wait_until(lambda: there.of(AgentReady))
        again.close()
        look.doubt(Fault.SERVICE)
        look.doubt(Fault.NETWORK)
        await wait_until(lambda: len(there.of(AgentLost)) == 2)
        await there.agent.close()

    asyncio.run(main())
