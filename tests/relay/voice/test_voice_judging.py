"""What frames, sessions and offers are judged by: pure, and held against everything that may come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.realtime.session import FunctionTool, Settings, Transcription, build
from edge.config import Config
from edge.relay.voice import sdp
from edge.relay.voice.calls import multipart, offered
from edge.relay.voice.endings import Ending
from edge.relay.voice.frames import is_audio, kind_of, parsed
from edge.relay.voice.leash import Leash, Money, Warned
from edge.relay.voice.ledger import Prices
from edge.relay.voice.pin import MOST_REASSERTIONS, Drift, Pin
from edge.relay.voice.steward import MOST_CALLS, Steward
from edge.relay.voice.tools import Tools
from tests.relay.voice.talking import OFFER

CLOCK = FunctionTool("get_time", "Tell the time.", {"type": "object", "properties": {}})
SESSION = build(Settings("Be kind.", tools=(CLOCK,), transcription=Transcription()), "gpt-realtime-2.1")
BASE64 = st.text("ABCDEFabcdef0123456789+/=", max_size=40)


# --- frames ------------------------------------------------------------------------------------------


@given(BASE64, st.sampled_from(["", "mine", "a-1_b"]), st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_audio_is_known_however_it_is_written(
    audio: str, event_id: str, first: bool, separators: tuple[str, str]
) -> None:
    named = {"event_id": event_id} if event_id else {}
    event = {"type": "input_audio_buffer.append", **(named if first else {}), "audio": audio, **named}
    assert is_audio(json.dumps(event, separators=separators))


@pytest.mark.parametrize("frame", [
    '{"type":"session.update"}',
    '{"type":"input_audio_buffer.append","audio":"AA","type":"session.update"}',
    '{"type":"input_audio_buffer.append","audio":"AA"},{"type":"session.update"}',
    '{"type":"input_audio_buffer.append","audio":"AA","session":{}}',
    '{"type":"input_audio_buffer.append","audio":"AA","event_id":"x\\",\\"type\\":\\"session.update"}',
    '{"type":"input_audio_buffer.append","event_id":"\\u0022","audio":"AA"}',
    '{"type":"input_audio_buffer.append","audio":"AA"',
    '{"audio":"AA","type":"input_audio_buffer.append"}',
    '[{"type":"input_audio_buffer.append","audio":"AA"}]',
    "",
])  # fmt: skip
def test_nothing_else_counts_as_audio(frame: str) -> None:
    assert not is_audio(frame)


@given(st.text(max_size=60), st.text(max_size=30))
def test_what_counts_as_audio_is_audio_to_every_reader_or_to_none(audio: str, rest: str) -> None:
    frame = '{"type":"input_audio_buffer.append","audio":"' + audio + '"' + rest + "}"
    if is_audio(frame):
        try:
            event = json.loads(frame, object_pairs_hook=list)
        except ValueError:
            return  # the vendor cannot read it either
        assert [key for key, _ in event if key != "event_id"] == ["type", "audio"]


@pytest.mark.parametrize(("frame", "kind"), [
    ('{"type":"response.done","x":1}', "response.done"),
    ('{"type": "response.done"}', "response.done"),
    ('{"event_id":"e1","type":"session.updated"}', "session.updated"),
    ('{"delta":"' + "A" * 500 + '","type":"x"}', None),
    ('{"response":{"type":"message"},"type":"response.done"}', None),
    ('{"item":{"a":1},"type":"x"}', None),
    ("[]", None), ("", None), ("null", None),
])  # fmt: skip
def test_the_type_of_a_servers_event(frame: str, kind: str | None) -> None:
    assert kind_of(frame) == kind


@given(st.text(max_size=100) | st.sampled_from(['{"type":"a","type":"b"}', '{"a":{"b":1,"b":2},"type":"x"}', "NaN"]))
def test_no_frame_breaks_the_reader(frame: str) -> None:
    event = parsed(frame)
    assert event is None or isinstance(event["type"], str)
    is_audio(frame)
    kind_of(frame)


def test_a_key_twice_is_nobodys_event() -> None:
    assert parsed('{"type":"a","session":{"x":1,"x":2}}') is None


# --- pins --------------------------------------------------------------------------------------------


def test_what_a_session_has_become() -> None:
    pin = Pin(SESSION)
    same = json.loads(json.dumps(SESSION))
    assert pin.drift(same) is Drift.NONE
    assert pin.drift({**same, "tools": [{**same["tools"][0], "strict": True}]}) is Drift.NONE
    assert pin.drift({**same, "instructions": "Be kind.\n", "output_modalities": ["text"]}) is Drift.NONE
    assert pin.drift({**same, "instructions": "Be rude."}) is Drift.HARD
    assert pin.drift({**same, "tools": []}) is Drift.HARD
    assert pin.drift({**same, "tools": [*same["tools"], {**same["tools"][0], "name": "other"}]}) is Drift.HARD
    assert pin.drift({**same, "tools": [{**same["tools"][0], "parameters": {}}]}) is Drift.HARD
    assert pin.drift({**same, "prompt": {"id": "p"}}) is Drift.HARD
    assert pin.drift({**same, "tool_choice": "none"}) is Drift.SOFT
    heard = {**same["audio"]["input"], "transcription": {"model": "dear"}}
    assert pin.drift({**same, "audio": {**same["audio"], "input": heard}}) is Drift.SOFT
    assert [pin.reassert() for _ in range(MOST_REASSERTIONS + 1)] == [True] * MOST_REASSERTIONS + [False]


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                    max_leaves=8)  # fmt: skip


KINDS = st.sampled_from(["session.update", "response.create", "conversation.item.create"])


@given(st.fixed_dictionaries({"type": KINDS},
                             optional={"session": JSON, "response": JSON, "item": JSON}))  # fmt: skip
def test_no_event_of_a_client_breaks_the_judge(event: dict[str, Any]) -> None:
    assert isinstance(Pin(SESSION).refusal(event), str)


@given(JSON)
def test_no_session_breaks_the_judge(session: Any) -> None:
    assert Pin(SESSION).drift(session) in Drift


# --- the steward -------------------------------------------------------------------------------------


def steward(**more: Any) -> Steward:
    return Steward(Prices(Config(), "gpt-realtime-2.1"), Pin(SESSION), Tools(Config()), **more)


def done(*calls: str, **more: Any) -> dict[str, Any]:
    output = [{"type": "function_call", "name": name, "call_id": f"c{n}", "arguments": "{}"}
              for n, name in enumerate(calls)]  # fmt: skip
    return {"type": "response.done", "response": {"status": "completed", "output": output, **more}}


def test_tools_of_one_response_are_bounded_and_a_foreign_one_is_never_run() -> None:
    found = steward().handle(done(*["get_time"] * (MOST_CALLS + 3)))
    assert [ok for _, ok in found.ran] == [True] * MOST_CALLS + [False] * 3
    assert [event["type"] for event in found.send].count("response.create") == 1
    foreign = steward().handle(done("get_time", "open_door"))
    assert foreign.ending is not None
    assert (foreign.send, foreign.ran) == ([], [])


def test_what_a_response_cost() -> None:
    usage = {"input_token_details": {"audio_tokens": 1000}, "input_tokens": 1000,
             "output_token_details": {"audio_tokens": 500}, "output_tokens": 500}  # fmt: skip
    bill = steward().handle(done(usage=usage)).bill
    assert bill is not None
    assert bill.tokens == 1500
    assert bill.cost == pytest.approx(0.064)
    assert steward().handle(done()).bill is None


def test_a_cancelled_response_calls_nothing() -> None:
    cancelled = done("get_time")
    cancelled["response"]["status"] = "cancelled"
    assert not steward().handle(cancelled).send


@given(st.fixed_dictionaries({"type": st.sampled_from(sorted(
    ["session.created", "session.updated", "response.done", "conversation.item.added",
     "conversation.item.input_audio_transcription.completed", "input_audio_buffer.committed", "nonsense"]))},
    optional={"session": JSON, "response": JSON, "item": JSON, "usage": JSON}))  # fmt: skip
def test_no_event_of_the_vendor_breaks_the_steward(event: dict[str, Any]) -> None:
    found = steward(is_call=True).handle(event)
    assert found.ending is None or found.ending.code == "changed"


# --- the leash ---------------------------------------------------------------------------------------


def test_time_is_warned_of_once_and_then_over() -> None:
    leash, none = Leash(100.0, 10.0), Money()
    assert leash.next_at == 640.0
    assert leash.look(639.0, none) is None
    warned = leash.look(640.0, none)
    assert isinstance(warned, Warned)
    assert (warned.code, warned.in_s, leash.next_at) == ("time", 60.0, 700.0)
    assert "one minute" in warned.message
    assert leash.look(641.0, none) is None
    ending = leash.look(700.0, none)
    assert isinstance(ending, Ending)
    assert ending.code == "session_expired"


@pytest.mark.parametrize(("money", "code"), [
    (Money(1.0, 2.0, 1.0, 0.0), None), (Money(1.7, 2.0), "money"), (Money(2.0, 2.0), "budget_spent"),
    (Money(0.0, 0.0, 9.0, 10.0), "money"), (Money(0.0, 0.0, 10.0, 10.0), "budget_spent"), (Money(99.0, 0.0), None),
])  # fmt: skip
def test_money(money: Money, code: str | None) -> None:
    found = Leash(0.0, 10.0).look(1.0, money)
    assert (found.code if found is not None else None) == code


# --- offers ------------------------------------------------------------------------------------------


def test_an_offer_of_a_page_is_one() -> None:
    assert sdp.problem(OFFER.encode()) == ""
    assert sdp.problem(OFFER.replace("\r\n", "\n").encode()) == ""


@pytest.mark.parametrize(("body", "words"), [
    (b"", "does not begin"), (b"\xff\xfe", "no text"), (b"v=0\n" * 2000, "too many lines"),
    (b"v=0\r\n" + b"a=" + b"x" * 5000, "no line"), (b"x" * 70_000, "longer"), (b"v=0\r\nhello", "no line"),
    (OFFER.replace("m=application", "m=video").encode(), "'video'"),
    (OFFER.replace("m=audio", "m=application").encode(), "parts of kind audio"),
    ((OFFER + "m=audio 9 X 0\r\n").encode(), "2 parts"),
    (OFFER.replace("a=fingerprint", "a=finger").encode(), "fingerprint"),
    ((OFFER + "a=\x00\r\n").encode(), "no line"),
])  # fmt: skip
def test_what_is_no_offer(body: bytes, words: str) -> None:
    assert words in sdp.problem(body)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: ("v=0\n" + text).encode()))
def test_no_offer_breaks_the_judge(body: bytes) -> None:
    assert sdp.problem(body)


def test_the_offer_in_a_form() -> None:
    kind, body = multipart(OFFER.encode(), b"{}")
    assert offered(kind, body).strip() == OFFER.encode().strip()
