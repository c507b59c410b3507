"""OpenAI's live transcription: what is its own. What all transcribers promise is in test_stt_contract."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeTranscriptionSessionCreateRequest

from edge.agents.chained.stt import openai_models as models
from edge.agents.chained.stt import openai_wire as wire
from edge.agents.chained.stt.openai import OpenAILive
from edge.agents.chained.stt.outlet import Outlet
from edge.config import Stt
from edge.core.chain import Fault, Heard, Mark, StageFailed, Standing, Used
from tests.agents.chained.stt.bench import all_of, heard, pcm, pieces
from tests.fakes.openai_live import KEY, FakeOpenAILive, Faults, Script, unknown

WORDS = ((0.4, "turn on"), (0.8, "the light"))


def hears(script: Script, *parts: bytes | Mark | float, server: dict[str, Any] | None = None, **config: Any):
    """What is said of one turn, and the session that it took."""

    async def run():
        async with FakeOpenAILive(script) as fake:
            for name, value in (server or {}).items():
                setattr(fake, name, value)
            adapter = OpenAILive("openai", Stt(url=fake.url, **config), KEY)
            items = await all_of(adapter, pieces(*parts))
            await adapter.close()
            return items, fake.sessions[-1] if fake.sessions else None

    return asyncio.run(run())


# --- what it is told ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, {"model": "gpt-live-transcribe"}),
        (
            {"language": "de", "keyterms": ("Köln",), "prompt": "About lamps."},
            {"model": "gpt-live-transcribe", "languages": ["de"], "keywords": ["Köln"], "prompt": "About lamps."},
        ),
        (
            {"model": "gpt-realtime-whisper", "language": "de", "keyterms": ("Köln",), "prompt": "About lamps."},
            {"model": "gpt-realtime-whisper", "language": "de"},
        ),
        (
            {"model": "whisper-1", "url": "wss://box/v1/realtime", "keyterms": ("Köln", "lamp")},
            {"model": "whisper-1", "prompt": "Köln, lamp"},
        ),
    ],
)
def test_the_session(config, told):
    session = wire.session(Stt(**config))
    assert session["audio"]["input"]["transcription"] == told
    assert session["audio"]["input"]["turn_detection"] is None
    assert not unknown(RealtimeTranscriptionSessionCreateRequest.model_validate(session))


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("", "wss://api.openai.com/v1/realtime?intent=transcription"),
        ("https://eu.api.openai.com/v1", "wss://eu.api.openai.com/v1/realtime?intent=transcription"),
        ("ws://box:8000/v1/realtime/", "ws://box:8000/v1/realtime?intent=transcription"),
        ("wss://box/v1/realtime?a=b", "wss://box/v1/realtime?a=b&intent=transcription"),
    ],
)
def test_the_address_is_without_a_model(url, whole):
    assert wire.address(Stt(url=url)) == whole


@pytest.mark.parametrize(
    ("config", "live", "model"),
    [
        ({}, True, "gpt-live-transcribe"),
        ({"model": "gpt-transcribe"}, False, "gpt-transcribe"),
        ({"model": "whisper-1"}, False, "whisper-1"),
        ({"url": "http://box:8000/v1"}, False, "whisper-1"),
        ({"url": "http://box:8000/v1", "model": "Systran/faster-whisper-small"}, False, "Systran/faster-whisper-small"),
        ({"url": "https://eu.api.openai.com/v1", "model": "gpt-live-transcribe"}, True, "gpt-live-transcribe"),
        ({"url": "ws://box:8000/v1/realtime", "model": "whisper-1"}, True, "whisper-1"),
    ],
)
def test_live_or_by_file(config, live, model):
    assert models.is_live(Stt(**config)) is live
    assert models.model_of(Stt(**config)) == model


@settings(deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=20))
def test_no_sample_is_lost_on_the_way_to_the_protocols_rate(sizes):
    resampler = wire.Resampler()
    for _ in range(2):  # after a pause it begins anew
        sent = sum(sizes)
        got = b"".join(resampler.add(bytes(2 * size)) for size in sizes) + resampler.rest()
        assert abs(len(got) / 2 - sent * 1.5) <= 1


def test_the_settings_are_not_waited_for():
    items, session = hears(WORDS, pcm(1.0))
    assert session.log[:2] == ["session.update", "input_audio_buffer.append"]
    assert heard(items)[-1].text == "turn on the light"
    assert session.headers["Authorization"] == f"Bearer {KEY}"
    assert "OpenAI-Beta" not in session.headers


def test_an_own_server_may_want_no_key():
    async def run():
        async with FakeOpenAILive(WORDS) as fake:
            adapter = OpenAILive("box", Stt(kind="openai", url=fake.url), "")
            with pytest.raises(StageFailed, match=r"OpenAI \(box\) refuses the key.*box_api_key"):
                await all_of(adapter, pieces(pcm(1.0)))
            await adapter.close()

    asyncio.run(run())


# --- items -------------------------------------------------------------------------------------------


def test_items_are_in_the_order_in_which_they_began():
    items = wire.Items(commits=2)
    items.begun("b")
    items.more("c", "the ")
    items.more("c", "light")
    assert items.text == "the light"
    items.whole("b", " turn on ")
    assert not items.settled
    items.whole("c", "the lights")
    assert items.settled
    assert items.text == "turn on the lights"


def test_several_commits_make_one_turn():
    script = ((0.4, "turn on"), (1.4, "the light"), (2.4, "please"))
    items, session = hears(
        script, pcm(0.6), Mark.PAUSED, 0.1, Mark.RESUMED, pcm(1.0), Mark.PAUSED, 0.1, Mark.RESUMED, pcm(1.0)
    )
    assert session.log.count("input_audio_buffer.commit") == 3
    eager = [item.text for item in heard(items) if item.standing is Standing.EAGER]
    assert eager == ["turn on", "turn on the light"]
    assert heard(items)[-1] == Heard("turn on the light please", Standing.OVER)


def test_a_pause_is_answered_when_all_commits_are():
    items, _ = hears(
        ((0.4, "turn on"), (0.8, "the light")),
        pcm(0.5), Mark.PAUSED, Mark.RESUMED, pcm(0.5), Mark.PAUSED, 0.5,
        server={"final_s": 0.1},
    )  # fmt: skip
    eager = [item.text for item in heard(items) if item.standing is Standing.EAGER]
    assert eager == ["turn on the light"]


def test_silence_after_a_pause_is_not_paid_for():
    _, session = hears(WORDS, pcm(1.0), Mark.PAUSED, 0.1, bytes(32_000))
    assert session.log.count("input_audio_buffer.commit") == 1


def test_less_than_can_be_transcribed():
    items, session = hears((), pcm(0.09))
    assert items == [Heard("", Standing.OVER)]
    assert "input_audio_buffer.commit" not in session.log


def test_a_commit_that_is_refused_as_empty_held_nothing():
    items, session = hears((), pcm(0.5), Mark.PAUSED, 0.2, server={"least_s": 1.0})
    assert session.log.count("input_audio_buffer.commit") == 1
    assert [item.standing for item in heard(items)] == [Standing.EAGER, Standing.OVER]


# --- what it costs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "amounts"),
    [
        ({"type": "duration", "seconds": 1.5}, {"audio_seconds": 1.5}),
        (
            {"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19,
             "input_token_details": {"audio_tokens": 10, "text_tokens": 4}},
            {"audio_in": 10, "text_in": 4, "text_out": 5},
        ),
        ({"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19},
         {"audio_in": 14, "text_out": 5}),
        ({"type": "tokens", "input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, {}),
    ],
)  # fmt: skip
def test_what_was_used(usage, amounts):
    assert models.amounts(usage) == amounts
    items, _ = hears(WORDS, pcm(1.0), server={"usage": usage})
    assert [item for item in items if isinstance(item, Used)] == [Used("gpt-live-transcribe", amounts)][: len(amounts)]


@pytest.mark.parametrize("nonsense", [None, 5, [], {"seconds": "x", "output_tokens": None, "input_token_details": 3}])
def test_usage_that_cannot_be_read_is_none(nonsense):
    assert models.amounts(nonsense) == {}


# --- the fake ----------------------------------------------------------------------------------------


def test_the_vendors_own_client_gets_on_with_the_fake():
    async def run() -> list[Any]:
        async with FakeOpenAILive(WORDS) as fake:
            sdk = AsyncOpenAI(api_key=KEY, base_url=fake.url.removesuffix("/realtime").replace("ws", "http"))
            async with sdk.realtime.connect(extra_query={"intent": "transcription"}) as connection:
                await connection.send({"type": "session.update", "session": wire.session(Stt())})  # type: ignore[arg-type]  # a plain dict
                await connection.input_audio_buffer.append(audio=wire.append(bytes(48_000))["audio"])
                await connection.input_audio_buffer.commit()
                events: list[Any] = []
                while not events or not events[-1].type.endswith(".completed"):
                    events.append(await connection.recv())
            await sdk.close()
            return events

    events = asyncio.run(run())
    assert [event.type for event in events[:2]] == ["session.created", "session.updated"]
    assert events[-1].transcript == "turn on the light"


# --- what goes wrong ---------------------------------------------------------------------------------

ERRORS = [
    ({"type": "invalid_request_error", "code": "model_not_found", "message": "no such model"}, Fault.REQUEST),
    ({"type": "invalid_request_error", "code": "invalid_api_key", "message": "revoked"}, Fault.KEY),
    ({"type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded it"}, Fault.QUOTA),
    ({"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "slow down"}, Fault.BUSY),
    ({"type": "server_error", "code": "server_error", "message": "oh no"}, Fault.SERVICE),
]


@pytest.mark.parametrize(("error", "fault"), ERRORS)
@pytest.mark.parametrize("where", ["error", "failed"])
def test_errors_within_a_session(error, fault, where):
    with pytest.raises(StageFailed) as caught:
        hears(WORDS, pcm(1.0), Mark.PAUSED, 5.0, server={"faults": Faults(**{where: error})})
    assert caught.value.fault is fault
    assert str(caught.value).startswith("OpenAI ")


def test_a_model_that_is_not_there():
    with pytest.raises(StageFailed, match=r"does not exist\. Look at \[stt\.openai\]") as caught:
        hears(WORDS, pcm(1.0), 5.0, model="gpt-live-transcribe-9", server={})
    assert caught.value.fault is Fault.REQUEST


def test_a_session_that_ends_in_form_is_a_fault_all_the_same():
    with pytest.raises(StageFailed, match="ended the session") as caught:
        hears(WORDS, pcm(1.0), 5.0, server={"faults": Faults(close=(1001, "maximum duration of 60 minutes"))})
    assert caught.value.fault is Fault.SERVICE


@pytest.mark.parametrize(
    "says", ['{"type": "input_audio_buffer.committed"}', "[1]", '"words"', "{", b"\xff\xfe", '{"type": "error"}']
)
def test_messages_that_cannot_be_read(says):
    with pytest.raises(StageFailed) as caught:
        hears(WORDS, pcm(1.0), 5.0, server={"faults": Faults(malformed_at_s=0.1, malformed=says)})
    assert caught.value.fault is Fault.SERVICE


@pytest.mark.parametrize("says", ['{"type": "rate_limits.updated"}', "{}", '{"type": ["a"]}'])
def test_messages_that_nobody_needs(says):
    items, _ = hears(WORDS, pcm(1.0), server={"faults": Faults(malformed_at_s=0.1, malformed=says)})
    assert heard(items)[-1].text == "turn on the light"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["code", "message", "x"]), inner),
    max_leaves=4,
)
TYPES = ["input_audio_buffer.committed", *(f"conversation.item.input_audio_transcription.{end}" for end in
         ("delta", "completed", "failed")), "error", "session.created"]  # fmt: skip


@settings(deadline=None)
@given(
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(["item_id", "delta", "transcript", "usage", "error", "event_id"]), JSON),
)
def test_whatever_comes_is_taken_or_a_failure_of_the_stage(kind, body):
    adapter = OpenAILive("openai", Stt(), KEY)
    hearing = SimpleNamespace(items=wire.Items(), outlet=Outlet(), waited_for=True, last=False)
    with suppress(StageFailed):
        adapter._take(hearing, {**body, "type": kind})  # type: ignore[arg-type]  # no line is needed for it
