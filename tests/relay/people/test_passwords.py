"""What is kept of a password, and how many are worked on at once."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.relay.people import passwords
from edge.relay.people.passwords import Passwords, hashed, matches
from edge.relay.refused import Refused

GOOD = "correct horse"


@pytest.fixture(scope="module")
def kept() -> str:
    return hashed(GOOD)


def test_it_is_kept_by_a_slow_function_with_its_own_salt(kept: str) -> None:
    assert kept.startswith("scrypt$15$8$3$")
    assert GOOD not in kept
    assert hashed(GOOD) != kept
    assert matches(GOOD, kept)
    assert not matches(GOOD + " ", kept)


def test_one_that_was_kept_at_another_cost_still_fits(monkeypatch: pytest.MonkeyPatch, kept: str) -> None:
    monkeypatch.setattr(passwords, "COST", 4)
    assert matches(GOOD, kept)
    assert matches(GOOD, hashed(GOOD))


@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_a_password_fits_itself_alone(password: str, other: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "COST", 2)
        found = hashed(password)
    assert matches(password, found)
    assert matches(other, found) is (other == password)


def test_nobodys_password_takes_as_long_as_somebodys(monkeypatch: pytest.MonkeyPatch, kept: str) -> None:
    """Whether there is somebody of a name cannot be told by the time: the same work is done."""
    worked: list[str] = []

    def counted(password: str, against: str) -> bool:
        worked.append("$".join(against.split("$")[:4]))
        return matches(password, against)

    monkeypatch.setattr(passwords, "matches", counted)
    checks = Passwords()

    async def main() -> list[bool]:
        return [await checks.fits(GOOD, kept), await checks.fits(GOOD, None)]

    assert asyncio.run(main()) == [True, False]
    assert worked == ["scrypt$15$8$3"] * 2


def test_a_crowd_is_refused_and_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = most = 0
    lock = threading.Lock()

    def slow(password: str, _: str) -> bool:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02)
        with lock:
            at_once -= 1
        return bool(password)

    monkeypatch.setattr(passwords, "matches", slow)
    checks = Passwords()

    async def main() -> list[object]:
        return await asyncio.gather(*(checks.fits("x", "y") for _ in range(30)), return_exceptions=True)

    found = asyncio.run(main())
    refused = [one for one in found if isinstance(one, Refused)]
    assert most == passwords.AT_ONCE
    assert len(refused) == 30 - passwords.MOST_WAITING
    assert {(one.status, one.code) for one in refused} == {(503, "busy")}
    assert found.count(True) == passwords.MOST_WAITING
