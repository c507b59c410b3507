"""The chained engine's answer is in the history when it is made, and is cut when less of it was heard."""

from __future__ import annotations

import pytest

from edge.agents.chained.answering import Answering, Settings
from edge.agents.chained.orders import Order, Think
from edge.core.chain import Sound
from edge.core.history import Exchange, History

RATE = 24_000


class Bench:
    def __init__(self, told: str = "") -> None:
        self.orders: list[Order] = []
        self.history = History()
        settings = Settings("Be brief.", told=lambda most: told[:most])
        self.answering = Answering(self.orders.append, self.history, settings)

    def answer(self, *, early: bool) -> None:
        """A whole one; `early`: it is made before the turn is over."""
        self.answering.begin(1, "why")
        if not early:
            self.answering.release()
        self.answering.thought(1, "Because of the air.")
        self.answering.thought_over(1)
        self.answering.sounded(1, Sound(bytes(2 * RATE), "Because of the air."), RATE)
        self.answering.spoken_over(1)


@pytest.mark.parametrize("early", [True, False])
def test_an_answer_is_kept_when_it_is_made(*, early: bool) -> None:
    bench = Bench()
    bench.answer(early=early)
    if early:
        assert bench.history.exchanges == ()
        bench.answering.release()
    assert bench.history.exchanges == (Exchange("why", "Because of the air."),)
    bench.answering.drop("Because")
    assert bench.history.exchanges == (Exchange("why", "Because"),)


def test_what_nothing_was_heard_of_is_open_again() -> None:
    bench = Bench()
    bench.answer(early=False)
    bench.answering.drop("")
    assert bench.history.exchanges == ()
    assert bench.history.joined("is that") == "why is that"


def test_what_is_known_of_the_person_stands_behind_the_instructions() -> None:
    asked = []
    for told in ("My cat is called Tom", ""):
        bench = Bench(told)
        bench.answering.begin(1, "why")
        asked += [order.request.instructions for order in bench.orders if isinstance(order, Think)]
    assert asked == ["Be brief.\n\nMy cat is called Tom", "Be brief."]
