"""One answer: held back until the turn is over, and which words of it were heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.agents.local.answer import Answer
from edge.core.events import Event, ReplyAudio, ReplyEnded, ReplyText

WORD = st.text("abcdefg", min_size=1, max_size=6)
SENTENCES = st.lists(st.tuples(st.lists(WORD, min_size=1, max_size=8).map(" ".join), st.integers(1, 60)), max_size=6)


def answer(sentences: list[tuple[str, int]]) -> tuple[Answer, list[Event]]:
    """Sentences of so many tenths of a second."""
    events: list[Event] = []
    made = Answer(1, events.append)
    for text, tenths in sentences:
        made.sound(text, bytes(2 * 100 * tenths), 1000)
    return made, events


@given(SENTENCES, st.integers(0, 40_000))
def test_what_was_heard_is_the_beginning_of_what_was_said(sentences: list[tuple[str, int]], heard_ms: int) -> None:
    made, _ = answer(sentences)
    heard = made.heard(heard_ms).removesuffix(" ...").split()
    assert made.all_text().split()[: len(heard)] == heard


@given(SENTENCES, st.integers(0, 40_000), st.integers(0, 5000))
def test_more_time_is_never_fewer_words(sentences: list[tuple[str, int]], heard_ms: int, more: int) -> None:
    made, _ = answer(sentences)
    count = [len(made.heard(ms).removesuffix(" ...").split()) for ms in (heard_ms, heard_ms + more)]
    assert count[0] <= count[1]


@given(SENTENCES)
def test_the_two_ends(sentences: list[tuple[str, int]]) -> None:
    made, _ = answer(sentences)
    assert made.heard(0) == ""
    total = sum(seconds for _, seconds in made.spoken)
    assert made.heard(round(total * 1000) + 1) == made.all_text()


def test_words_in_proportion() -> None:
    made, _ = answer([("one two three four", 40), ("five six", 10)])
    assert made.heard(2000) == "one two ..."
    assert made.heard(4000) == "one two three four ..."
    assert made.heard(4500) == "one two three four five ..."
    assert made.heard(900) == ""


def test_a_sentence_that_comes_in_pieces_is_one_sentence() -> None:
    made, _ = answer([("one two", 10), ("one two", 10)])
    assert made.all_text() == "one two"
    assert made.heard(1000) == "one ..."


def test_nothing_gets_out_before_the_turn_is_over_and_then_in_order() -> None:
    made, events = answer([("one", 1)])
    made.emit(ReplyText(1, "one"))
    assert events == []
    made.release()
    made.release()
    made.emit(ReplyEnded(1))
    assert events == [ReplyAudio(1, bytes(200), 1000), ReplyText(1, "one"), ReplyEnded(1)]
