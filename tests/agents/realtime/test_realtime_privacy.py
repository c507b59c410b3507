"""What leaves the device: nothing but what is said between a press and the end of the turn.

A loud marker of its own frequency for each moment at which nothing may be heard; the detector is shown to find it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.agents.realtime.options import Options
from edge.core.conversation import State
from edge.core.events import MuteSet
from edge.testing import SimulatedDevice
from tests.agents.realtime.bench import SPEECH, Bench, on_device, run
from tests.fakes.realtime.script import Pace, Reply
from tests.fakes.realtime.server import FakeRealtime
from tests.signals import Int16, power_at, recording, tone

LAMP = recording(SPEECH / "livingroom_lamp.flac")[:24_000]
BEFORE, MUTED, THINKING, SPEAKING, AFTER, DURING = 3110.0, 3330.0, 3550.0, 3770.0, 3990.0, 4210.0
SILENT = 0.002  # speech itself has less than this in so narrow a band, at these frequencies
LONG = Reply("one two three four five six seven eight nine ten", pace=Pace(speed=1.0))


def marker(hertz: float, seconds: float = 1.0) -> Int16:
    return tone(seconds, hertz, 16_000, 0.9)


def sent(server: FakeRealtime) -> Int16:
    """All audio that the server ever got, in all sessions."""
    return np.frombuffer(server.audio_received(), np.int16)


def found(server: FakeRealtime, hertz: float) -> float:
    """The marker's amplitude in it."""
    return power_at(sent(server), hertz, 24_000)


def speech_found(server: FakeRealtime) -> float:
    """The share of the sentence's spectrum that came through: 1 when it is all there."""
    part = np.abs(np.fft.rfft(LAMP.astype(np.float64), 1 << 17))[200:20_000]
    size = round((1 << 17) * 1.5)  # the same hertz in each bin at 24 kHz
    got = np.abs(np.fft.rfft(sent(server).astype(np.float64), size))[200:20_000]
    return float(np.sum(part * got) / np.sqrt(np.sum(part**2) * np.sum(got**2)))


def answered(device: SimulatedDevice) -> Callable[[], bool]:
    return lambda: device.state in {State.IDLE, State.MUTED, State.LISTENING} and device.said != ""


def test_the_detector_finds_a_marker_that_is_played_in_a_turn() -> None:
    """The mutant: were any of the others sent, it would be noticed."""

    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await device.hear(np.concatenate([LAMP, marker(DURING, 0.1), LAMP]), then=1.0)
        await device.run_until(answered(device), 20)
        assert found(server, DURING) > 0.5

    on_device(test, [Reply("Yes.")])


@pytest.mark.parametrize("cold", [False, True])
def test_only_the_turn_itself_is_on_the_wire(*, cold: bool) -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        await device.hear(marker(BEFORE), then=0.6)  # the pre-roll is half a second
        assert server.chunks == []
        device.press()
        await device.hear(LAMP)
        await device.run_until(lambda: device.state is State.THINKING, 20)
        await device.hear(marker(THINKING, 0.3))
        assert device.state is State.THINKING
        await device.run_until(lambda: device.state is State.SPEAKING, 20)
        await device.hear(marker(SPEAKING, 0.5))
        await device.run_until(answered(device), 20)
        await device.run_until(lambda: device.state is State.IDLE, 20)
        count = len(server.chunks)
        await device.hear(marker(AFTER), then=1.0)
        assert len(server.chunks) == count
        for hertz in (BEFORE, THINKING, SPEAKING, AFTER):
            assert found(server, hertz) < SILENT, hertz
        assert speech_found(server) > 0.8

    on_device(test, [Reply(LONG.text, think_ms=600, pace=LONG.pace)], options=Options(cold=cold))


def test_muted_in_the_middle_of_a_turn_nothing_more_is_sent() -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await device.hear(LAMP[:16_000])
        device.daemon.post(MuteSet(True))
        await device.hear(marker(MUTED), then=0.5)
        assert device.state is State.MUTED
        device.press()
        await device.hear(marker(MUTED), then=0.5)
        device.daemon.post(MuteSet(False))
        await device.run(0.0)
        device.press()
        await device.hear(LAMP, then=1.0)  # the pre-roll reaches back beyond the unmuting
        await device.run_until(answered(device), 20)
        assert found(server, MUTED) < SILENT
        assert speech_found(server) > 0.6
        assert len(server.events("input_audio_buffer.commit", "in")) == 1
        assert server.events("input_audio_buffer.clear", "in")  # and the half that was sent is forgotten

    on_device(test, [Reply("Yes.")])


def test_a_mute_on_a_line_that_is_away_drops_what_was_kept() -> None:
    """Not even the next session gets it."""

    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        await server.down()
        server.faults.drop()
        await device.run_until(lambda: not device.daemon.conversation.ready, 20)
        device.press()
        await device.hear(marker(MUTED, 0.5))
        assert device.state is State.CONNECTING
        device.daemon.post(MuteSet(True))
        await device.run(0.1)
        await server.up()
        device.daemon.post(MuteSet(False))
        await device.run_until(lambda: device.daemon.conversation.ready, 20)
        device.press()
        await device.hear(LAMP, then=1.0)
        await device.run_until(answered(device), 20)
        assert found(server, MUTED) < SILENT

    on_device(test, [Reply("Yes.")])


def test_a_turn_in_which_nobody_spoke_is_not_kept_at_the_server() -> None:
    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        device.press()
        await device.run(0.6)
        device.press()
        await device.run(0.6)
        await server.wait_for(lambda: server.events("input_audio_buffer.clear", "in"))
        assert device.state is State.IDLE
        assert server.events("input_audio_buffer.commit", "in") == []

    on_device(test)


# --- forgetting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cold", [False, True])
def test_what_is_forgotten_is_forgotten_by_the_server_too_and_nobody_calls_it_trouble(*, cold: bool) -> None:
    async def test(bench: Bench) -> None:
        await bench.ready()
        bench.agent.text(1, "my name is Ada")
        await bench.ended(1)
        bench.agent.forget()
        await bench.until(lambda: not bench.server.links or len(bench.server.attempts) == 2)
        bench.agent.text(2, "what is my name")
        await bench.ended(2)
        assert bench.troubles() == []
        assert str(bench.sent("conversation.item.create")).count("Ada") == 1
        assert "Hello" not in str(bench.sent("conversation.item.create"))

    run(test, Reply("Hello Ada."), Reply("I do not know."), options=Options(cold=cold))
