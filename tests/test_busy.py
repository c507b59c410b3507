"""Lost sound is a fault unless the machine really had no time."""

from __future__ import annotations

import threading

import pytest

from tests import busy


def test_the_first_whole_one_counts() -> None:
    tries = iter([1, 2, 3])
    assert busy.whole(lambda: next(tries), lambda number: number < 2) == 2


@pytest.mark.parametrize(
    ("busy_s", "outcome"), [(1e9, pytest.fail.Exception), (-1.0, pytest.skip.Exception)], ids=["calm", "busy"]
)
def test_lost_each_time(monkeypatch: pytest.MonkeyPatch, busy_s: float, outcome: type[BaseException]) -> None:
    monkeypatch.setattr(busy, "BUSY_S", busy_s)
    tries: list[int] = []
    with pytest.raises(outcome):
        busy.whole(lambda: tries.append(1), lambda _: True)
    assert len(tries) == busy.TRIES


def test_the_sleeper_wakes_later_than_it_asked_for() -> None:
    """By microseconds at least, on any machine."""
    with busy.Sleeper() as sleeper:
        threading.Event().wait(10 * busy.NAP_S)
    assert sleeper.latest > 0
