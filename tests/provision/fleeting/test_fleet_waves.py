"""Waves and halting: pure, so each case is a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.fleeting.playing import Seen, read_report
from provision.fleeting.update import outcome
from provision.fleeting.updating import Result, roll_out
from provision.fleeting.waves import Candidate, Outcome, Policy, Wave, batches, halted, plan, standing

DUE, GOOD, FAILED, PENDING, NEWER = Outcome.DUE, Outcome.GOOD, Outcome.FAILED, Outcome.PENDING, Outcome.NEWER


def fleet(count: int = 100, canaries: int = 1) -> list[Candidate]:
    return [Candidate(f"d{number:03}", number % 100, number < canaries) for number in range(count)]


def names(waves: Sequence[Wave]) -> list[tuple[str, int]]:
    return [(wave.title, len(wave.names)) for wave in waves]


def test_canaries_go_first_and_the_rest_by_ring() -> None:
    assert names(plan(fleet(), Policy())) == [("canary", 1), ("10 %", 9), ("50 %", 40), ("100 %", 50)]
    assert names(plan(fleet(canaries=3), Policy(waves=(100,)))) == [("canary", 3), ("100 %", 97)]


def test_without_a_canary_the_first_by_ring_is_one() -> None:
    waves = plan([Candidate("b", 7), Candidate("a", 49), Candidate("c", 99)], Policy())
    assert [wave.names for wave in waves] == [("b",), ("a",), ("c",)]
    assert waves[0].canary


@given(st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=60), st.sampled_from([(100,), (10, 50, 100)]))
def test_everybody_is_in_exactly_one_wave(rings: list[tuple[int, bool]], waves: tuple[int, ...]) -> None:
    candidates = [Candidate(str(number), ring, canary) for number, (ring, canary) in enumerate(rings)]
    found = [name for wave in plan(candidates, Policy(waves)) for name in wave.names]
    assert sorted(found) == sorted(one.name for one in candidates)


@pytest.mark.parametrize(
    ("outcomes", "needed", "words"),
    [
        ([GOOD], 1, ""), ([FAILED], 1, "d0 failed"), ([FAILED], 0, "d0 failed"), ([GOOD, FAILED], 1, "d1 failed"),
        ([PENDING], 1, "0 of 1 canaries have it; d0: pending"), ([PENDING], 0, ""), ([GOOD, PENDING], 1, ""),
        ([GOOD, PENDING], 2, "1 of 2 canaries"), ([PENDING, DUE], 1, ""), ([NEWER], 1, ""), ([GOOD], 5, ""),
    ],
)  # fmt: skip
def test_of_the_canaries_none_may_fail_and_enough_must_have_it(
    outcomes: list[Outcome], needed: int, words: str
) -> None:
    members = {f"d{number}": one for number, one in enumerate(outcomes)}
    said = halted(Wave("canary", tuple(members), canary=True), members, Policy(canaries_needed=needed))
    assert (words in said) if words else said == ""


@pytest.mark.parametrize(
    ("good", "failed", "due", "pending", "halts"),
    [
        (19, 1, 0, 0, False), (18, 2, 0, 0, True), (0, 1, 0, 0, True), (0, 0, 0, 9, False),
        (1, 1, 98, 0, False), (9, 1, 90, 0, True), (3, 6, 91, 0, True), (4, 5, 91, 0, False), (0, 0, 5, 0, False),
    ],
)  # fmt: skip
def test_more_than_the_rate_halts(good: int, failed: int, due: int, pending: int, halts: bool) -> None:
    kinds = [GOOD] * good + [FAILED] * failed + [DUE] * due + [PENDING] * pending
    members = {str(number): one for number, one in enumerate(kinds)}
    assert bool(halted(Wave("50 %", tuple(members)), members, Policy())) == halts


def test_batches_are_of_those_that_are_due() -> None:
    members = {"a": DUE, "b": GOOD, "c": DUE, "d": DUE}
    assert batches(Wave("x", tuple(members)), members, Policy(batch=2)) == [("a", "c"), ("d",)]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (None, PENDING), ({}, PENDING), ({"sequence": 0, "state": "none"}, PENDING),
        ({"sequence": 4, "state": "committed"}, DUE), ({"sequence": 5, "state": "committed"}, GOOD),
        ({"sequence": 5, "state": "trial"}, PENDING), ({"sequence": 6, "state": "committed"}, NEWER),
        ({"sequence": 4, "state": "committed", "refused": [5]}, FAILED),
        ({"sequence": 4, "state": "committed", "refused": [3]}, DUE),
    ],
)  # fmt: skip
def test_where_a_device_stands(seen: Mapping[str, object] | None, expected: Outcome) -> None:
    assert standing(5, seen) is expected


# ---- a whole update -----------------------------------------------------------------------------------------------


class Played:
    """Hands: how a device takes it is told beforehand."""

    def __init__(self, bad: Sequence[str] = (), away: Sequence[str] = (), later: Sequence[str] = ()) -> None:
        self.bad, self.away, self.later = bad, away, later
        self.taken: list[str] = []
        self.soaked: list[tuple[str, ...]] = []

    def take(self, names: Sequence[str]) -> dict[str, Outcome]:
        self.taken += names
        return {name: FAILED if name in self.bad else PENDING if name in self.away else GOOD for name in names}

    def soak(self, names: Sequence[str]) -> dict[str, Outcome]:
        self.soaked.append(tuple(names))
        return {name: FAILED if name in self.later else GOOD for name in names}

    def tell(self, text: str) -> None:
        pass


def run(hands: Played, policy: Policy | None = None, count: int = 100, **known: Outcome) -> Result:
    policy = policy or Policy()
    candidates = fleet(count)
    return roll_out(plan(candidates, policy), policy, {one.name: known.get(one.name, DUE) for one in candidates}, hands)


def test_a_good_release_reaches_all_with_a_soak_between_waves() -> None:
    hands = Played()
    result = run(hands)
    assert (result.halted, len(hands.taken), result.waves) == ("", 100, ["canary", "10 %", "50 %", "100 %"])
    assert [len(names) for names in hands.soaked] == [1, 9, 40]  # after the last there is nothing to wait for


def test_a_bad_canary_ends_it() -> None:
    hands = Played(bad=["d000"])
    assert "d000 failed" in run(hands).halted
    assert hands.taken == ["d000"]


def test_one_that_fails_in_the_soak_ends_it_too() -> None:
    hands = Played(later=["d000"])
    result = run(hands)
    assert (result.outcomes["d000"], hands.taken) == (FAILED, ["d000"])
    assert result.halted


def test_a_wave_is_halted_half_way() -> None:
    hands = Played(bad=[f"d{number:03}" for number in range(10, 20)])
    assert "in the wave 50 %" in run(hands, Policy(batch=10)).halted
    assert len(hands.taken) == 20


def test_what_failed_at_an_earlier_run_still_speaks_against_it() -> None:
    hands = Played()
    assert run(hands, d000=FAILED).halted
    assert hands.taken == []


def test_a_second_run_takes_what_was_away_and_nothing_else() -> None:
    first = run(Played(away=["d050"]))
    assert first.outcomes["d050"] is PENDING
    again = Played()
    known: dict[str, Any] = {name: DUE if one is PENDING else one for name, one in first.outcomes.items()}
    second = run(again, **known)
    assert (again.taken, second.halted) == (["d050"], "")


def test_with_all_away_nothing_is_begun() -> None:
    hands = Played()
    result = run(hands, Policy(canaries_needed=0), 3, d000=PENDING, d001=PENDING, d002=PENDING)
    assert (hands.taken, hands.soaked, result.halted) == ([], [], "")


# ---- what one run of Ansible says -----------------------------------------------------------------------------------


def line(what: str, **more: object) -> str:
    return json.dumps({"host": "a", "what": what, "task": "T", "tags": [], "changed": False, **more})


AFTER = {"edge_voice": {"update": {"sequence": 5, "state": "committed"}}}
BEFORE = {"edge_voice": {"update": {"sequence": 4, "state": "committed"}}}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line("ok", **AFTER)], GOOD), ([line("ok", **BEFORE)], FAILED), ([], FAILED),
        ([line("failed", msg="bad", **BEFORE), line("failed", msg="bad")], FAILED),
        ([line("failed", msg="bad", **BEFORE), line("ok", **BEFORE)], FAILED),  # a rescue that hides it
        ([line("failed", msg="talking", not_now=True, **BEFORE), line("failed", msg="talking")], PENDING),
        ([line("unreachable", tags=["copying"])], PENDING), ([line("unreachable")], FAILED),
        ([line("failed", tags=["copying"], msg="no room")], FAILED),
    ],
)  # fmt: skip
def test_only_what_a_device_says_itself_is_good(lines: list[str], expected: Outcome) -> None:
    assert outcome(5, read_report(lines, ["a"])["a"]) is expected


def test_the_first_thing_that_went_wrong_is_told() -> None:
    seen = read_report([line("failed", msg="The service ended."), line("failed", msg="fail: x")], ["a", "b"])
    assert (seen["a"].why, seen["b"]) == ("The service ended.", Seen())
