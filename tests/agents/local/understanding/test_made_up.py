"""Which transcripts of noise are thrown away."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.local.understanding.made_up import is_hallucination, is_looping
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


@given(st.text(max_size=500))
def test_any_text_is_taken(text):
    is_looping(text)
    is_hallucination(text, score=-0.1, no_speech=0.1, seconds=5)


@pytest.mark.parametrize("text", ["*" * 10_000, "_a" * 5000, "a. " * 3000, "ab" * 5000])
def test_a_long_transcript_takes_bounded_time(text):
    start = time.process_time()
    is_looping(text)
    assert time.process_time() - start < 0.5
