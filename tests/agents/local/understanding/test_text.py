"""Sentences cut for speech, what is spoken of them, and which transcripts of noise are thrown away."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.local.understanding.text import LIMIT, Chunker, is_hallucination, is_looping, speakable
from tests.agents.local.understanding.transcripts import HEARD


@pytest.mark.parametrize(("text", "score", "no_speech", "seconds", "keep"), [row[1:] for row in HEARD])
def test_measured_transcripts(text, score, no_speech, seconds, keep):
    assert is_hallucination(text, score=score, no_speech=no_speech, seconds=seconds) is not keep


def test_every_noise_is_thrown_away_and_all_words_are_kept():
    assert not any(keep for name, *_, keep in HEARD if name.startswith("noise/"))
    assert all(keep for name, *_, keep in HEARD if not name.startswith(("noise/", "turns/bc_")))


@pytest.mark.parametrize(
    ("text", "score", "no_speech", "seconds", "thrown"),
    [
        ("", -0.1, 0.0, 1.0, True),
        ("...", -0.1, 0.0, 1.0, True),
        ("[Music]", -0.2, 0.1, 3.0, True),
        ("(applause)", -0.2, 0.1, 3.0, True),
        ("you", -0.9, 0.9, 1.0, True),  # digital silence
        ("Thank you.", -0.3, 0.8, 1.0, True),
        ("Thank you.", -0.3, 0.1, 1.0, False),
        ("Thanks for watching!", -0.8, 0.2, 2.0, True),
        ("Stop. Stop. Stop.", -0.5, 0.1, 2.0, False),
        ("No, no, no, no!", -0.4, 0.1, 2.0, False),
        ("Set a timer for ten minutes, please, and then tell me a very long story.", -0.2, 0.0, 0.5, True),
        ("Yes.", -0.6, 0.3, 0.4, False),
        ("mute", -1.47, 0.15, 1.3, False),
        ("5", -1.51, 0.21, 1.3, False),
        ("mute", -1.9, 0.15, 1.3, True),
        ("stop", -1.5, 0.7, 1.3, True),
    ],
)
def test_rules_of_thumb(text, score, no_speech, seconds, thrown):
    assert is_hallucination(text, score=score, no_speech=no_speech, seconds=seconds) is thrown


@pytest.mark.parametrize(
    "text",
    ["A" + "H" * 80, "ha" * 20, "no " * 12, "I'll see you. " * 6, "It is the belief, " * 4 + "yes", "the end of " * 9],
)
def test_loops(text):
    assert is_looping(text)


@pytest.mark.parametrize(
    "text",
    [
        "stop stop stop", "No! No! No! No!", "belief, belief", "10000000000 plus 1", "ten plus ten plus ten plus ten",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
        "If the reader will excuse me, I will say nothing of my antecedents, nor of the circumstances",
        "row row row your boat gently down the stream", "",
    ],
)  # fmt: skip
def test_no_loops(text):
    assert not is_looping(text)


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
def test_speakable_and_looping_take_any_text(text):
    assert "```" not in speakable(text)
    is_looping(text)
    is_hallucination(text, score=-0.1, no_speech=0.1, seconds=5)


@pytest.mark.parametrize(
    "text", ["*" * 10_000, "[" * 10_000, "_a" * 5000, "a. " * 3000, "<a" * 5000, "ab" * 5000, "- " * 5000]
)
def test_long_text_takes_bounded_time(text):
    start = time.process_time()
    speakable(text)
    is_looping(text)
    Chunker().feed(text)
    assert time.process_time() - start < 0.5
