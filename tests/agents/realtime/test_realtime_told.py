"""Refusals as the device hears of them: in words, once, and again to who presses."""

from __future__ import annotations

import asyncio
import time

import pytest

from edge.agents.realtime import dialling as dialling_module
from edge.core.conversation import State
from edge.core.events import AgentLost, AgentWarned
from edge.testing import SimulatedDevice
from tests.agents.realtime.bench import Bench, on_device, run
from tests.fakes.realtime.faults import PORTAL, UNAVAILABLE, Refusal, too_many
from tests.fakes.realtime.server import FakeRealtime


def test_the_same_trouble_is_told_once_and_the_loop_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling_module, "PROVEN_S", -1.0)  # the back-off begins anew
    monkeypatch.setattr(dialling_module, "FIRST_S", 0.02)

    def portal(server: FakeRealtime) -> None:
        for _ in range(3):
            server.faults.refuse(PORTAL, times=1)
            server.faults.refuse(UNAVAILABLE, times=1)

    async def test(bench: Bench) -> None:
        await bench.ready()
        assert bench.dialled() == 7
        assert len(bench.of(AgentLost)) == 2  # one of each, not one for each try
        bench.server.faults.refuse(PORTAL, times=2)
        bench.server.faults.drop()
        await bench.ready(2)
        assert len([lost for lost in bench.of(AgentLost) if "login page" in lost.message]) == 2  # another outage

    run(test, before=portal)


@pytest.mark.parametrize("answer", [too_many("30"), UNAVAILABLE])
def test_a_refusal_while_the_device_waits_is_told_once_and_does_not_loop(answer: Refusal) -> None:
    """On the device AgentLost leads to connect, which must not lead to AgentLost."""

    async def test(device: SimulatedDevice, server: FakeRealtime) -> None:
        server.faults.connect_delay = 0.05
        server.faults.refuse(answer)
        server.faults.drop()
        await device.run_until(lambda: not device.daemon.conversation.ready, 20)
        device.press()
        await device.run(0.3)
        assert device.state is State.CONNECTING
        await server.wait_for(lambda: len(server.attempts) == 2)
        await asyncio.sleep(0.2)
        await device.run(0.3)
        assert device.state is State.CONNECTING
        told = device.problems
        assert "The line to the voice service is down" in told[0]
        assert len([problem for problem in told if "connecting again" not in problem]) == 1
        assert ("Trying again in 30 s." in told[-1]) is (answer is not UNAVAILABLE)
        assert len(server.attempts) <= 3
        server.faults.connect_delay = 0.0

    on_device(test)


def test_a_press_is_reminded_of_the_trouble_with_the_seconds_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.agents.realtime.standing.REMIND_S", 0.05)

    async def test(bench: Bench) -> None:
        assert "Trying again in 5 s." in (await bench.lost()).message
        bench.agent.connect()
        bench.agent.connect()
        assert bench.of(AgentWarned) == []  # it has just been told
        await asyncio.sleep(1.1)
        bench.agent.connect()
        bench.agent.connect()
        assert [warned.message.rpartition(". ")[2] for warned in bench.of(AgentWarned)] == ["Trying again in 4 s."]
        assert len(bench.of(AgentLost)) == 1
        assert bench.dialled() == 1

    run(test, before=lambda server: server.faults.refuse(too_many("5")))


def test_a_press_after_the_back_off_has_grown_dials_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling_module, "FIRST_S", 20.0)

    async def test(bench: Bench) -> None:
        await bench.lost()
        await asyncio.sleep(1.05)
        bench.agent.connect()
        await bench.until(lambda: bench.dialled() == 2, 0.5)
        await bench.ready()

    run(test, before=lambda server: server.faults.refuse(UNAVAILABLE, times=1))


def test_closing_takes_no_time_whatever_it_is_at() -> None:
    async def main() -> None:
        async with FakeRealtime() as server:
            for state in ("talking", "frozen", "refused", "opening"):
                server.faults.connect_delay = 5.0 if state == "opening" else 0.0
                bench = Bench(server)
                await bench.agent.open()
                if state != "opening":
                    await bench.ready()
                if state == "frozen":
                    server.faults.freeze()
                if state == "refused":
                    await server.down()
                    server.faults.drop_all()
                    await bench.lost()
                began = time.monotonic()
                await bench.agent.close()
                await bench.agent.close()
                assert time.monotonic() - began < 0.5
                bench.speak(9)  # late, and for nobody
                server.faults.thaw()
                await server.up()
            server.faults.connect_delay = 0.0

    asyncio.run(main())
