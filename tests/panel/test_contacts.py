"""Buttons, switches and encoders at mock pins: what reaches the loop, and when."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from edge.config import Panel
from edge.panel.contacts import Contact, Encoder
from tests.panel.boards import on_board
from tests.waiting import wait_until

SETTLE = Panel(debounce_ms=30)


class Told:
    """What was told, in which thread."""

    def __init__(self) -> None:
        self.levels: list[int] = []
        self.threads: set[int] = set()

    def __call__(self, level: int) -> None:
        self.levels.append(level)
        self.threads.add(threading.get_ident())


def test_a_press_and_a_release_are_told_in_the_loop() -> None:
    async def test(board: Any) -> None:
        told, pin = Told(), board.pin(17)
        contact = Contact(board, 17, replace(SETTLE, debounce_ms=0), told)
        assert not contact.closed
        await asyncio.to_thread(pin.drive_low)  # as a library's thread would
        await wait_until(lambda: told.levels == [True])
        await asyncio.to_thread(pin.drive_high)
        await wait_until(lambda: told.levels == [True, False])
        assert told.threads == {threading.get_ident()}
        contact.close()

    on_board(test)


def test_bouncing_is_told_once_and_where_it_ends() -> None:
    async def test(board: Any) -> None:
        told, pin = Told(), board.pin(17)
        contact = Contact(board, 17, SETTLE, told)
        for _ in range(7):
            pin.drive_low()
            await asyncio.sleep(0)
            pin.drive_high()
            await asyncio.sleep(0)
        pin.drive_low()
        await asyncio.sleep(0.1)
        assert told.levels == [True]
        pin.drive_high()
        await asyncio.sleep(0)
        pin.drive_low()
        await asyncio.sleep(0.1)
        assert told.levels in ([True], [True, False, True])  # the spike may be seen, but where it ends must be
        assert contact.closed
        contact.close()

    on_board(test)


def test_a_tap_within_the_bouncing_time_is_let_go() -> None:
    async def test(board: Any) -> None:
        told, pin = Told(), board.pin(17)
        contact = Contact(board, 17, SETTLE, told)
        pin.drive_low()
        await asyncio.sleep(0.001)
        pin.drive_high()
        await wait_until(lambda: told.levels == [True, False])
        contact.close()

    on_board(test)


def test_a_wild_pin_wakes_the_loop_once() -> None:
    """An open input near a transmitter gives thousands of edges a second."""

    async def test(board: Any) -> None:
        told, pin, woken = Told(), board.pin(17), []
        loop = asyncio.get_running_loop()
        contact = Contact(board, 17, SETTLE, told)
        usual = loop.call_soon_threadsafe

        def wake(call: Any, *arguments: Any, **how: Any) -> asyncio.Handle:
            woken.append(call)
            return usual(call, *arguments, **how)

        loop.call_soon_threadsafe = wake  # type: ignore[method-assign,assignment]
        for _ in range(1000):
            pin.drive_low()
            pin.drive_high()
        await asyncio.sleep(0)
        assert len(woken) == 1
        contact.close()

    on_board(test)


@pytest.mark.parametrize(
    ("panel", "pull", "high_is_closed"),
    [
        (Panel(), "up", False),
        (Panel(pull="down"), "down", True),
        (Panel(pull="none"), "floating", False),
        (Panel(pull="none", active_high=True), "floating", True),
    ],
)
def test_pull_and_level_are_as_configured(panel: Panel, pull: str, high_is_closed: bool) -> None:
    async def test(board: Any) -> None:
        pin = board.pin(22)
        contact = Contact(board, 22, replace(panel, debounce_ms=0), Told())
        assert pin.pull == pull
        pin.drive_high()
        await asyncio.sleep(0.01)
        assert contact.closed is high_is_closed
        pin.drive_low()
        await asyncio.sleep(0.01)
        assert contact.closed is not high_is_closed
        contact.close()

    on_board(test)


def test_where_a_switch_stands_at_the_start_is_known() -> None:
    async def test(board: Any) -> None:
        first = Contact(board, 22, SETTLE, Told())
        board.pin(22).drive_low()
        first.close()
        pin = board.pin(22)
        pin._set_pull = lambda _value: None  # a closed switch is stronger than the pull
        pin.drive_low()
        told = Told()
        contact = Contact(board, 22, SETTLE, told)
        assert contact.closed
        assert told.levels == []
        contact.close()
        contact.close()

    on_board(test)


def test_nothing_is_told_after_the_end() -> None:
    async def test(board: Any) -> None:
        told, pin = Told(), board.pin(17)
        contact = Contact(board, 17, SETTLE, told)
        pin.drive_low()
        await wait_until(lambda: told.levels == [True])
        await asyncio.sleep(0.05)  # at rest, so that the next edge is on its way at once
        pin.drive_high()
        contact.close()
        await asyncio.sleep(0.06)
        assert told.levels == [True]

    on_board(test)


def turn(board: Any, *, clockwise: bool) -> None:
    """One click: the pins are low one after the other."""
    first, second = (5, 6) if clockwise else (6, 5)
    for pin, low in ((first, True), (second, True), (first, False), (second, False)):
        board.pin(pin).drive_low() if low else board.pin(pin).drive_high()


def test_an_encoder_counts_clicks_both_ways() -> None:
    async def test(board: Any) -> None:
        told = Told()
        encoder = Encoder(board, (5, 6), told)
        assert board.pin(5).pull == "up"
        for clockwise in (True, True, False):
            await asyncio.to_thread(turn, board, clockwise=clockwise)
        await wait_until(lambda: len(told.levels) == 3)
        assert told.levels == [1, 1, -1]
        assert told.threads == {threading.get_ident()}
        encoder.close()
        encoder.close()

    on_board(test)


def test_half_a_click_and_back_is_none() -> None:
    async def test(board: Any) -> None:
        told = Told()
        encoder = Encoder(board, (5, 6), told)
        board.pin(5).drive_low()
        board.pin(5).drive_high()
        await asyncio.sleep(0.01)
        assert told.levels == []
        encoder.close()

    on_board(test)
