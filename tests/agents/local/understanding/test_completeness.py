"""Whether the words so far are all: what Whisper wrote at pauses of the recordings, and what people say to a device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.local.understanding.commands import ASK_DURATION
from edge.agents.local.understanding.completeness import (
    CERTAIN,
    IMPOSSIBLE,
    LIKELY,
    OPEN,
    UNKNOWN,
    completeness,
    judged,
)
from edge.agents.local.understanding.meaning import Context

NOTHING = Context()

UNFINISHED = [
    # read at pauses inside the recordings
    "When a man looks for something beyond his reach,", "And so my fellow Americans ask not",
    "And so my fellow Americans ask", "If the reader will excuse me.", "8 of spades, 4 of...",
    "I'm playing a single hand in what?", "Unless to be rather cold-hearted and rather self.",
    # articles, conjunctions, prepositions, fillers
    "I want to", "I want to.", "Turn on the", "Turn on the.", "What's the weather in", "Set a timer for.",
    "Tell me a joke and", "Tell me a joke, and.", "Play something by", "Remind me to buy milk and", "Um",
    "Can you, um", "How far is it from here to...", "What is the capital of?", "How many people are there in the",
    # nothing yet to be done
    "Can you tell", "Can you tell me the", "I want", "I need", "What is", "What is?", "How do I make", "Where are",
    "Could you please set", "I would like", "I think", "Can you tell me?", "Give me", "What should I?", "How do you?",
    "What is the weather like in?", "What is 23 times?", "What's five plus?",
    # a number, and its unit to come
    "Set the timer called eggs and bread for twenty", "It takes you by 5",
]  # fmt: skip
OPEN_ONES = ["1, 2", "1,0001", "90210", "Please.", "Okay, so", "Twenty five"]
FINISHED = [
    "Turn on the living room lamp.", "Go forward 10 meters.", "What time is it?", "Set a timer for five minutes.",
    "Set a timer for 5 minutes", "What's 2 plus 3?", "Stop.", "stop", "Thank you.", "Yes.", "No, thanks.", "Okay",
    "Where is it from?", "What is it for?", "Who is it by?", "How tall is the Eiffel Tower?", "Is it going to rain?",
    "Tell me a joke.", "Alexa, tell me a joke.", "Explain how a transistor works.", "Set the volume to 5.",
    "I said it twice. What is the capital of France?", "Never mind.", "Can you hear me?",
    "How are you?", "What are they?", "What is it made of?",
]  # fmt: skip
WITHOUT_OPINION = [
    "", "...", "Alexa.", "Hey computer", "Hello.",
    "The child almost hurt.", "Ten of clubs.", "I'm Abigail Claflin.", "He might even have been made.",
    "I'm playing a single hand in what looks like a losing game.", "Yes I can.", "I know what it is.",
    "When a man looks for something beyond his reach, his friends say he's looking for the pot of gold.",
]  # fmt: skip


@pytest.mark.parametrize("text", UNFINISHED)
def test_more_is_to_come(text: str) -> None:
    assert judged(text, NOTHING) < OPEN


@pytest.mark.parametrize("text", OPEN_ONES)
def test_more_may_well_come(text: str) -> None:
    """Digits are read out in groups, and a courtesy comes before what is wanted."""
    assert judged(text, NOTHING) == OPEN


@pytest.mark.parametrize("text", FINISHED)
def test_that_was_all(text: str) -> None:
    assert judged(text, NOTHING) >= LIKELY


@pytest.mark.parametrize("text", WITHOUT_OPINION)
def test_a_statement_may_go_on_or_not(text: str) -> None:
    """Half of one often is one, and Whisper ends both with a full stop."""
    assert judged(text, NOTHING) == UNKNOWN


def test_a_command_that_would_only_be_asked_about_is_not_complete() -> None:
    """What would be asked for may just be coming: "set a timer ... for five minutes"."""
    assert judged("Set a timer.", NOTHING) < CERTAIN
    assert judged("Set a timer.", NOTHING) == completeness("Set a timer.")


def test_an_answer_to_the_devices_own_question_is_complete() -> None:
    assert judged("Five minutes.", Context(last_reply=ASK_DURATION)) == CERTAIN
    assert judged("Five minutes.", NOTHING) < CERTAIN


def test_an_open_end_is_no_command_however_well_it_is_known() -> None:
    """Rules with room for a name take half a sentence, too."""
    assert completeness("remind me to buy the", command=True) == IMPOSSIBLE
    assert completeness("remind me to buy milk", command=True) == CERTAIN


@given(st.text(max_size=400))
def test_any_text_has_a_probability(text: str) -> None:
    assert 0.0 <= judged(text, NOTHING) <= 1.0
