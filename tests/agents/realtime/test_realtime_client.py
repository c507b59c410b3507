"""The Realtime engine against the fake server: what goes over the wire, and what the device is told."""

from __future__ import annotations

import pytest

from edge.agents.realtime.options import Options
from edge.core.events import (
    AgentLost,
    ReplyText,
    ToolCalled,
    TranscriptHeard,
)
from edge.testing import SimulatedDevice
from tests.agents.realtime.bench import SPEECH, Bench, on_device, run
from tests.fakes.realtime.script import QUOTA, Call, Pace, Reply, calling, failing
from tests.fakes.realtime.server import FakeRealtime


def test_a_spoken_turn_is_answered_whole() -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.speak(1, 1.0)
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"
        await bench.until(lambda: any(heard.final for heard in bench.of(TranscriptHeard)))
        assert bench.sound(1) == reply.audio
        assert "".join(event.text for event in bench.of(ReplyText)).strip() == reply.text
        assert [heard.text for heard in bench.of(TranscriptHeard)][-2:] == ["what time is it"] * 2
        assert bench.heard_s() == pytest.approx(1.0, abs=0.02)

    reply = Reply("It is ten past three.")
    run(test, reply, transcripts=("what time is it",))


def test_words_spoken_before_the_session_stands_are_sent_once() -> None:
    async def test(bench: Bench) -> None:
        bench.speak(1, 0.6)
        bench.agent.end_of_turn(1)
        assert (await bench.ended(1)).outcome == "done"
        assert bench.heard_s() == pytest.approx(0.6, abs=0.02)
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
        assert bench.heard_s(session=2) == pytest.approx(1.0, abs=0.03)

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
            await bench.sessions(asked + 1)
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
        assert "money is used up" in end.message

    run(test, failing(QUOTA))


def test_a_wrong_key_is_final_and_said_in_words() -> None:
    async def test(bench: Bench) -> None:
        lost = await bench.lost()
        assert not lost.retryable
        assert "refuses the key" in lost.message

    def another_key(server: FakeRealtime) -> None:
        server.settings.api_keys = {"another"}

    run(test, before=another_key)


def test_on_the_device_a_drop_while_it_thinks_is_not_noticed() -> None:
    """The whole device on the real engine: the turn is sent again, and its answer is heard."""

    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        server.faults.cut_after(1, kind="response.create", direction="in")
        device.press()
        await device.hear(SPEECH / "livingroom_lamp.flac", then=0.2)
        await device.until("speaking", 20)
        await device.run_until(lambda: device.said.strip() == "Here I am.")
        assert device.problems == []

    on_device(test, [Reply("Here I am.")])


def test_what_is_known_of_the_person_is_in_the_session_and_is_kept_up_to_date() -> None:
    """Told when a turn begins, and only when it has changed."""
    known = ["My cat is called Tom"]

    async def test(bench: Bench) -> None:
        def instructions() -> list[object]:
            sessions = [event["session"] for event in bench.sent("session.update")]
            return [session["instructions"] for session in sessions if isinstance(session, dict)]

        await bench.ready()
        assert instructions() == ["Be brief.\n\nMy cat is called Tom"]
        bench.agent.text(1, "hello")
        await bench.ended(1)
        known[0] = ""
        bench.agent.text(2, "hello")
        await bench.ended(2)
        assert instructions() == ["Be brief.\n\nMy cat is called Tom", "Be brief."]

    run(test, Reply(), Reply(), options=Options(told=lambda most: known[0][:most]))
