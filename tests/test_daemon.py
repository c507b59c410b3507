"""The whole daemon on a simulated device: what a person says, hears and presses, and what the engine gets."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from edge.config import Config
from edge.core.conversation import State
from edge.core.events import ButtonDown, ButtonUp, Pressed, TextGiven
from edge.ports import Fields
from edge.testing import Reply, ScriptedAgent, SimulatedDevice
from edge.tools.registry import Tool
from tests.bench.clips import DATA
from tests.settings import EXACT
from tests.signals import Int16, noise, recording
from tests.waiting import wait_until

LAMP = recording(DATA / "speech/livingroom_lamp.flac")[:24_000]  # up to just after the last word
SENTENCE = DATA / "speech/vctk_p286_011.flac"
T = TypeVar("T")
APART = 0.5  # seconds between two presses that are not a double tap
HASTY = replace(Config(), conversation=replace(Config().conversation, end_silence_ms=200, eager_silence_ms=100))


def agent_of(device: SimulatedDevice) -> ScriptedAgent:
    assert isinstance(device.agent, ScriptedAgent)
    return device.agent


def bounded(main: Coroutine[Any, Any, T]) -> T:
    """A test that waits for what never comes fails, and does not hang."""
    return asyncio.run(asyncio.wait_for(main, 100))


def heard_by(device: SimulatedDevice, turn: int) -> Int16:
    return np.frombuffer(bytes(agent_of(device).heard[turn]), np.int16)


def simulated(test: Callable[[SimulatedDevice], Awaitable[None]], *replies: Reply, tools: tuple[Tool, ...] = (),
              ready: bool = True, output: Path | None = None) -> SimulatedDevice:  # fmt: skip
    """Run a test against a device whose engine follows the script."""

    async def main() -> SimulatedDevice:
        async with SimulatedDevice(ScriptedAgent(replies, ready=ready), EXACT, tools=tools, output=output) as device:
            await test(device)
            return device

    return bounded(main())


def where_in(whole: Int16, part: Int16) -> int:
    """The one place where `part` is in `whole`, or -1."""
    starts = np.flatnonzero(whole[: len(whole) - len(part) + 1] == part[0])
    return next((int(at) for at in starts if np.array_equal(whole[at : at + len(part)], part)), -1)


# --- a conversation ------------------------------------------------------------------------------------


def test_a_conversation(tmp_path: Path) -> None:
    async def talk(device: SimulatedDevice) -> None:
        assert device.host.told == ["ready"]
        device.press()
        await device.hear(LAMP)
        await device.until("speaking")
        await device.until("listening")  # a follow-up needs no press
        await device.hear(SENTENCE)
        await device.until("speaking")
        await device.until("idle", 20)
        assert device.understood == ["turn on the lamp", "when a man looks"]
        assert device.said == "It is on.The pot of gold."
        assert device.problems == []
        turns = device.watcher.of("turn")
        assert [turn["kind"] for turn in turns] == ["tap", "follow_up"]
        for turn in turns:
            latency = turn["latency_ms"]
            assert isinstance(latency, dict)
            assert latency["turn_end"] == pytest.approx(550, abs=40)
            assert latency["first_sound"] - latency["turn_end"] <= 20

    device = simulated(
        talk,
        Reply("turn on the lamp", "It is on."),
        Reply("when a man looks", "The pot of gold."),
        output=tmp_path / "o.wav",
    )
    assert device.sink.seconds == pytest.approx(2 * 1.5, abs=0.1)
    assert device.host.told == ["ready", "stopping"]


def test_the_engine_gets_every_word_and_what_came_before_the_press() -> None:
    async def talk(device: SimulatedDevice) -> None:
        before = noise(2.0, loudness=0.001)
        await device.hear(before)
        device.press()
        await device.hear(LAMP)
        await device.until("speaking")
        whole = np.concatenate([before, LAMP])
        got = heard_by(device, 1)
        at = where_in(whole, got[:4000])
        assert at == pytest.approx(len(before) - 8000, abs=320)  # half a second of pre-roll
        until = min(len(got), len(whole) - at)
        assert np.array_equal(got[:until], whole[at : at + until])
        assert until > 8000 + 1.4 * 16_000

    simulated(talk, Reply("turn on the lamp"))


def test_an_interruption_tells_the_engine_exactly_what_was_heard(tmp_path: Path) -> None:
    async def talk(device: SimulatedDevice) -> None:
        for seconds in (0.3, 1.25, 2.0):
            device.press()
            await device.hear(LAMP)
            await device.until("speaking")
            begun = device.speaker._ledger.handed_over
            await device.run(seconds)
            device.press()
            await device.run(0.1)
            assert device.state is State.LISTENING
            turn, heard_ms = agent_of(device).interrupted[-1]
            segment = sum(s.length for s in device.speaker._ledger._segments if s.turn == turn) / 24
            assert heard_ms == pytest.approx(segment, abs=11)  # the fade comes on top
            assert heard_ms == pytest.approx(seconds * 1000, abs=40)
            assert begun > 0
            await device.run(APART)
            device.press()
            await device.until("idle")
            await device.run(APART)

    simulated(talk, *[Reply("go on", "A long story.", seconds=5.0)] * 3)


def test_after_an_interruption_nothing_of_the_old_reply_sounds() -> None:
    async def talk(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(LAMP)
        await device.until("speaking")
        await device.run(0.5)
        device.press()
        await device.run(0.03)
        agent_of(device)._reply(1, Reply("", "late", seconds=3.0))  # was on its way
        await device.run(0.2)
        assert not device.speaker.render(240, device.clock.now).any()
        assert device.said == "A long story."

    simulated(talk, Reply("go on", "A long story.", seconds=5.0))


def test_a_tool_is_called_and_its_result_goes_back() -> None:
    called: list[Fields] = []

    def light(arguments: Fields, _now: object) -> Fields:
        called.append(arguments)
        return {"on": True}

    async def talk(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(LAMP)
        await device.until("speaking")
        assert called == [{"room": "living"}]
        assert agent_of(device).results == [{"on": True}]
        assert device.watcher.of("tool")[0]["name"] == "light"

    tool = Tool("light", "Switch.", light, {"room": {"type": "string"}}, ("room",))
    simulated(talk, Reply("lamp", "Done.", tool=("light", {"room": "living"})), tools=(tool,))


def test_a_tool_that_is_not_there_or_breaks_is_an_answer_too() -> None:
    async def talk(device: SimulatedDevice) -> None:
        for _ in range(2):
            device.press()
            await device.hear(LAMP)
            await device.until("idle", 20)
        assert ["error" in result for result in agent_of(device).results] == [True, True]

    tool = Tool("broken", "Breaks.", lambda _a, _n: {"x": 1 / 0})
    simulated(talk, Reply("a", tool=("nothing", {})), Reply("b", tool=("broken", {})), tools=(tool,))


# --- engines that come and go --------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [0.5, 5.0, 30.0])
def test_a_slow_connection_costs_no_word(delay: float) -> None:
    async def talk(device: SimulatedDevice) -> None:
        assert device.host.told == []
        device.press()
        await device.hear(LAMP)
        assert heard_by(device, 1).size == 0
        assert device.state is State.CONNECTING
        await device.run(delay)
        agent_of(device).come()
        await device.until("speaking")
        got = heard_by(device, 1)
        at = where_in(got, LAMP[:20_000])
        assert at == pytest.approx(8000, abs=320)
        assert device.understood == ["turn on the lamp"]

    simulated(talk, Reply("turn on the lamp"), ready=False)


def test_an_engine_lost_in_the_middle_of_a_sentence_answers_when_it_is_back() -> None:
    async def talk(device: SimulatedDevice) -> None:
        device.press()
        sound = recording(SENTENCE)
        await device.hear(sound[:40_000])
        agent_of(device).lose()
        await device.hear(sound[40_000:])
        assert device.state is State.CONNECTING
        agent_of(device).come()
        await device.until("speaking")
        got = heard_by(device, 1)
        start = where_in(got, sound[:4000])
        assert start >= 0
        assert np.array_equal(got[start : start + 95_000], sound[:95_000])

    simulated(talk, Reply("when a man looks"))


def test_an_engine_lost_for_good_is_an_error_and_the_device_is_not_ready() -> None:
    async def talk(device: SimulatedDevice) -> None:
        agent_of(device).lose("no such model", retryable=False)
        await device.run(0.1)
        assert device.state == "error"
        assert not device.daemon.can_hold_a_turn
        assert device.problems == ["no such model"]
        agent_of(device).come()
        await device.run(0.1)
        assert device.state is State.IDLE

    simulated(talk)


def test_an_engine_that_never_comes_is_given_up() -> None:
    async def talk(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(LAMP)
        await device.until("idle", 90)
        assert any("ready in time" in problem for problem in device.problems)

    simulated(talk, ready=False)


# --- the microphone ------------------------------------------------------------------------------------


def test_a_microphone_unplugged_at_rest_and_plugged_in_again() -> None:
    async def talk(device: SimulatedDevice) -> None:
        device.unplug()
        await device.run(0.1)
        assert device.state is State.ERROR
        device.press()
        await device.run(0.1)
        assert device.state is State.ERROR
        assert set(device.problems) == {"The microphone has stopped."}
        device.plug()
        await device.run(APART)
        device.press()
        await device.hear(LAMP)
        await device.until("speaking")

    simulated(talk, Reply("lamp"))


def test_what_was_said_before_the_microphone_went_is_answered() -> None:
    async def talk(device: SimulatedDevice) -> None:
        device.press()
        await device.hear(recording(SENTENCE)[:60_000])
        device.unplug()
        await device.until("speaking")
        assert device.understood == ["when a man"]
        await device.until("error", 20)
        device.plug()
        await device.until("idle")

    simulated(talk, Reply("when a man"))


# --- the daemon itself ---------------------------------------------------------------------------------


def test_a_failure_inside_an_adapter_ends_the_daemon_with_that_error() -> None:
    class Broken(ScriptedAgent):
        def end_of_turn(self, turn: int) -> None:
            raise RuntimeError(f"turn {turn} is cursed")

    async def main() -> None:
        async with SimulatedDevice(Broken()) as device:
            running = asyncio.ensure_future(device.daemon.run())
            device.press()
            await device.hear(LAMP, then=1.0)
            with pytest.raises(RuntimeError, match="turn 1 is cursed"):
                await running
            device.daemon._failure = None  # it has been seen

    bounded(main())


def test_a_tool_port_that_breaks_its_promise_ends_the_daemon_too() -> None:
    async def main() -> None:
        async with SimulatedDevice(ScriptedAgent([Reply("a", tool=("x", {}))])) as device:

            async def broken(_name: str, _arguments: Fields) -> Fields:
                raise RuntimeError("the toolbox is on fire")

            device._tools.run = broken  # type: ignore[method-assign, assignment]
            running = asyncio.ensure_future(device.daemon.run())
            device.press()
            await device.hear(LAMP, then=1.0)
            with pytest.raises(RuntimeError, match="on fire"):
                await running
            device.daemon._failure = None

    bounded(main())


def test_events_after_the_end_are_dropped_from_any_thread() -> None:
    async def main() -> SimulatedDevice:
        async with SimulatedDevice() as device:
            pass
        await asyncio.to_thread(device.daemon.post, Pressed())
        return device

    device = bounded(main())
    device.daemon.post(Pressed())
    assert device.state is State.IDLE


def test_with_its_own_clock_it_comes_back_at_the_deadline() -> None:
    """The only test that lets the real timer run: a wait that ends by itself."""

    async def main() -> None:
        async with SimulatedDevice() as device:
            daemon = device.daemon
            daemon._own_timer = True
            daemon.feed(TextGiven("hello"), device.clock.now)
            assert daemon.deadline is not None
            device.clock.now = daemon.deadline
            daemon._arm()
            assert daemon._timer is not None
            await wait_until(lambda: daemon.conversation.state is not State.THINKING)
            assert device.problems or device.said

    bounded(main())


@pytest.mark.slow
def test_a_thousand_turns_leave_nothing_behind() -> None:
    async def turns(device: SimulatedDevice, count: int) -> None:
        agent = agent_of(device)
        sound = LAMP[5000:12_000]
        for n in range(count):
            tool: tuple[str, Fields] | None = ("none", {}) if n % 3 == 0 else None
            agent.script.append(Reply("lamp", seconds=0.05, outcome="closing", tool=tool))
            device._post(ButtonDown())
            device._post(ButtonUp())
            await device.hear(sound)
            await device.until("idle")
            agent.heard.clear()
            agent.calls.clear()
            agent.results.clear()
            device.watcher.events.clear()

    async def main() -> None:
        async with SimulatedDevice(ScriptedAgent(), HASTY) as device:
            await turns(device, 50)
            gc.collect()
            tracemalloc.start()
            before, tasks = tracemalloc.get_traced_memory()[0], len(asyncio.all_tasks())
            await turns(device, 1000)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
            assert grown < 1_000_000
            assert len(asyncio.all_tasks()) == tasks
            assert not device.daemon._tool_tasks
            assert len(device.speaker._queue) == 0
            assert device.problems == []

    bounded(main())
