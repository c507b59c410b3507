"""The Realtime engine against the fake server: what goes over the wire, and what the device is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from edge.agents.realtime import session
from edge.agents.realtime.client import RealtimeAgent
from edge.agents.realtime.setup import address
from edge.config import Realtime
from edge.core.events import (
    AgentLost,
    AgentReady,
    Event,
    ReplyAudio,
    ReplyEnded,
    ReplyText,
    ToolCalled,
    TranscriptHeard,
)
from edge.testing import SimulatedDevice
from tests.fakes.realtime.script import QUOTA, Call, Pace, Reply, calling, failing
from tests.fakes.realtime.server import FakeRealtime
from tests.signals import tone

SPEECH = Path(__file__).parents[2] / "data/speech"
E = TypeVar("E", bound=Event)
WEATHER = session.FunctionTool("weather", "Tell the weather.", {"type": "object", "properties": {}})


class Bench:
    """An engine, a server, and everything the device was told."""

    def __init__(self, server: FakeRealtime) -> None:
        self.server = server
        self.events: list[Event] = []
        settings = session.Settings(instructions="Be brief.", tools=(WEATHER,), transcription=session.Transcription())
        self.agent = RealtimeAgent(address(Realtime(url=server.url), "key"), settings, self.events.append)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, done: Callable[[], object], limit: float = 5.0) -> None:
        await self.server.wait_for(done, limit)

    async def ready(self, times: int = 1) -> None:
        await self.until(lambda: len(self.of(AgentReady)) >= times)

    async def ended(self, turn: int) -> ReplyEnded:
        await self.until(lambda: any(end.turn == turn for end in self.of(ReplyEnded)))
        return next(end for end in self.of(ReplyEnded) if end.turn == turn)

    async def asked(self, times: int) -> None:
        await self.until(lambda: len(self.sent("response.create")) == times)

    def speak(self, turn: int, seconds: float = 0.5) -> None:
        pcm = tone(seconds, 300.0, 16_000).tobytes()
        for at in range(0, len(pcm), 640):
            self.agent.audio(turn, pcm[at : at + 640])

    def sound(self, turn: int) -> bytes:
        return b"".join(event.pcm for event in self.of(ReplyAudio) if event.turn == turn)

    def sent(self, kind: str) -> list[dict[str, object]]:
        return [seen.event for seen in self.server.events(kind, "in")]


def run(test: Callable[[Bench], Awaitable[None]], *replies: Reply, transcripts: tuple[str, ...] = ()) -> None:
    async def main() -> None:
        async with FakeRealtime(replies, transcripts) as server:
            bench = Bench(server)
            await bench.agent.open()
            try:
                await test(bench)
            finally:
                await bench.agent.close()
            assert server.violations == []

    asyncio.run(main())


def test_a_spoken_turn_is_answered_whole() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.speak(1, 1.0)
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"
        await bench.until(lambda: bench.of(TranscriptHeard))
        assert bench.sound(1) == reply.audio
        assert "".join(event.text for event in bench.of(ReplyText)).strip() == reply.text
        assert bench.of(TranscriptHeard)[0].text == "what time is it"
        heard = len(bench.server.audio_received()) / 2 / 24_000
        assert heard == pytest.approx(1.0, abs=0.02)

    reply = Reply("It is ten past three.")
    run(test, reply, transcripts=("what time is it",))


def test_words_spoken_before_the_session_stands_are_sent_once() -> None:
    async def test(bench: Bench) -> None:
        bench.speak(1, 0.6)
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"
        assert len(bench.server.audio_received()) / 2 / 24_000 == pytest.approx(0.6, abs=0.02)
        assert len(bench.sent("input_audio_buffer.commit")) == 1

    run(test, Reply("Good."))


def test_less_than_a_tenth_of_a_second_is_never_committed() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.speak(1, 0.06)
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "nothing_heard"
        await bench.server.wait_for(lambda: bench.sent("input_audio_buffer.clear"))
        assert bench.sent("input_audio_buffer.commit") == []

    run(test)


def test_an_interruption_cancels_cuts_to_what_was_heard_and_lets_nothing_late_through() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.speak(1)
        bench.agent.end_of_turn(1)
        await bench.until(lambda: len(bench.sound(1)) >= 48_000)
        bench.agent.interrupt(1, 700, goes_on=False)
        received = len(bench.sound(1))
        bench.speak(2)
        bench.agent.end_of_turn(2)
        assert (await bench.ended(2)).outcome == "done"
        assert len(bench.sound(1)) == received
        assert len(bench.sent("response.cancel")) == 1
        assert [cut["audio_end_ms"] for cut in bench.sent("conversation.item.truncate")] == [700]
        assert bench.sound(2) == Reply("Yes?").audio

    run(test, Reply("A long story. " * 20, pace=Pace(speed=4.0)), Reply("Yes?"))


def test_a_reply_that_is_all_here_is_cut_but_not_cancelled() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.speak(1)
        bench.agent.end_of_turn(1)
        await bench.ended(1)
        bench.agent.interrupt(1, 300, goes_on=False)
        await bench.server.wait_for(lambda: bench.sent("conversation.item.truncate"))
        assert bench.sent("response.cancel") == []

    run(test, Reply("one two three four five six"))


def test_tools_run_side_by_side_and_lead_to_one_reply() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "the weather, twice")
        await bench.until(lambda: len(bench.of(ToolCalled)) == 2)
        for call in bench.of(ToolCalled):
            bench.agent.tool_result(1, call.call, {"sun": True})
        assert (await bench.ended(1)).outcome == "done"
        assert len(bench.sent("response.create")) == 2
        assert "".join(event.text for event in bench.of(ReplyText)).strip() == "Sunny twice."

    run(test, calling(Call("weather", "{}"), Call("weather", '{"place": "Rome"}')), Reply("Sunny twice."))


def test_a_tool_that_an_interruption_cuts_off_leaves_no_open_call() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "the weather")
        await bench.until(lambda: bench.of(ToolCalled))
        bench.agent.interrupt(1, 0, goes_on=False)
        bench.agent.tool_result(1, bench.of(ToolCalled)[0].call, {"sun": True})
        bench.agent.text(2, "never mind")
        assert (await bench.ended(2)).outcome == "done"
        outputs = [item for item in bench.sent("conversation.item.create") if "output" in str(item)]
        assert len(outputs) == 1
        assert "interrupted" in str(outputs[0])

    run(test, calling(Call("weather")), Reply("All right."))


@pytest.mark.parametrize("reset", [True, False])
def test_a_line_that_drops_in_mid_utterance_costs_no_word(*, reset: bool) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.speak(1, 0.5)
        await bench.server.wait_for(lambda: len(bench.server.audio_received()) > 20_000)
        bench.server.faults.drop(reset=reset)
        await bench.until(lambda: bench.of(AgentLost))
        bench.speak(1, 0.5)
        await bench.ready(2)
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"
        committed = len(bench.server.audio_received(session=2)) / 2 / 24_000
        assert committed == pytest.approx(1.0, abs=0.03)

    run(test, Reply("Heard."))


def test_what_was_said_is_put_back_into_the_next_session() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "my name is Ada")
        await bench.ended(1)
        await bench.server.faults.close()
        await bench.ready(2)
        bench.agent.text(2, "what is my name")
        await bench.ended(2)
        texts = str(bench.sent("conversation.item.create"))
        assert texts.count("my name is Ada") == 2
        assert "Hello Ada" in texts

    run(test, Reply("Hello Ada."), Reply("Ada."))


def test_an_unanswered_turn_is_sent_again_once_and_never_twice() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.speak(1)
        bench.agent.end_of_turn(1)
        for asked in (1, 2):
            await bench.asked(asked)
            bench.server.faults.drop()
            await bench.ready(asked + 1)
        end = await bench.ended(1)
        assert end.outcome == "failed"
        assert len(bench.sent("input_audio_buffer.commit")) == 2

    run(test, Reply("Never heard.", think_ms=60_000), Reply("Nor this.", think_ms=60_000))


def test_a_failed_reply_is_told() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "hello")
        end = await bench.ended(1)
        assert end.outcome == "failed"
        assert "quota" in end.message

    run(test, failing(QUOTA))


def test_a_wrong_key_is_final_and_said_in_words() -> None:
    async def test(bench: Bench) -> None:
        await bench.until(lambda: bench.of(AgentLost))
        lost = bench.of(AgentLost)[0]
        assert not lost.retryable
        assert "refuses the key" in lost.message

    async def main() -> None:
        async with FakeRealtime() as server:
            server.settings.api_keys = {"another"}
            bench = Bench(server)
            await bench.agent.open()
            await test(bench)
            await bench.agent.close()

    asyncio.run(main())


def test_on_the_device_a_drop_while_it_thinks_is_not_noticed() -> None:
    """The whole device on the real engine: the turn is sent again, and its answer is heard."""

    async def main() -> None:
        async with FakeRealtime([Reply("Here I am.")]) as server:
            server.faults.cut_after(1, kind="response.create", direction="in")
            device = SimulatedDevice()

            def post(event: Event) -> None:
                device.daemon.post(event)

            device.agent = RealtimeAgent(address(Realtime(url=server.url), "key"), session.Settings(), post)
            async with device:
                await device.run_until(lambda: device.daemon.conversation.ready)
                device.press()
                await device.hear(SPEECH / "livingroom_lamp.flac", then=0.2)
                await device.until("speaking", 20)
                await device.run_until(lambda: device.said.strip() == "Here I am.")
                assert device.problems == []
            assert server.violations == []

    asyncio.run(main())
