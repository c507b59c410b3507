"""What a response and a transcription cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.realtime.pricing import cost, heard_cost, tokens
from edge.agents.realtime.usage import HeardUsage, Usage
from edge.config import Price

PRICE = Price(
    text_in=1, text_cached=0.1, text_out=2, audio_in=10, audio_cached=0.2, audio_out=20, image_in=5, image_cached=0.5,
    audio_minute=0.006,
)  # fmt: skip
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("usage", "money"),
    [
        (Usage(), 0),
        (Usage(input_text=MILLION), 1),
        (Usage(input_audio=MILLION), 10),
        (Usage(input_image=MILLION), 5),
        (Usage(output_text=MILLION), 2),
        (Usage(output_audio=MILLION), 20),
        (Usage(input_text=MILLION, cached_text=MILLION), 0.1),
        (Usage(input_audio=MILLION, cached_audio=MILLION // 2), 5.1),
        (Usage(input_image=MILLION, cached_image=MILLION), 0.5),
    ],
)
def test_each_kind_has_its_price(usage: Usage, money: float) -> None:
    assert cost(usage, PRICE) == pytest.approx(money)


TOKENS = st.integers(0, 10**6)


@given(TOKENS, TOKENS, TOKENS, st.data())
def test_the_cache_makes_it_cheaper_and_never_adds(text: int, audio: int, image: int, data: st.DataObject) -> None:
    cached = [data.draw(st.integers(0, most)) for most in (text, audio, image)]
    with_cache, without = Usage(text, audio, image, *cached), Usage(text, audio, image)
    assert 0 <= cost(with_cache, PRICE) <= cost(without, PRICE) + 1e-9


@pytest.mark.parametrize(
    ("usage", "money"),
    [
        (HeardUsage(), 0),
        (HeardUsage(seconds=30), 0.003),
        (HeardUsage(input_text=MILLION), 1),
        (HeardUsage(input_audio=MILLION, output_text=MILLION), 12),
    ],
)
def test_transcription_is_paid_by_the_minute_or_by_tokens(usage: HeardUsage, money: float) -> None:
    assert heard_cost(usage, PRICE) == pytest.approx(money)


def test_tokens_by_kind_leave_out_what_there_was_none_of() -> None:
    assert tokens(Usage(input_text=3, cached_text=1, output_audio=2)) == {
        "input_text": 3, "cached_text": 1, "output_audio": 2,
    }  # fmt: skip
    assert tokens(Usage()) == {}


def test_a_begun_second_counts() -> None:
    assert tokens(HeardUsage(seconds=0.3)) == {"seconds": 1}
    assert tokens(HeardUsage(input_audio=5, output_text=2)) == {"input_audio": 5, "output_text": 2}
