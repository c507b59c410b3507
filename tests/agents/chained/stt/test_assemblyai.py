"""AssemblyAI: what is its own. What all transcribers promise is in test_stt_contract."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import Any

import pytest
from assemblyai.streaming.v3 import (
    AsyncStreamingClient,
    StreamingClientOptions,
    StreamingEvents,
    StreamingParameters,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.agents.chained.stt import assemblyai as module
from edge.agents.chained.stt.assemblyai import AssemblyAI
from edge.config import Stt
from edge.core.chain import Fault, Heard, Mark, StageFailed, Standing, Used
from tests.agents.chained.stt.bench import all_of, heard, pcm, pieces, until
from tests.fakes.assemblyai import KEY, FakeAssemblyAI, Faults, Script

WORDS = ((0.4, "turn on"), (0.8, "the light"))


def hears(script: Script, *parts: bytes | Mark | float, server: dict[str, Any] | None = None, **config: Any):
    """What is said of one turn, and the session that it took."""

    async def run():
        async with FakeAssemblyAI(script) as fake:
            for name, value in (server or {}).items():
                setattr(fake, name, value)
            adapter = AssemblyAI("assemblyai", Stt(url=fake.url, **config), KEY)
            items = await all_of(adapter, pieces(*parts))
            await adapter.close()
            return items, fake.sessions[-1]

    return asyncio.run(run())


# --- its turns within ours ---------------------------------------------------------------------------


def test_a_silence_in_our_turn_ends_one_of_its_own():
    script = ((0.4, "turn on"), (7.0, "the light"))
    items, session = hears(script, pcm(8.0))
    assert heard(items)[-1] == Heard("turn on the light", Standing.OVER)
    assert session.log.count("ForceEndpoint") == 1


def test_formatting_that_nobody_asked_for():
    items, _ = hears(WORDS, pcm(1.0), Mark.PAUSED, 0.2, server={"formats": True})
    eager = [item.text for item in heard(items) if item.standing is Standing.EAGER]
    assert eager == ["turn on the light", "Turn on the light."]
    assert heard(items)[-1] == Heard("Turn on the light.", Standing.OVER)


def test_speakers():
    script = ((0.4, "hello"), (7.0, "yes"))
    items, session = hears(script, pcm(8.0), server={"speakers": ["A", "B"]}, speakers=True)
    assert session.params["speaker_labels"] is True
    assert heard(items)[-1].text == "A: hello B: yes"


def test_speakers_that_are_told_apart_late():
    words = [{"start": 0, "end": 9, "confidence": 1.0, "text": "hello", "word_is_final": True, "speaker": "B"}]
    revision = {"turn_order": 0, "speaker_label": "B", "words": words}
    says = {"type": "SpeakerRevision", "revisions": [revision, {"turn_order": 9}, None, {"turn_order": "0"}]}

    async def run():
        async with FakeAssemblyAI(((0.4, "hello"), (7.0, "yes")), speakers=["A"]) as fake:
            adapter = AssemblyAI("assemblyai", Stt(url=fake.url, speakers=True), KEY)

            async def audio():
                async for piece in pieces(pcm(6.5)):
                    yield piece
                await until(lambda: len(fake.sessions[0].audio) > 200_000)
                fake.faults.say = says
                async for piece in pieces(pcm(1.5)):
                    yield piece

            items = await all_of(adapter, audio())
            await adapter.close()
            return heard(items)[-1].text

    assert asyncio.run(run()) == "B: hello A: yes"


# --- pauses ------------------------------------------------------------------------------------------


def test_a_pause_without_words_is_answered_after_a_while(monkeypatch):
    monkeypatch.setattr(module, "SETTLE_S", 0.05)
    items, _ = hears((), pcm(0.5), Mark.PAUSED, 0.3)
    assert [item for item in heard(items) if item.standing is Standing.EAGER] == [Heard("", Standing.EAGER)]


def test_words_that_are_late_are_not_lost(monkeypatch):
    monkeypatch.setattr(module, "SETTLE_S", 0.05)
    items, _ = hears(((0.4, "turn on"),), pcm(0.5), Mark.PAUSED, 0.6, server={"first_s": 0.3})
    eager = [item.text for item in heard(items) if item.standing is Standing.EAGER]
    assert eager[0] == ""
    assert eager[-1] == "turn on"
    assert heard(items)[-1] == Heard("turn on", Standing.OVER)


def test_a_service_that_says_nothing_is_not_taken_for_silence(monkeypatch):
    """Or a stall would be told to the person as "nothing heard"."""
    monkeypatch.setattr(module, "SETTLE_S", 0.02)

    async def run():
        async with FakeAssemblyAI(WORDS) as fake:
            fake.faults.silent = True
            adapter = AssemblyAI("assemblyai", Stt(url=fake.url), KEY)
            items = []

            async def hear():
                async with aclosing(adapter.hear(pieces(pcm(1.0), Mark.PAUSED, 5.0))) as said:
                    async for item in said:
                        items.append(item)  # noqa: PERF401  it does not come to an end

            task = asyncio.create_task(hear())
            await until(lambda: fake.sessions and "ForceEndpoint" in fake.sessions[0].log)
            await asyncio.sleep(0.2)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await adapter.close()
            assert items == []

    asyncio.run(run())


def test_the_service_ends_the_turn_itself():
    async def run():
        async with FakeAssemblyAI(WORDS) as fake:
            adapter = AssemblyAI("assemblyai", Stt(url=fake.url, turns="service", silence_ms=700), KEY)
            assert adapter.ends_turns
            items = await all_of(adapter, pieces(pcm(1.0), Mark.PAUSED, Mark.RESUMED, pcm(3.0), 60.0, pace=0.1))
            await adapter.close()
            assert heard(items)[-1] == Heard("turn on the light", Standing.OVER)
            assert "ForceEndpoint" not in fake.sessions[0].log
            assert fake.sessions[0].terminated

    asyncio.run(run())


# --- what it costs -----------------------------------------------------------------------------------


def test_the_time_of_a_turn_that_was_given_up_is_told_with_the_next_one():
    async def run():
        async with FakeAssemblyAI(WORDS) as fake:
            adapter = AssemblyAI("assemblyai", Stt(url=fake.url), KEY)
            task = asyncio.create_task(all_of(adapter, pieces(pcm(1.0), 60.0)))
            await asyncio.sleep(0.4)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            items = await all_of(adapter, pieces(pcm(1.0)))
            await adapter.close()
            used = [item for item in items if isinstance(item, Used)]
            assert used[0].model == "universal-streaming-english"
            assert sum(item.amounts["audio_seconds"] for item in used) > 0.35

    asyncio.run(run())


@pytest.mark.parametrize("ended", ["closed", "let go"])
def test_what_was_opened_in_vain_is_terminated(ended, monkeypatch):
    async def run():
        async with FakeAssemblyAI(WORDS) as fake:
            if ended == "let go":
                monkeypatch.setattr("edge.agents.chained.sockets.KEEP_S", 0.05)
            adapter = AssemblyAI("assemblyai", Stt(url=fake.url), KEY)
            adapter.prepare()
            await until(lambda: fake.sessions)
            await asyncio.sleep(0.02)
            if ended == "closed":
                await adapter.close()
            await until(lambda: "closed" in fake.sessions[0].log)
            assert fake.sessions[0].log == ["Terminate", "closed"]

    asyncio.run(run())


def test_an_end_that_is_not_confirmed_is_not_waited_for_long(monkeypatch, caplog):
    monkeypatch.setattr(module, "TERMINATION_S", 0.1)

    async def run():
        async with FakeAssemblyAI(WORDS) as fake:
            adapter = AssemblyAI("assemblyai", Stt(url=fake.url), KEY)
            fake.faults.no_termination = True
            items = await all_of(adapter, pieces(pcm(1.0)))
            assert heard(items)[-1].text == "turn on the light"
            await until(lambda: "closed" in fake.sessions[0].log)
            assert fake.sessions[0].terminated
            await adapter.close()

    asyncio.run(run())
    assert "assemblyai_end_not_confirmed" in caplog.text


# --- what goes wrong ---------------------------------------------------------------------------------

ERRORS = [
    (1008, "Unauthorized Connection: Missing Authorization header", Fault.KEY),
    (1008, "Unauthorized Connection: Too many concurrent sessions", Fault.BUSY),
    (1008, "Unauthorized Connection: Insufficient account balance", Fault.QUOTA),
    (4001, "Not Authorized", Fault.KEY),
    (4002, "Insufficient Funds", Fault.QUOTA),
    (4003, "This feature is paid-only", Fault.QUOTA),
    (3009, "Too many concurrent sessions", Fault.BUSY),
    (3006, "User Input Validation Error: speech_model", Fault.REQUEST),
    (3007, "Input Duration Error", Fault.REQUEST),
    (3005, "Server error", Fault.SERVICE),
    (3008, "Session Expired: Maximum session duration exceeded", Fault.SERVICE),
]


@pytest.mark.parametrize(("code", "said", "fault"), ERRORS)
@pytest.mark.parametrize("framed", [True, False])
def test_errors_after_the_handshake(code, said, fault, framed):
    async def run():
        async with FakeAssemblyAI(WORDS) as fake:
            fake.faults = Faults(error=(code, said), silent=not framed)
            adapter = AssemblyAI("assemblyai", Stt(url=fake.url), KEY)
            with pytest.raises(StageFailed) as caught:
                await all_of(adapter, pieces(pcm(1.0), 5.0))
            await adapter.close()
            return caught.value

    failed = asyncio.run(run())
    assert failed.fault is fault
    assert str(failed).startswith("AssemblyAI ")


def test_the_key_is_sent_bare():
    _, session = hears(WORDS, pcm(1.0))
    assert session.headers["Authorization"] == KEY


def test_a_wrong_key_is_told_after_the_handshake():
    async def run():
        async with FakeAssemblyAI(WORDS) as fake:
            adapter = AssemblyAI("eu", Stt(kind="assemblyai", url=fake.url), "wr0ng")
            with pytest.raises(StageFailed) as caught:
                await all_of(adapter, pieces(pcm(1.0), 5.0))
            await adapter.close()
            return caught.value

    failed = asyncio.run(run())
    assert failed.fault is Fault.KEY
    assert "eu_api_key" in str(failed)


def test_a_warning_is_logged_without_its_words(caplog):
    caplog.set_level(logging.WARNING)
    says = {"type": "Warning", "warning_code": 3010, "warning": "you said zebra"}
    items, _ = hears(WORDS, pcm(1.0), server={"faults": Faults(say=says)})
    assert heard(items)[-1].text == "turn on the light"
    assert "code=3010" in caplog.text
    assert "zebra" not in caplog.text


@pytest.mark.parametrize("says", [{"type": "Turn"}, {"type": "Turn", "turn_order": "1", "transcript": ""}])
def test_a_message_that_makes_no_sense(says):
    with pytest.raises(StageFailed, match="cannot be read") as caught:
        hears(WORDS, pcm(1.0), server={"faults": Faults(say=says)})
    assert caught.value.fault is Fault.SERVICE


@pytest.mark.parametrize("silent", [False, True])
def test_a_service_that_leaves_when_it_is_told_to(silent):
    """In form, without saying that it has terminated: all was told, or it has never said a word."""
    server = {"faults": Faults(leaves=True, silent=silent)}
    if silent:
        with pytest.raises(StageFailed, match="ended the session"):
            hears((), pcm(1.0), server=server)
    else:
        assert heard(hears((), pcm(1.0), server=server)[0]) == [Heard("", Standing.OVER)]


@pytest.mark.parametrize("says", [{"type": 5}, {"type": "Heartbeat"}, {}])
def test_messages_that_nobody_needs(says):
    items, _ = hears(WORDS, pcm(1.0), server={"faults": Faults(say=says)})
    assert heard(items)[-1].text == "turn on the light"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["turn_order", "speaker_label"]), inner)
    ),
    max_leaves=4,
)
FIELDS = [
    "turn_order",
    "transcript",
    "end_of_turn",
    "speaker_label",
    "revisions",
    "error",
    "error_code",
    "warning_code",
]


@settings(deadline=None)
@given(
    st.sampled_from(["Begin", "Turn", "SpeakerRevision", "Warning", "Error", "Heartbeat"]),
    st.dictionaries(st.sampled_from(FIELDS), JSON),
)
def test_whatever_comes_is_taken_or_a_failure_of_the_stage(kind, body):
    adapter = AssemblyAI("assemblyai", Stt(), KEY)
    hearing = module._Hearing(None)  # type: ignore[arg-type]  # no line is needed for it
    with suppress(StageFailed):
        adapter._take(hearing, {**body, "type": kind})


# --- the fake ----------------------------------------------------------------------------------------


def test_the_vendors_own_client_gets_on_with_the_fake():
    async def run():
        async with FakeAssemblyAI(WORDS) as fake:
            said: list[Any] = []

            async def note(_client: object, event: Any) -> None:
                said.append(event)

            client = AsyncStreamingClient(StreamingClientOptions(api_host=fake.url, api_key=KEY))
            for event in (StreamingEvents.Turn, StreamingEvents.Termination, StreamingEvents.Error):
                client.on(event, note)
            told = {"sample_rate": 16_000, "speech_model": "whisper-rt", "format_turns": True}
            await client.connect(StreamingParameters.model_validate(told))
            for start in range(0, 32_000, 3200):
                await client.stream(pcm(1.0)[start : start + 3200])
            await client.force_endpoint()
            await client.disconnect(terminate=True)
            return said

    said = asyncio.run(run())
    assert [event.transcript for event in said if event.type == "Turn"][-2:] == [
        "turn on the light",
        "Turn on the light.",
    ]
    assert said[-1].type == "Termination"
