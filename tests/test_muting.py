"""Muted means muted: a loud marker tone in the room is on no way out, across every edge; and the button's gestures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from edge.core.conversation import State
from edge.core.events import Event, Held, MuteSet, Pressed, TextGiven
from edge.testing import Reply, ScriptedAgent, SimulatedDevice
from tests.bench.clips import DATA
from tests.settings import EXACT
from tests.signals import power_at, recording, tone

MARKER_HZ = 3210.0
MARKER = tone(1.0, MARKER_HZ, 16_000, 0.9)
LAMP = recording(DATA / "speech/livingroom_lamp.flac")[:24_000]
APART = 0.5
WAIT = Reply("hello", "", seconds=0.0, end=False)  # thinks until the test has it answer


class Room:
    """A device, its engine, and everything that left the device."""

    def __init__(self, device: SimulatedDevice) -> None:
        assert isinstance(device.agent, ScriptedAgent)
        self.device, self.agent = device, device.agent

    def marker(self) -> float:
        """The marker's amplitude in what the engine got; 0.9 when it was all there."""
        whole = np.frombuffer(b"".join(bytes(pcm) for pcm in self.agent.heard.values()), np.int16)
        return power_at(whole, MARKER_HZ)

    async def tell(self, *events: Event) -> None:
        for event in events:
            self.device._post(event)
        await self.device.run(0)

    async def mute(self, on: bool) -> None:
        await self.tell(MuteSet(on))

    async def press(self) -> None:
        self.device.press()
        await self.device.run(0.1)


def in_room(test: Callable[[Room], Awaitable[None]], *replies: Reply) -> None:
    async def main() -> None:
        async with SimulatedDevice(ScriptedAgent(replies or [Reply("hello", seconds=3.0)] * 3), EXACT) as device:
            await test(Room(device))

    asyncio.run(asyncio.wait_for(main(), 60))


def test_the_marker_would_be_noticed() -> None:
    async def test(room: Room) -> None:
        await room.press()
        await room.device.hear(MARKER)
        assert room.marker() > 0.5

    in_room(test)


def test_muted_at_rest_nothing_is_heard_whatever_is_pressed() -> None:
    async def test(room: Room) -> None:
        await room.mute(True)
        assert room.device.ear.closed
        for event in (Pressed(), Held()):
            await room.tell(event)
            await room.device.hear(MARKER)
        assert room.device.state is State.MUTED
        assert room.agent.heard == {}
        assert room.device.front.level == -96.0  # the meter too
        assert "muted" in room.device.problems[0]

    in_room(test)


@pytest.mark.parametrize("way", [1, 2, 3, 5, 8])
def test_the_mute_edge_in_the_middle_of_listening_is_exact(way: int) -> None:
    """The marker begins with the first sample after the mute; `way` is how far the frames are from their borders."""

    async def test(room: Room) -> None:
        await room.press()
        await room.device.hear(tone(0.3 + way * 0.003, 300, 16_000, 0.3))
        await room.mute(True)
        await room.device.hear(MARKER)
        assert room.marker() < 0.001
        assert room.device.state is State.MUTED
        assert room.agent.calls[-1][0] == "drop_turn"

    in_room(test)


@pytest.mark.parametrize("muted_for", [0.0, 0.05, 1.0, 30.0])
def test_what_sounded_before_or_during_the_mute_is_not_sent_after_it(muted_for: float) -> None:
    """A press after unmuting brings half a second from before itself, but nothing from before the unmuting."""

    async def test(room: Room) -> None:
        await room.device.hear(MARKER)
        await room.mute(True)
        await room.device.hear(MARKER[: round(muted_for * 16_000)] if muted_for < 1 else MARKER)
        await room.device.run(muted_for)
        await room.mute(False)
        await room.press()
        await room.device.hear(LAMP, then=1.0)
        assert room.marker() < 0.001
        assert room.device.understood == ["hello"]

    in_room(test)


def test_the_preroll_after_a_long_mute_is_what_was_said_since() -> None:
    async def test(room: Room) -> None:
        await room.mute(True)
        await room.device.run(60.0)
        await room.mute(False)
        await room.device.hear(LAMP[:12_000])
        await room.tell(Pressed())
        await room.device.hear(LAMP[12_000:], then=1.0)
        got = np.frombuffer(bytes(room.agent.heard[1]), np.int16)
        part = LAMP[5_000:20_000]
        windows = np.flatnonzero(got == part[0])
        assert any(np.array_equal(got[at : at + len(part)], part) for at in windows)

    in_room(test)


@pytest.mark.parametrize(("state", "reply"), [("thinking", WAIT), ("speaking", Reply("hello", seconds=3.0))])
def test_muting_while_the_device_answers_lets_it_finish_deaf(state: str, reply: Reply) -> None:
    async def test(room: Room) -> None:
        await room.press()
        await room.device.hear(LAMP)
        await room.device.until(state)
        await room.mute(True)
        before = room.marker()
        await room.device.hear(MARKER)
        assert room.marker() == before < 0.001
        if reply is WAIT:
            room.agent._reply(1, Reply("", seconds=1.0))
        await room.device.until("muted", 20)
        await room.mute(False)
        await room.device.run(0.1)
        assert room.device.state is State.IDLE

    in_room(test, reply)


def test_muted_it_still_speaks_what_is_typed() -> None:
    async def test(room: Room) -> None:
        await room.mute(True)
        await room.tell(TextGiven("what time is it"))
        await room.device.until("speaking")
        await room.device.hear(MARKER)
        await room.device.until("muted", 20)
        assert room.device.said == "Yes."
        assert room.agent.heard == {}

    in_room(test, Reply("", "Yes."))


# --- gestures ------------------------------------------------------------------------------------------


def test_a_long_hold_mutes_and_another_one_unmutes() -> None:
    async def test(room: Room) -> None:
        device = room.device
        device.button(down=True)
        await device.run(2.8)
        assert device.state == "listening"  # until then it is push-to-talk
        await device.run(0.4)
        assert device.state == "muted"
        assert device.ear.closed
        device.button(down=False)
        await device.run(1.0)
        assert device.state == "muted"
        device.button(down=True)
        await device.run(3.3)
        device.button(down=False)
        await device.run(0.1)
        assert device.state is State.IDLE
        assert not device.ear.closed

    in_room(test)


def test_a_long_question_with_the_button_held_does_not_mute() -> None:
    async def test(room: Room) -> None:
        room.device.button(down=True)
        await room.device.hear(recording(DATA / "speech/vctk_p286_011.flac"))
        assert room.device.state is State.LISTENING
        room.device.button(down=False)
        await room.device.until("speaking")

    in_room(test)


def test_hold_to_talk_ends_with_the_release_and_not_in_a_pause() -> None:
    async def test(room: Room) -> None:
        device = room.device
        device.button(down=True)
        await device.hear(LAMP, then=0.9)
        assert device.state is State.LISTENING
        device.button(down=False)
        await device.until("speaking")
        assert room.agent.calls.count(("end_of_turn", 1)) == 1

    in_room(test)


def test_a_double_tap_forgets() -> None:
    async def test(room: Room) -> None:
        room.device.press()
        await room.device.run(0.1)
        room.device.press()
        await room.device.run(0.1)
        assert ("forget", 0) in room.agent.calls
        assert room.device.watcher.of("forgotten")
        assert room.device.state is State.IDLE

    in_room(test)


def test_two_slow_taps_do_not() -> None:
    async def test(room: Room) -> None:
        for _ in range(2):
            await room.press()
            await room.device.run(APART)
        assert ("forget", 0) not in room.agent.calls
        assert room.device.state is State.IDLE

    in_room(test)
