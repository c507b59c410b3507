"""What the daemon's loop does not do twice: waking itself, and setting a timer that stands."""

from __future__ import annotations

import asyncio

from edge.core.events import Pressed, TextGiven
from edge.testing import SimulatedDevice
from tests.test_daemon import bounded


def test_a_deadline_that_stays_keeps_its_timer_and_one_that_moves_gets_another() -> None:
    async def main() -> None:
        async with SimulatedDevice() as device:
            daemon = device.daemon
            daemon._own_timer = True
            daemon.feed(TextGiven("hello"), device.clock.now)
            daemon._arm()
            first = daemon._timer
            daemon._arm()
            assert daemon._timer is first
            daemon.feed(Pressed(), device.clock.now + 1.0)
            daemon._arm()
            assert first is not None
            assert first.cancelled()
            assert daemon._timer is not first

    bounded(main())


def test_what_is_posted_in_the_loop_comes_in_order_and_never_inside_another_event() -> None:
    async def main() -> None:
        async with SimulatedDevice() as device:
            seen: list[object] = []
            device.daemon.feed = lambda event, _now: seen.append(event)  # type: ignore[method-assign,assignment]
            device.daemon.post(Pressed())
            device.daemon.post(TextGiven("hello"))
            assert seen == []
            await asyncio.sleep(0)
            assert seen == [Pressed(), TextGiven("hello")]

    bounded(main())
