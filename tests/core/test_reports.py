"""The sentences, and what engines' messages are taken for when they say nothing that is known."""

from __future__ import annotations

import pytest

from edge.config.schema import Device
from edge.core.reports import SENTENCES, Problem, problem_of


@pytest.mark.parametrize("language", SENTENCES)
def test_every_problem_has_its_own_short_sentence(language: str) -> None:
    sentences = SENTENCES[language]
    assert set(sentences) == set(Problem)
    assert len(set(sentences.values())) == len(Problem)
    assert all(text.endswith(".") and len(text) < 40 for text in sentences.values())


def test_the_languages_are_those_of_the_configuration() -> None:
    choices = Device.__dataclass_fields__["language"].metadata["choices"]
    assert set(choices) == set(SENTENCES)


def test_words_that_say_nothing_are_a_failure_that_may_pass_or_not() -> None:
    assert problem_of("The model gave no answer.") is Problem.FAILED
    assert problem_of("", retryable=False) is Problem.SETUP


def test_the_most_telling_sign_counts() -> None:
    """A budget that is used up is no matter of the network, whatever else the message says."""
    assert problem_of("Today's budget of 1.00 USD is used up (budget.daily); is there a network?") is Problem.BUDGET
    assert problem_of("OpenAI refuses the key: set a valid one. The voice service hung up.") is Problem.KEY
