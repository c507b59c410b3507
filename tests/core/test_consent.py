"""Only a clear yes of the person, in the turn after the question, lets something happen; once."""

from __future__ import annotations

import pytest

from edge.core.consent import STALE_S, Consent, is_yes

CALL = ("wipe", {"all": True})


@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "yes please",
        "Yeah, sure!",
        "OK, do it.",
        "Please do it, yes.",
        "Ja, bitte.",
        "Oui, d\u2019accord",
        "S\u00ed, claro.",
    ],
)
def test_a_yes(text: str) -> None:
    assert is_yes(text)


@pytest.mark.parametrize(
    "text", ["", "No.", "Yes and no", "yes but not now", "Yes?", "I said yes to him", "yesterday", "don't do it"]
)
def test_no_yes(text: str) -> None:
    assert not is_yes(text)


def test_a_yes_is_good_once_and_in_its_own_turn() -> None:
    consent = Consent()
    assert not consent.take(CALL, 1, 0.0)
    consent.ask(CALL, 1, 0.0)
    assert not consent.take(CALL, 1, 0.0)  # a model that calls again in the same turn
    assert consent.waits(CALL, 2, 1.0)
    consent.heard(2, "yes")
    assert not consent.waits(CALL, 2, 1.0)
    assert not consent.take(CALL, 3, 2.0)
    assert not consent.take(("wipe", {}), 2, 2.0)
    assert consent.take(CALL, 2, 2.0)
    assert not consent.take(CALL, 2, 2.0)


def test_words_of_the_turn_of_the_question_are_no_answer() -> None:
    consent = Consent()
    consent.ask(CALL, 1, 0.0)
    consent.heard(1, "yes")
    assert consent.waits(CALL, 2, 1.0)


def test_anything_else_is_a_no_and_what_is_said_later_does_not_change_it() -> None:
    consent = Consent()
    consent.ask(CALL, 1, 0.0)
    consent.heard(2, "what time is it")
    consent.heard(3, "yes")
    assert not consent.take(CALL, 3, 2.0)
    consent.ask(CALL, 3, 2.0)
    consent.heard(4, "yes")
    consent.heard(4, "no")
    assert consent.take(CALL, 4, 3.0)


def test_a_question_grows_stale() -> None:
    consent = Consent()
    consent.ask(CALL, 1, 0.0)
    consent.heard(2, "yes")
    assert not consent.take(CALL, 2, STALE_S)
