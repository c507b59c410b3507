"""The text as it was given against the service's list of what it speaks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.agents.chained.tts.aligned import Aligned

TEXT = "Good morning, Ada. It is half past seven. "


def spoken(text: str, *chunks: Sequence[str]) -> tuple[list[tuple[str, tuple[int, ...]]], str]:
    """Each chunk's characters come 10 ms apart."""
    aligned = Aligned()
    aligned.given(text)
    told = [aligned.take(chunk, range(0, 10 * len(chunk), 10)) for chunk in chunks]
    return told, aligned.rest()


def texts(text: str, *chunks: Sequence[str]) -> list[str]:
    told, rest = spoken(text, *chunks)
    return [*(piece for piece, _ in told), rest]


def test_each_character_has_its_time() -> None:
    told, rest = spoken("Yes, so. ", "Yes, so. ")
    assert told == [("Yes, so.", (0, 10, 20, 30, 50, 50, 60, 70))]
    assert rest == " "


def test_a_word_is_told_whole_with_the_piece_that_it_begins_in() -> None:
    assert texts(TEXT, "Good mor", "ning, A", "da. It is") == ["Good morning,", " Ada.", " It is", " half past seven. "]


def test_the_end_of_a_word_that_was_told_is_not_looked_for_further_on() -> None:
    assert texts("Walking to Reading now", "Walk", "ing", " to Reading now") == ["Walking", "", " to Reading now", ""]


def test_a_text_without_spaces_is_not_one_word() -> None:
    text = "今日は朝から晩まで雨が降り続くので傘を忘れずに持って出かけてください。"
    assert texts(text, text[:5], text[5:]) == [text[:5], text[5:], ""]


def test_what_is_left_out_begins_with_what_follows() -> None:
    told, rest = spoken("[whispers] Good \N{BALLOON} night [sighs]", "Good night")
    assert told[0][0] == "[whispers] Good \N{BALLOON} night"
    assert told[0][1][:12] == (0,) * 12
    assert rest == " [sighs]"


def test_directions_begin_with_what_follows_also_when_they_are_listed() -> None:
    text = "[whispers] Good night. [sighs softly] Sleep well. [yawns]"
    assert texts(text, "[whisp", "ers] ", "Good night. [sighs ", "softly] Sleep well. [yawns]") == [
        "",
        "",
        "[whispers] Good night.",
        " [sighs softly] Sleep well.",
        " [yawns]",
    ]


def test_what_only_looks_like_the_beginning_of_a_direction() -> None:
    assert texts("See [1] and [2]. ", "See [", "1] and ", "[2].") == ["See", " [1] and", " [2].", " "]


def test_what_is_read_otherwise_is_caught_up_with() -> None:
    told, rest = spoken("It costs 21 euros today. ", "It costs twenty-one euros today. ")
    assert told[0][0] == "It costs 21 euros today."
    assert rest == " "


def test_what_was_never_given_is_told_to_nobody() -> None:
    assert texts("Yes. ", "Hm, well. ") == ["", "Yes. "]


def test_several_characters_in_one_entry() -> None:
    told, _ = spoken("Ado fi ", ["Ado", " ", "fi"])
    assert told == [("Ado fi", (0, 0, 0, 20, 20, 20))]


def test_times_do_not_run_backwards() -> None:
    aligned = Aligned()
    aligned.given("abc")
    assert aligned.take("abc", [5, 3, 9]) == ("abc", (5, 5, 9))


def test_more_text_may_be_given_at_any_time() -> None:
    aligned = Aligned()
    aligned.given("One. ")
    assert aligned.take("One. ", range(5))[0] == "One."
    aligned.given("Two. ")
    assert aligned.take("Two. ", range(5))[0] == " Two."


@given(st.text(), st.lists(st.text(max_size=12), max_size=8))
def test_whatever_the_service_says_all_is_told_once_and_in_order(text: str, chunks: list[str]) -> None:
    told, rest = spoken(text, *chunks)
    assert "".join(piece for piece, _ in told) + rest == text
    for piece, times in told:
        assert len(times) == len(piece)
        assert list(times) == sorted(times)


@given(st.text(), st.lists(st.integers(0, 40), max_size=6))
def test_a_list_of_all_the_characters_leaves_but_white_space_and_signs(text: str, cuts: list[int]) -> None:
    bounds = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    _, rest = spoken(text, *(text[a:b] for a, b in pairwise(bounds)))
    assert not rest.strip()
