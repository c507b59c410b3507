"""Samples in base64: whole, unpadded, cut and wrong."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.realtime.pcm import Joiner, duration_ms, from_base64, to_base64
from edge.agents.realtime.wire import WireError


@given(st.binary(max_size=400))
def test_round_trip_with_and_without_padding(pcm: bytes) -> None:
    encoded = to_base64(pcm)
    assert encoded == base64.b64encode(pcm).decode()
    assert from_base64(encoded) == pcm
    assert from_base64(encoded.rstrip("=")) == pcm


@pytest.mark.parametrize(
    "encoded",
    ["A", "AAAAA", "=", "====", "AA=A", "A===", "AA==AAAA", "AAAA=", "AA\nAA", "AA A", "AA-_", "äAAA", "AAA\x00"],
)
def test_what_is_no_base64_is_refused(encoded: str) -> None:
    with pytest.raises(WireError):
        from_base64(encoded)


@given(st.text(st.characters(), max_size=12))
def test_any_text_is_audio_or_refused(encoded: str) -> None:
    with suppress(WireError):
        assert isinstance(from_base64(encoded), bytes)


@given(st.lists(st.binary(max_size=9), max_size=12))
def test_samples_split_between_deltas_are_joined(pieces: list[bytes]) -> None:
    joiner, whole = Joiner(), b"".join(pieces)
    joined = [joiner.feed(piece) for piece in pieces]
    assert all(len(piece) % 2 == 0 for piece in joined)
    assert b"".join(joined) == whole[: len(whole) - len(whole) % 2]


@pytest.mark.parametrize(("size", "ms"), [(0, 0), (47, 0), (48, 1), (4799, 99), (4800, 100), (48_000, 1000)])
def test_a_duration_is_never_rounded_up(size: int, ms: int) -> None:
    assert duration_ms(size) == ms
