"""When the next session is dialled: on a clock that jumps from one deadline to the next."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from edge.agents.realtime.dialling import CEILING_S, PROVEN_S, WANTED_S, Dialling, Ending
from edge.agents.realtime.refusal import Refused
from edge.core.retry import Backoff
from tests.agents.realtime.timewarp import warped

AWAY = Refused("away", retryable=True)
HERE = Refused("no network", retryable=True, local=True)
FINAL = Refused("wrong key", retryable=False)
Outcome = Ending | Exception | Callable[[], Awaitable[Ending]]


class Calls:
    """Notes when sessions were asked for, and gives them the outcomes in order, the last one for ever."""

    def __init__(self, *outcomes: Outcome, wanted: bool = False, lasts: float = 0.0, seed: int = 1) -> None:
        self.outcomes, self.wanted, self.lasts = list(outcomes), wanted, lasts
        self.at: list[float] = []
        self.told: list[str] = []
        backoff = Backoff(0.2, CEILING_S, random.Random(seed))
        self.dialling = Dialling(
            self.session, lambda refused: self.told.append(str(refused)), lambda: self.wanted, backoff
        )

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def session(self) -> Ending:
        self.at.append(self.now)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        if not isinstance(outcome, Ending):
            return await outcome()
        await asyncio.sleep(self.lasts)
        return outcome

    def gaps(self) -> list[float]:
        return [after - before for before, after in zip(self.at, self.at[1:], strict=False)]


def run(test: Callable[[], Awaitable[None]]) -> None:
    warped(test)


def test_full_jitter_under_a_growing_ceiling() -> None:
    async def test() -> None:
        several = [Calls(AWAY, seed=seed) for seed in range(40)]
        for calls in several:
            calls.dialling.hurry()
        await asyncio.sleep(600)
        for calls in several:
            await calls.dialling.close()
        for nth in range(12):
            top = min(CEILING_S, 0.2 * 2**nth)
            gaps = [calls.gaps()[nth] for calls in several]
            assert all(top / 10 <= gap <= top + 1e-6 for gap in gaps)
            assert min(gaps) < 0.4 * top  # they spread over the whole range
            assert max(gaps) > 0.7 * top

    run(test)


def test_a_press_does_not_wait_for_the_back_off() -> None:
    async def test() -> None:
        calls = Calls(AWAY)
        calls.dialling.hurry()
        await asyncio.sleep(300)
        count, pressed = len(calls.at), calls.now
        while calls.now - calls.at[-1] < 2 * WANTED_S:
            await asyncio.sleep(0.01)
            count, pressed = len(calls.at), calls.now
        calls.dialling.hurry()
        await asyncio.sleep(0.001)
        assert len(calls.at) == count + 1
        assert calls.at[-1] - pressed < 0.001
        await calls.dialling.close()

    run(test)


def test_presses_one_after_the_other_do_not_become_a_storm() -> None:
    async def test() -> None:
        calls = Calls(AWAY)
        calls.dialling.hurry()
        await asyncio.sleep(60)
        before = len(calls.at)
        for _ in range(1000):
            calls.dialling.hurry()
            await asyncio.sleep(0.01)
        assert 9 <= len(calls.at) - before <= 12
        await calls.dialling.close()

    run(test)


def test_a_servers_retry_after_is_kept_whoever_presses() -> None:
    async def test() -> None:
        calls = Calls(Refused("too many", retryable=True, retry_after=20), AWAY)
        calls.dialling.hurry()
        for second in range(19):
            await asyncio.sleep(1)
            calls.dialling.hurry()
            assert calls.dialling.held_off_s == pytest.approx(19 - second, abs=0.1)
        assert len(calls.at) == 1
        await asyncio.sleep(1.5)
        assert calls.gaps()[0] == pytest.approx(20, abs=0.01)
        assert calls.dialling.held_off_s == 0
        await calls.dialling.close()

    run(test)


def test_who_was_sent_away_at_once_does_not_come_back_at_once() -> None:
    """A relay that restarts tells a thousand devices the same Retry-After."""

    async def test() -> None:
        several = [
            Calls(Refused("full", retryable=True, retry_after=5), Ending.RESTED, seed=seed) for seed in range(30)
        ]
        for calls in several:
            calls.dialling.hurry()
        await asyncio.sleep(10)
        gaps = [calls.gaps()[0] for calls in several]
        assert min(gaps) >= 5
        assert max(gaps) - min(gaps) > 0.1
        for calls in several:
            await calls.dialling.close()

    run(test)


@pytest.mark.parametrize(("refused", "wanted"), [(HERE, False), (AWAY, True)])
def test_local_trouble_and_a_waiting_person_are_tried_every_second(refused: Refused, *, wanted: bool) -> None:
    async def test() -> None:
        calls = Calls(refused, wanted=wanted)
        calls.dialling.hurry()
        await asyncio.sleep(300)
        assert max(calls.gaps()) <= WANTED_S + 1e-6
        await calls.dialling.close()

    run(test)


def test_what_only_a_person_can_help_with_waits_for_the_next_press() -> None:
    async def test() -> None:
        calls = Calls(FINAL)
        assert not calls.dialling.trying
        for presses in (1, 2, 3):
            calls.dialling.hurry()
            assert calls.dialling.trying
            await asyncio.sleep(1000)
            assert not calls.dialling.trying
            assert len(calls.at) == len(calls.told) == presses
        await calls.dialling.close()

    run(test)


def test_a_server_that_drops_us_at_once_is_left_in_peace() -> None:
    async def test() -> None:
        calls = Calls(Ending.LOST, lasts=PROVEN_S / 2)
        calls.dialling.hurry()
        await asyncio.sleep(3600)
        assert len(calls.at) < 3600 / 12
        assert calls.told == []
        await calls.dialling.close()

    run(test)


def test_a_session_that_lasted_begins_the_back_off_anew() -> None:
    async def test() -> None:
        calls = Calls(*[AWAY] * 12, Ending.LOST, AWAY, lasts=PROVEN_S + 1)
        calls.dialling.hurry()
        await asyncio.sleep(3600)
        dropped = calls.gaps()[12] - calls.lasts
        assert 0 < dropped <= 0.2
        await calls.dialling.close()

    run(test)


def test_trouble_that_leads_to_hurry_is_no_loop() -> None:
    """The device asks for a session whenever it is told that one is lost in the middle of a turn."""

    async def test() -> None:
        calls = Calls(Ending.LOST, wanted=True)

        async def dropped() -> Ending:
            asyncio.get_running_loop().call_later(0.001, calls.dialling.hurry)
            return Ending.LOST

        calls.outcomes = [dropped]
        calls.dialling.hurry()
        await asyncio.sleep(100)
        assert 100 <= len(calls.at) < 400
        await calls.dialling.close()

    run(test)


def test_an_old_session_is_followed_by_a_new_one_at_once() -> None:
    async def test() -> None:
        calls = Calls(Ending.RENEWED, lasts=3000)
        calls.dialling.hurry()
        await asyncio.sleep(9001)
        assert calls.gaps() == pytest.approx([3000] * 3)
        await calls.dialling.close()

    run(test)


def test_a_line_at_rest_waits_for_a_press() -> None:
    async def test() -> None:
        calls = Calls(Ending.RESTED, lasts=60)
        calls.dialling.hurry()
        await asyncio.sleep(1)
        calls.dialling.hurry()  # while there is a session it says nothing about the next one
        await asyncio.sleep(5000)
        assert len(calls.at) == 1
        assert calls.dialling.trying
        pressed = calls.now
        calls.dialling.hurry()
        await asyncio.sleep(0.001)
        assert calls.at[1:] == pytest.approx([pressed], abs=0.001)
        await calls.dialling.close()

    run(test)


def test_who_comes_while_the_line_is_let_go_is_served() -> None:
    async def test() -> None:
        calls = Calls(Ending.RESTED)

        async def let_go() -> Ending:
            calls.wanted = True
            return Ending.RESTED

        async def stays() -> Ending:
            await asyncio.sleep(1e6)
            return Ending.LOST

        calls.outcomes = [let_go, stays]
        calls.dialling.hurry()
        await asyncio.sleep(1)
        assert len(calls.at) == 2
        await calls.dialling.close()

    run(test)


def test_a_fault_of_our_own_ends_a_session_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        calls = Calls(KeyError("bug"), Ending.RESTED)
        calls.dialling.hurry()
        await asyncio.sleep(1)
        assert len(calls.at) == 2
        assert calls.told == ["The engine has a fault (KeyError); connecting again."]
        await calls.dialling.close()

    run(test)
    assert "realtime_fault" in caplog.text


@pytest.mark.parametrize(
    "outcome", [AWAY, Ending.RESTED, Ending.LOST, Refused("later", retryable=True, retry_after=99)]
)
def test_closed_it_dials_no_more(outcome: Outcome) -> None:
    async def test() -> None:
        calls = Calls(outcome)
        await calls.dialling.close()
        calls.dialling.hurry()
        await asyncio.sleep(100)
        assert calls.at == []
        calls = Calls(outcome)
        calls.dialling.hurry()
        await asyncio.sleep(10)
        await calls.dialling.close()
        await calls.dialling.close()
        count = len(calls.at)
        calls.dialling.hurry()
        await asyncio.sleep(1000)
        assert len(calls.at) == count > 0
        assert not calls.dialling.trying

    run(test)


def test_closing_ends_the_session_that_is_open() -> None:
    async def test() -> None:
        ended = asyncio.Event()

        async def open_for_long() -> Ending:
            try:
                await asyncio.sleep(1e6)
            finally:
                ended.set()
            return Ending.LOST

        calls = Calls(open_for_long)
        calls.dialling.hurry()
        await asyncio.sleep(1)
        await calls.dialling.close()
        assert ended.is_set()

    run(test)
