"""Which words of a reply were heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.core.spoken import CUT, Spoken

WORD = st.text("abcdefg", min_size=1, max_size=6)
SENTENCES = st.lists(st.tuples(st.lists(WORD, min_size=1, max_size=8).map(" ".join), st.integers(1, 60)), max_size=6)
TIMED = st.lists(st.tuples(st.text("ab c", min_size=1, max_size=12), st.integers(0, 90)), max_size=8)


def sentences(given: list[tuple[str, int]]) -> Spoken:
    """Sentences of so many tenths of a second."""
    reply = Spoken()
    for text, tenths in given:
        reply.add(tenths / 10, text)
    reply.finish()
    return reply


def letters(given: list[tuple[str, int]], each_ms: int = 50) -> Spoken:
    """Pieces whose letters take so long each, with more sound after them."""
    reply = Spoken()
    for text, more_ms in given:
        reply.add((len(text) * each_ms + more_ms) / 1000, text, tuple(at * each_ms for at in range(len(text))))
    return reply


def words(text: str) -> list[str]:
    return text.removesuffix(CUT).split()


@given(st.one_of(SENTENCES.map(sentences), TIMED.map(letters)), st.integers(0, 40_000), st.integers(0, 5000))
def test_what_was_heard_is_the_beginning_of_what_was_said(reply: Spoken, heard_ms: int, more: int) -> None:
    heard, later = words(reply.heard(heard_ms)), words(reply.heard(heard_ms + more))
    assert reply.text.startswith(" ".join(heard))
    assert len(heard) <= len(later)


@given(st.one_of(SENTENCES.map(sentences), TIMED.map(letters)))
def test_the_two_ends(reply: Spoken) -> None:
    assert reply.heard(0) == ""
    assert reply.heard(round(reply.seconds * 1000) + 1) == reply.text


def test_words_in_proportion() -> None:
    reply = sentences([("one two three four", 40), ("five six", 10)])
    assert reply.heard(2000) == "one two ..."
    assert reply.heard(4000) == "one two three four ..."
    assert reply.heard(4500) == "one two three four five ..."
    assert reply.heard(900) == ""


def test_a_sentence_that_comes_in_pieces_is_one_sentence() -> None:
    reply = sentences([("one two", 10), ("", 10)])
    assert reply.text == "one two"
    assert reply.heard(1000) == "one ..."


def test_with_times_a_word_counts_as_soon_as_it_has_begun() -> None:
    reply = letters([("Hello wor", 0), ("ld. Bye.", 0)])
    assert reply.text == "Hello world. Bye."
    assert reply.heard(1) == "Hello ..."
    assert reply.heard(301) == "Hello wor ..."  # the rest of it is in the next piece, and may never sound
    assert reply.heard(451) == "Hello world. ..."
    assert reply.heard(850) == "Hello world. Bye."


def test_words_whose_sound_has_not_come_yet_were_not_heard() -> None:
    reply = Spoken()
    reply.add(0.1, "one two three four five six seven eight")
    assert reply.heard(90) == ""
    assert reply.heard(500) == "one two ..."
    reply.add(1.9)
    assert reply.heard(500) == "one two ..."
    assert reply.heard(1999) == "one two three four five six seven ..."
    reply.finish()
    assert reply.heard(2000) == reply.text


def test_sound_without_a_word_is_nothing_heard() -> None:
    reply = Spoken()
    reply.add(0.5)
    assert reply.heard(500) == reply.text == ""
