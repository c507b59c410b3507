"""When a service that has failed is asked again."""

from __future__ import annotations

import random

import pytest

from edge.core.breaker import CEILING_S, FIRST_REFUSED_S, FIRST_S, REFUSALS, Breaker
from edge.core.chain import Fault, StageFailed
from edge.core.retry import Backoff


def breaker() -> Breaker:
    return Breaker(Backoff(FIRST_S, CEILING_S, random.Random(1)))


def test_it_is_asked_until_it_fails_and_again_after_a_while() -> None:
    found = breaker()
    assert found.allows(0.0)
    found.failed(100.0, Fault.SERVICE, "It is down.")
    assert (found.allows(100.0), found.problem) == (False, "It is down.")
    assert found.allows(100.0 + FIRST_S)
    found.worked()
    assert (found.allows(0.0), found.problem) == (True, "")


def test_the_wait_grows_and_a_service_that_asks_for_more_gets_it() -> None:
    found = breaker()
    waits = []
    for _ in range(20):
        found.failed(0.0, Fault.NETWORK, "")
        waits.append(found.until)
    assert max(waits) > FIRST_S
    assert max(waits) <= CEILING_S
    found.failed(0.0, Fault.BUSY, "", retry_after=500.0)
    assert found.until == 500.0


@pytest.mark.parametrize("fault", sorted(REFUSALS))
def test_what_only_a_person_can_mend_is_left_alone_for_longer(fault: Fault) -> None:
    found = Breaker()
    found.failed(0.0, fault, "")
    assert found.until >= FIRST_REFUSED_S / 10


@pytest.mark.parametrize("fault", list(Fault))
def test_a_failure_says_whether_trying_again_can_help(fault: Fault) -> None:
    assert StageFailed("No.", fault).retryable is (fault not in REFUSALS)
