"""Bytes from the network: any may come, and only events or WireErrors come of them."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.agents.realtime import events as ev
from edge.agents.realtime.wire import MOST_FRAME, READERS, WireError, decode
from tests.agents.realtime.samples import SAMPLES, frame

MIB = 1 << 20
ODD = st.text(st.characters(), max_size=8) | st.sampled_from(
    ["\ud800", "\udfff\ud800", "a\udc00b", "\x00", "=", "A==="]
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | ODD
JSON = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3), max_leaves=8
)


def survives(raw: str | bytes) -> ev.ServerEvent | None:
    """The event, or None for a WireError; all its texts can be written as UTF-8."""
    try:
        event = decode(raw)
    except WireError as wrong:
        str(wrong).encode()
        return None
    repr(event).encode()
    return event


# --- hostile frames ----------------------------------------------------------------------------------


@given(st.binary(max_size=300) | st.text(st.characters(), max_size=300))
def test_any_bytes_or_text(raw: str | bytes) -> None:
    survives(raw)


@given(JSON)
def test_any_json(value: Any) -> None:
    survives(json.dumps(value))


@settings(suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(READERS)), st.dictionaries(st.sampled_from(
    ["item", "response", "delta", "error", "session", "item_id", "content_index", "rate_limits", "audio_end_ms"]
), JSON))  # fmt: skip
def test_any_values_in_the_fields_of_any_event(kind: str, fields: dict[str, Any]) -> None:
    survives(json.dumps({"type": kind, **fields}))


def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """The path to every value inside."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_sound_event_with_one_value_turned_into_anything(data: st.DataObject) -> None:
    whole = frame(data.draw(st.sampled_from(sorted(SAMPLES))))
    path = data.draw(st.sampled_from(list(places(whole))))
    survives(json.dumps(replaced(whole, path, data.draw(JSON))))


@settings(max_examples=200)
@given(st.data())
def test_a_frame_cut_anywhere_or_with_a_byte_changed(data: st.DataObject) -> None:
    raw = json.dumps(frame(data.draw(st.sampled_from(sorted(SAMPLES))))).encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    survives(raw[:at])
    survives(raw[:at] + data.draw(st.binary(max_size=2)) + raw[at + 1 :])


@pytest.mark.parametrize(
    "raw",
    [
        "", " ", "null", "5", '"x"', "[]", "{}", "{", '{"type": null}', '{"type": 5}', '{"type": ["error"]}',
        b"\xff\xfe", b"\x80", "\ufeff{}", b"\xef\xbb\xbf{}", '{"type": "error"} x',
        "NaN", '{"type": "error", "x": NaN}',
        '{"type": "error", "x": -Infinity}', '{"type": "error", "x": ' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(raw: str | bytes) -> None:
    with pytest.raises(WireError):
        decode(raw)


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"type":"response.done","response":{"output":['])
@pytest.mark.parametrize("size", [10_000, 2 * MIB])
def test_json_of_any_depth_is_refused(opening: str, size: int) -> None:
    with pytest.raises(WireError):
        decode('{"type": "error", "x": ' + opening * (size // len(opening)))
    with pytest.raises(WireError):
        decode(("[" * 100_000 + "]" * 100_000).encode())


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        ("response.output_audio.delta", {}, "delta is missing"),
        ("response.output_audio.delta", {"delta": 5}, "delta is int, not text"),
        ("response.output_audio.delta", {"delta": "AAAA", "item_id": {}}, "item_id is dict, not text"),
        (
            "response.output_audio.delta",
            {"delta": "AAAA", "content_index": True},
            "content_index is bool, not a number",
        ),
        ("response.output_audio.delta", {"delta": "AAAA", "content_index": 2**60}, "content_index is out of range"),
        ("response.done", {}, "response is missing"),
        ("response.done", {"response": []}, "response is missing"),
        ("response.done", {"response": {"output": {}}}, "output is dict, not a list of objects"),
        ("response.done", {"response": {"output": [5]}}, "output is list, not a list of objects"),
        ("conversation.item.added", {"item": "x"}, "item is str, not an object"),
        ("conversation.item.truncated", {"audio_end_ms": "1"}, "audio_end_ms is str, not a number"),
    ],
)
def test_a_wrong_type_is_named_with_its_event_and_without_its_value(kind, fields, says) -> None:
    with pytest.raises(WireError) as caught:
        decode(json.dumps({"type": kind, **fields}))
    assert str(caught.value) == f"{kind}: {says}"


@pytest.mark.parametrize("ms", ["1e999", "-1e999", "9007199254740993", "-9007199254740993"])
def test_a_number_beyond_all_times_is_refused(ms: str) -> None:
    with pytest.raises(WireError, match="audio_end_ms is out of range"):
        decode(f'{{"type": "conversation.item.truncated", "audio_end_ms": {ms}}}')


def test_the_largest_exact_number_is_taken() -> None:
    event = decode('{"type": "conversation.item.truncated", "audio_end_ms": 9007199254740992}')
    assert event == ev.ItemTruncated("", 0, 1 << 53)


def test_milliseconds_in_floats_are_taken() -> None:
    event = decode('{"type": "input_audio_buffer.speech_started", "audio_start_ms": 1234.56}')
    assert event == ev.SpeechStarted("", 1234)


# --- text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("escaped", "read"),
    [(r"\ud83d\ude00", "😀"), (r"a\ud83d", "a�"), (r"\ude00b", "�b"), (r"\ud83d\ud83d\ude00", "�😀"), ("ß", "ß")],
)
def test_lone_surrogates_are_replaced(escaped: str, read: str) -> None:
    event = decode(f'{{"type": "response.output_text.delta", "delta": "{escaped}"}}')
    assert event == ev.TextDelta("", "", 0, read, spoken=False)


@given(st.text(st.characters(), max_size=20))
def test_texts_come_through_as_they_are_or_cleaned(text: str) -> None:
    event = decode(json.dumps({"type": "response.output_text.delta", "delta": text}))
    assert isinstance(event, ev.TextDelta)
    assert event.text == json.loads(json.dumps(text)).encode("utf-16-le", "surrogatepass").decode(
        "utf-16-le", "replace"
    )
    event.text.encode()


# --- size and cost -----------------------------------------------------------------------------------


def delta(encoded: str) -> str:
    return json.dumps({**frame("response.output_audio.delta"), "delta": encoded})


@pytest.mark.parametrize("size", [2 * MIB, 8 * MIB])
def test_a_large_delta_comes_through_whole(size: int) -> None:
    pcm = (bytes(range(256)) * (size // 256))[: size * 3 // 4]
    raw = delta(base64.b64encode(pcm).decode())
    assert len(raw) >= size
    for form in (raw, raw.encode()):
        event = decode(form)
        assert isinstance(event, ev.AudioDelta)
        assert event.pcm == pcm


def test_the_largest_frame_is_taken_and_one_more_is_not() -> None:
    most = '{"type": "x", "y": "' + "a" * (MOST_FRAME - 22) + '"}'
    assert len(most) == MOST_FRAME
    assert decode(most) == ev.Ignored("x")
    for form in (most + " ", (most + " ").encode()):
        with pytest.raises(WireError, match="a frame of 16777217"):
            decode(form)


def test_a_delta_of_100_ms_is_cheap() -> None:
    raw = delta(base64.b64encode(bytes(4800)).decode())

    def cost() -> float:
        start = time.perf_counter()
        for _ in range(200):
            decode(raw)
        return (time.perf_counter() - start) / 200

    assert min(cost() for _ in range(5)) < 0.001  # measured 0.02 ms; a hundredth of real time would be 1 ms
