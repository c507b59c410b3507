"""Every event that the vendor's types know is understood or deliberately ignored; old names are understood too."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.agents.realtime import events as ev
from edge.agents.realtime.wire import ALIASES, IGNORED, READERS, decode
from tests.agents.realtime import sdk
from tests.agents.realtime.samples import SAMPLES, frame

GA = sorted(set(READERS) - set(ALIASES))


def test_each_of_the_vendors_events_is_in_exactly_one_table() -> None:
    assert set(sdk.SERVER_EVENTS) == set(READERS) - (set(ALIASES) - set(sdk.SERVER_EVENTS)) | set(IGNORED)
    assert not set(READERS) & set(IGNORED)


def test_the_tables_name_nothing_that_the_vendor_does_not() -> None:
    assert set(GA) <= set(sdk.SERVER_EVENTS)
    assert set(IGNORED) <= set(sdk.SERVER_EVENTS)
    assert all(IGNORED.values())


def test_there_is_a_sample_of_each_kind_we_understand() -> None:
    assert sorted(SAMPLES) == GA


@pytest.mark.parametrize("kind", GA)
def test_a_sample_is_valid_for_the_vendor_and_means_this_to_us(kind: str) -> None:
    text = json.dumps(frame(kind))
    sdk.strict(sdk.SERVER, text)
    assert decode(text) == decode(text.encode()) == SAMPLES[kind][1]


@pytest.mark.parametrize("kind", GA)
def test_fields_that_we_do_not_know_change_nothing(kind: str) -> None:
    assert decode(json.dumps({**frame(kind), "new": {"deep": [1]}, "obfuscation": "x"})) == SAMPLES[kind][1]


@pytest.mark.parametrize("old", sorted(ALIASES))
def test_the_names_of_the_beta_mean_the_same(old: str) -> None:
    new = ALIASES[old]
    assert decode(json.dumps({**frame(new), "type": old})) == SAMPLES[new][1]


def test_the_beta_names_are_all_there() -> None:
    stems = ("response.audio", "response.audio_transcript", "response.text")
    ends = ("delta", "done")
    assert set(ALIASES) == {f"{stem}.{end}" for stem in stems for end in ends} | {"conversation.item.created"}


def test_content_of_the_beta_is_read_as_well() -> None:
    item = {"id": "i", "type": "message", "role": "assistant", "content": [{"type": "audio", "transcript": "Yes."}]}
    event = decode(json.dumps({"type": "conversation.item.created", "item": item}))
    assert isinstance(event, ev.ItemAdded)
    assert event.item.text == "Yes."


@pytest.mark.parametrize("kind", sorted(IGNORED))
def test_what_is_ignored_has_a_reason(kind: str) -> None:
    assert decode(json.dumps({"type": kind})) == ev.Ignored(kind, IGNORED[kind])


def test_what_nobody_knows_is_ignored_without_one() -> None:
    assert decode('{"type": "response.cancelled", "response": 5}') == ev.Ignored("response.cancelled")
    assert decode(json.dumps({"type": "x" * 10_000})) == ev.Ignored("x" * 80)


def test_the_session_tells_when_it_ends() -> None:
    session = {"type": "realtime", "id": "sess_1", "model": "m", "expires_at": 1_800_000_000}
    assert decode(json.dumps({"type": "session.created", "session": session})) == ev.SessionCreated(
        "sess_1", "m", 1_800_000_000
    )


@pytest.mark.parametrize("kind", sorted(sdk.SERVER_EVENTS))
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_whatever_the_vendors_types_allow_is_decoded(kind: str, data: st.DataObject) -> None:
    event = decode(json.dumps(data.draw(sdk.event(sdk.SERVER_EVENTS[kind]))))
    assert isinstance(event, ev.Ignored) == (kind in IGNORED)
