"""Messages between daemon and worker: what is packed comes out again, and nothing absurd is believed."""

from __future__ import annotations

import io
import json
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.local import wire

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.tuples(st.dictionaries(TEXT, JSON, max_size=5), st.binary(max_size=500))


@given(st.lists(MESSAGES, max_size=5))
def test_what_is_packed_comes_out_again(messages: list[tuple[dict[str, object], bytes]]) -> None:
    stream = io.BytesIO(b"".join(wire.pack(head, body) for head, body in messages))
    got = []
    while (message := wire.read(stream.read)) is not None:
        got.append(message)
    assert got == [(json.loads(json.dumps(head)), body) for head, body in messages]


@given(st.binary(max_size=200))
def test_nonsense_is_an_error_of_ours_and_nothing_else(data: bytes) -> None:
    with suppress(wire.WireError, ValueError):
        wire.read(io.BytesIO(data).read)


@pytest.mark.parametrize(("head", "body"), [(wire.MOST_HEAD + 1, 0), (0, wire.MOST_BODY + 1), (2**32 - 1, 2**32 - 1)])
def test_an_absurd_size_is_refused_before_anything_is_read(head: int, body: int) -> None:
    with pytest.raises(wire.WireError, match=f"a message of {head} "):
        wire.sizes(struct.pack(">II", head, body))


def test_the_largest_sizes_are_taken() -> None:
    assert wire.sizes(struct.pack(">II", wire.MOST_HEAD, wire.MOST_BODY)) == (wire.MOST_HEAD, wire.MOST_BODY)


@pytest.mark.parametrize("length", range(8))
def test_the_end_inside_a_prefix_is_the_end(length: int) -> None:
    assert wire.read(io.BytesIO(bytes(length)).read) is None


@pytest.mark.parametrize("head", [b"[]", b"5", b"null", b'"x"'])
def test_a_head_that_is_no_object_is_refused(head: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack(head, b"")
