"""What the device is told of the engine, and how often."""

from __future__ import annotations

from edge.agents.realtime.standing import REMIND_S, Standing
from edge.core.events import AgentLost, AgentReady, AgentWarned, Event


class Desk:
    """A standing on a clock that is set."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[Event] = []
        self.standing = Standing(self.told.append, lambda: self.now)

    def take(self) -> list[Event]:
        told, self.told[:] = [*self.told], []
        return told


def test_readiness_is_told_once() -> None:
    desk = Desk()
    desk.standing.came(ends_turns=True)
    desk.standing.came(ends_turns=True)
    assert desk.take() == [AgentReady(ends_turns=True)]
    assert desk.standing.ready


def test_troubles_that_take_turns_are_told_once_each() -> None:
    desk = Desk()
    for _ in range(100):
        for trouble in ("no network", "no name"):
            desk.standing.lost(trouble, retryable=True)
    assert desk.take() == [AgentLost("no network", retryable=True), AgentLost("no name", retryable=True)]
    assert desk.standing.problem == "no name"
    assert not desk.standing.ready


def test_the_next_outage_is_another_one() -> None:
    desk = Desk()
    desk.standing.lost("no network", retryable=True)
    desk.standing.came(ends_turns=False)
    desk.take()
    assert desk.standing.problem == ""
    desk.standing.lost("no network", retryable=True)
    assert desk.take() == [AgentLost("no network", retryable=True)]


def test_who_was_ready_is_told_in_any_case() -> None:
    desk = Desk()
    desk.standing.came(ends_turns=False)
    desk.standing.lost("down", retryable=True)
    desk.standing.lost("down", retryable=True)
    assert desk.take()[1:] == [AgentLost("down", retryable=True)]


def test_what_a_person_has_to_mend_is_told_at_every_try() -> None:
    desk = Desk()
    for _ in range(3):
        desk.standing.lost("wrong key", retryable=False)
    assert desk.take() == [AgentLost("wrong key", retryable=False)] * 3


def test_the_wait_is_in_the_words_and_does_not_make_another_trouble() -> None:
    desk = Desk()
    desk.standing.lost("too many.", retryable=True, wait=30)
    desk.standing.lost("too many.", retryable=True, wait=29)
    desk.standing.lost("away.", retryable=True, wait=0.4)
    assert [str(event.message) for event in desk.take() if isinstance(event, AgentLost)] == [
        "too many. Trying again in 30 s.",
        "away.",
    ]


def test_a_reminder_is_no_news() -> None:
    desk = Desk()
    desk.standing.remind(10)  # there is no trouble
    desk.standing.lost("too many.", retryable=True, wait=30)
    desk.take()
    desk.standing.remind(30)
    assert desk.take() == []  # it has just been told
    desk.now += REMIND_S + 0.1
    desk.standing.remind(28.9)
    desk.standing.remind(28.9)
    assert desk.take() == [AgentWarned("too many. Trying again in 29 s.")]
    desk.standing.came(ends_turns=False)
    desk.take()
    desk.now += 10
    desk.standing.remind(0)
    assert desk.take() == []
