"""The ledger against a model that writes down every sample."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.core.playout import KEEP_TURNS, Ledger

SILENCE = 0
handed = st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 30))  # silence?, turns on, samples


def test_silence_is_not_heard_as_speech() -> None:
    """Latency first eats what was handed over last."""
    ledger = Ledger()
    ledger.silence(100)
    ledger.sounded(1, 50)
    ledger.silence(20)
    ledger.sounded(1, 50)
    assert [ledger.heard(1, latency) for latency in (0, 10, 50, 60, 70, 80, 120, 500)] == [
        100, 90, 50, 50, 50, 40, 0, 0,
    ]  # fmt: skip
    assert ledger.handed_over == 220


def test_turns_are_told_apart() -> None:
    """An old reply's samples are not the new one's."""
    ledger = Ledger()
    ledger.sounded(1, 10)
    ledger.sounded(2, 5)
    assert (ledger.heard(1, 5), ledger.heard(2, 5), ledger.heard(3, 0)) == (10, 0, 0)


def test_what_a_device_gives_back_was_not_heard() -> None:
    """A part of a turn, a whole one, and the silence between them."""
    ledger = Ledger()
    ledger.sounded(1, 100)
    ledger.silence(50)
    ledger.sounded(2, 100)
    ledger.rewind(130)
    assert (ledger.heard(1, 0), ledger.heard(2, 0), ledger.handed_over) == (100, 0, 120)
    ledger.rewind(60)
    assert ledger.heard(1, 0) == 60
    ledger.sounded(2, 10)
    assert (ledger.heard(2, 0), ledger.heard(1, 0)) == (10, 60)


def test_old_turns_are_forgotten() -> None:
    """A thousand turns take no more memory than a few."""
    ledger = Ledger()
    for turn in range(1, 1001):
        ledger.sounded(turn, 10)
        ledger.silence(5)
    assert len(vars(ledger)["_segments"]) == KEEP_TURNS + 1
    assert ledger.heard(1, 0) == 0
    assert ledger.heard(1000 - KEEP_TURNS, 0) == 10


@given(st.lists(handed, max_size=40), st.integers(0, 200))
def test_agrees_with_every_sample(parts: list[tuple[bool, int, int]], latency: int) -> None:
    """For each turn that may still be asked for."""
    ledger, timeline, turn = Ledger(), [], 1
    for silent, further, samples in parts:
        if silent:
            ledger.silence(samples)
        else:
            turn += further
            ledger.sounded(turn, samples)
        timeline += [SILENCE if silent else turn] * samples
        at_the_cone = timeline[: max(0, len(timeline) - latency)]
        for asked in range(max(1, turn - KEEP_TURNS), turn + 2):
            assert ledger.heard(asked, latency) == at_the_cone.count(asked)
    assert ledger.handed_over == len(timeline)
