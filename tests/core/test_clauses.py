"""Sentences cut for speech, and what is spoken of them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.clauses import LIMIT, Chunker, speakable


def chunks(text: str, size: int = 1) -> list[str]:
    chunker = Chunker()
    fed = [chunk for at in range(0, len(text), size) for chunk in chunker.feed(text[at : at + size])]
    return fed + chunker.flush()


@pytest.mark.parametrize(
    "sentences",
    [
        ["Hello there.", "How are you?", "Fine!"],
        ["I am Dr. Smith from the U.S. Army, and pi is 3.5.", "Yes."],
        ["See www.example.com.", "It opens at 10:30.", "Good."],
        ["Well... it is so.", "Then it ends..."],
        ["Room no. 5 is J. K. Rowling's, e.g. this one.", "No.", "That is wrong."],
        ['He said "Stop."', "Then he left."],
        ["So do I.", "It rose by 5.", "Then it fell."],
        ["At 5 p.m. we go.", "Mr. and Mrs. Jones vs. St. Paul."],
        ["日本語です。", "次の文です。"],
        ["Really?!", "Yes!!", "(He left.)", "*Good.*", "Bye."],
    ],
)
def test_sentences(sentences):
    # the "Hm." takes the place of the first piece, which alone may be a clause
    assert chunks(" ".join(["Hm.", *sentences])) == ["Hm.", *sentences]


def test_a_list_goes_line_by_line():
    assert chunks("1. Water\n2. Salt\n- Pepper") == ["1. Water", "2. Salt", "- Pepper"]
    assert chunks("1. Boil water. 2. Add salt.")[0] == "1. Boil water."


def test_the_first_piece_may_be_a_clause_and_later_ones_may_not():
    text = "The capital of France, as everyone knows, is Paris. Berlin is the capital of Germany, as everyone knows."
    assert chunks(text) == [
        "The capital of France, as everyone knows,",
        "is Paris.",
        "Berlin is the capital of Germany, as everyone knows.",
    ]
    assert chunks("Well, yes, I think so. Good.") == ["Well, yes, I think so.", "Good."]


def test_a_sentence_is_ready_with_the_first_letter_of_the_next():
    chunker = Chunker()
    assert chunker.feed("It is ten") == []
    assert chunker.feed(". ") == []
    assert chunker.feed("And") == ["It is ten."]
    assert chunker.flush() == ["And"]
    assert chunker.flush() == []


def test_a_flush_begins_a_new_reply():
    chunker = Chunker()
    chunker.feed("Yes. No.")
    chunker.flush()
    assert chunker.feed("The capital of France, as everyone knows, is") == ["The capital of France, as everyone knows,"]


def test_a_text_without_marks_is_cut_at_spaces():
    pieces = chunks("word " * 200)
    assert all(len(piece) <= LIMIT and set(piece.split()) == {"word"} for piece in pieces)
    assert max(map(len, chunks("x" * 1000))) <= LIMIT


def test_code_stays_in_one_piece_and_is_not_spoken():
    pieces = chunks("Here it is:\n```python\nprint('Hi. You.')\n\nprint(2)\n```\nThat is all.")
    assert [speakable(piece) for piece in pieces] == ["Here it is:", "", "That is all."]


def test_a_block_of_code_ends_with_its_fence():
    assert chunks("```print(2)``` Then this.") == ["```print(2)```", "Then this."]


PIECES = st.sampled_from(
    [
        "Dr. ",
        "Hello",
        " world",
        ". ",
        ", ",
        "\n",
        "? ",
        "! ",
        "...",
        "3.5",
        "```",
        "e.g. ",
        "*",
        " ",
        "word ",
        "—",
        "。",
        "1. ",
    ]
)
TEXTS = st.one_of(st.text(max_size=600), st.lists(PIECES, max_size=200).map("".join))


@given(TEXTS, st.integers(1, 50))
def test_nothing_is_lost_and_the_cut_of_the_input_does_not_matter(text, size):
    pieces = chunks(text, size)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert pieces == chunks(text, len(text) or 1)
    assert all(piece == piece.strip() and piece for piece in pieces)
    assert "```" in text or all(len(piece) <= LIMIT for piece in pieces)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("**Bold** and *soft* and __both__ and _one_.", "Bold and soft and both and one."),
        ("# Title", "Title"),
        ("- item one", "item one"),
        ("> quoted", "quoted"),
        ("Use `pip` now.", "Use pip now."),
        ("See [the docs](https://x.org/a?b=c).", "See the docs."),
        ("See https://www.example.com/a/b?c=d for more.", "See example.com for more."),
        ("Great! 😀👍🏽 Yes ✅", "Great! Yes"),
        ("🇫🇷 Paris ❤️.", "Paris."),
        ("2 * 3 is 6, 2**3 is 8, snake_case stays.", "2 * 3 is 6, 2**3 is 8, snake_case stays."),
        ("**3 items** and 5**", "3 items and 5"),
        ("a | b", "a b"),
        ("<b>x</b> < y", "x < y"),
        ("---", ""),
        ("😀", ""),
        ("```\ncode", ""),
        ("It is 20 °C, isn't it?", "It is 20 °C, isn't it?"),
    ],
)
def test_speakable(text, said):
    assert speakable(text) == said


@given(st.text(max_size=500))
def test_speakable_takes_any_text(text):
    assert "```" not in speakable(text)


@pytest.mark.parametrize(
    "text", ["*" * 10_000, "[" * 10_000, "_a" * 5000, "a. " * 3000, "<a" * 5000, "ab" * 5000, "- " * 5000]
)
def test_long_text_takes_bounded_time(text):
    start = time.process_time()
    speakable(text)
    Chunker().feed(text)
    assert time.process_time() - start < 0.5
