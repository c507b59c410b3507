"""ElevenLabs: what is said on its sockets and when, whose voice it is, and where HTTP has to do."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from edge.agents.chained import sockets
from edge.agents.chained.tts import elevenlabs_line, warm
from edge.core.chain import Fault, StageFailed
from tests.agents.chained.tts.benches import (
    LONG,
    DialogueBench,
    Dictated,
    ElevenLabsBench,
    Heard,
    HttpBench,
    hear,
    ours,
    quicken,
    run,
    text,
)
from tests.fakes.elevenlabs_contexts import Socket
from tests.waiting import wait_until


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ElevenLabsBench:
    quicken(monkeypatch)
    return ElevenLabsBench()


@pytest.fixture
def dialogue(monkeypatch: pytest.MonkeyPatch) -> DialogueBench:
    quicken(monkeypatch)
    return DialogueBench()


def query(socket: Socket) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(socket.path).query).items()}


def spoken(bench: ElevenLabsBench, *clauses: str, **config: Any) -> Heard:
    """What came of a reply."""
    heard: list[Heard] = []

    async def test(_: object) -> None:
        heard.append(await hear(bench.make(**config), *clauses))

    run(bench, test)
    return heard[0]


# --- what is said ----------------------------------------------------------------------------------------


def test_a_reply_on_the_wire(bench: ElevenLabsBench) -> None:
    spoken(bench, "Yes.", " It is. ", stability=0.3, similarity=0.9, style=0.2, speed=1.1)
    [socket] = bench.server.sockets
    settings = {"stability": 0.3, "similarity_boost": 0.9, "style": 0.2, "speed": 1.1}
    assert socket.received == [
        {"text": " ", "context_id": "reply-1", "voice_settings": settings},
        {"text": "Yes. ", "context_id": "reply-1", "flush": True},
        {"text": "It is. ", "context_id": "reply-1", "flush": True},
        {"context_id": "reply-1", "flush": True},
        {"context_id": "reply-1", "close_context": True},
        {"close_socket": True},
    ]
    assert query(socket) == {
        "model_id": "eleven_flash_v2_5", "output_format": "pcm_24000", "sync_alignment": "true",
        "auto_mode": "true", "inactivity_timeout": "60",
    }  # fmt: skip
    assert "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/multi-stream-input" in socket.path


def test_the_language_is_told_to_models_that_take_it(bench: ElevenLabsBench) -> None:
    spoken(bench, "Ja.", language="de")
    assert query(bench.server.sockets[0])["language_code"] == "de"


def test_the_language_is_not_told_to_multilingual_v2(bench: ElevenLabsBench) -> None:
    spoken(bench, "Ja.", language="de", model="eleven_multilingual_v2")
    assert "language_code" not in query(bench.server.sockets[0])


@pytest.mark.parametrize(("asked", "spoken_at"), [(0.25, 0.7), (4.0, 1.2)])
def test_speed_is_kept_within_what_it_can_do(
    bench: ElevenLabsBench, caplog: pytest.LogCaptureFixture, asked: float, spoken_at: float
) -> None:
    spoken(bench, "Yes.", speed=asked)
    assert bench.server.sent[0]["voice_settings"]["speed"] == spoken_at
    assert f"tts_speed_limited name=elevenlabs asked={asked} speed={spoken_at}" in caplog.text


def test_a_context_is_kept_alive_only_between_its_beginning_and_its_end(bench: ElevenLabsBench) -> None:
    async def test(_: object) -> None:
        given, heard = Dictated(), Heard()
        made = bench.make()
        made.prepare()
        await asyncio.sleep(0.3)
        assert bench.server.sent == []  # the first message fixes a context's settings
        given.give("Yes.")

        async def later() -> None:
            await wait_until(lambda: {"text": "", "context_id": "reply-1"} in bench.server.sent)
            given.give(None)

        task = asyncio.ensure_future(later())
        async with aclosing(made.speak(given.__aiter__())) as items:
            async for item in items:
                heard.add(item)
        await task
        assert bench.server.sent[0]["text"] == " "
        assert bench.server.sent[-1] == {"context_id": "reply-1", "close_context": True}

    run(bench, test)


# --- connections -----------------------------------------------------------------------------------------


def test_replies_share_a_connection_that_is_then_let_go(bench: ElevenLabsBench) -> None:
    async def test(_: object) -> None:
        made = bench.make()
        made.prepare()
        for _ in range(7):
            await hear(made, "Yes.")
        [socket] = bench.server.sockets
        assert socket.most_contexts == 1
        await wait_until(lambda: socket.log[-2:] == ["goodbye", "closed"])
        await hear(made, "Yes.")
        assert len(bench.server.sockets) == 2

    run(bench, test)


def test_preparing_again_keeps_it(bench: ElevenLabsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "REST_S", 0.4)

    async def test(_: object) -> None:
        made = bench.make()
        for _ in range(8):
            made.prepare()
            await asyncio.sleep(0.1)
        assert [socket.log for socket in bench.server.sockets] == [[]]
        await wait_until(lambda: bench.server.sockets[0].log == ["goodbye", "closed"])

    run(bench, test)


def test_a_sixth_reply_gets_another_connection(bench: ElevenLabsBench) -> None:
    async def test(_: object) -> None:
        bench.slow(0.01)
        made = bench.make()
        await asyncio.gather(*(hear(made, LONG) for _ in range(6)))
        assert [socket.most_contexts for socket in bench.server.sockets] == [5, 1]

    run(bench, test)


def test_a_stopped_reply_is_closed_in_the_midst_of_its_sound(bench: ElevenLabsBench) -> None:
    async def test(_: object) -> None:
        bench.slow()
        given = Dictated()
        given.give(LONG)
        items = bench.make().speak(given.__aiter__())
        for _ in range(3):
            await anext(items)
        await items.aclose()
        [socket] = bench.server.sockets
        await wait_until(lambda: "final:reply-1" in socket.log)
        log = [entry.partition(":")[0] for entry in socket.log]
        assert log[:2] == ["begin", "say"]
        assert 2 <= log[: log.index("close")].count("sound") <= 5

    run(bench, test)


def test_an_error_that_names_a_reply_ends_that_one(bench: ElevenLabsBench) -> None:
    async def test(_: object) -> None:
        bench.slow(0.01)
        made = bench.make()
        tasks = [asyncio.ensure_future(hear(made, LONG)) for _ in range(2)]
        await wait_until(lambda: bench.begun() == 2)
        error = {"error": "internal_error", "message": "Sorry.", "code": 1011, "contextId": "reply-1"}
        await bench.server.sockets[0]._connection.send(json.dumps(error))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[0], StageFailed)
        assert results[0].fault is Fault.SERVICE
        assert isinstance(results[1], Heard)
        assert results[1].pcm == bench.expected(LONG)

    run(bench, test)


def test_an_end_before_the_end_of_the_text_is_a_failure(bench: ElevenLabsBench) -> None:
    async def test(_: object) -> None:
        given = Dictated()
        given.give("Yes.")
        items = bench.make().speak(given.__aiter__())
        await anext(items)
        await bench.server.sockets[0]._connection.send(json.dumps({"isFinal": True, "contextId": "reply-1"}))
        with pytest.raises(StageFailed, match="too early"):
            [item async for item in items]

    run(bench, test)


def test_a_connection_that_cannot_be_had_is_asked_for_by_each_that_waits(bench: ElevenLabsBench) -> None:
    async def test(_: object) -> None:
        bench.refuse(503)
        made = bench.make()
        results = await asyncio.gather(*(hear(made, "Yes.") for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [StageFailed] * 3
        assert len(bench.server.handshakes) == 1

    run(bench, test)


def test_a_connection_that_nobody_waits_for_is_not_made(
    bench: ElevenLabsBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "OPEN_S", 15.0)

    async def test(_: object) -> None:
        bench.hang()
        made = bench.make()
        tasks = [asyncio.ensure_future(hear(made, "Yes.")) for _ in range(2)]
        await wait_until(lambda: bench.server.open == 1)
        tasks[0].cancel()
        await asyncio.sleep(0.05)
        assert bench.server.open == 1
        tasks[1].cancel()
        await wait_until(lambda: not ours(), 2)

    run(bench, test)


def test_closing_ends_a_reply_at_once(bench: ElevenLabsBench) -> None:
    async def test(_: object) -> None:
        bench.slow()
        made = bench.make()
        task = asyncio.ensure_future(hear(made, LONG))
        await wait_until(lambda: bench.begun() == 1)
        await made.close()
        with pytest.raises(StageFailed, match="closed"):
            await task

    run(bench, test)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("invalid_api_key", Fault.KEY), ("missing_permissions", Fault.KEY), ("quota_exceeded", Fault.QUOTA),
        ("max_active_conversations", Fault.BUSY), ("too_many_concurrent_requests", Fault.BUSY),
        ("system_busy", Fault.BUSY), ("voice_id_does_not_exist", Fault.REQUEST), ("model_not_found", Fault.REQUEST),
        ("invalid_input_message", Fault.REQUEST), ("internal_error", Fault.SERVICE),
        ("input_timeout_exceeded", Fault.SERVICE),
    ],
)  # fmt: skip
def test_what_its_errors_mean(bench: ElevenLabsBench, error: str, fault: Fault) -> None:
    bench.faults.error = (error, "Sorry.")
    with pytest.raises(StageFailed) as failed:
        spoken(bench, "Yes.")
    assert failed.value.fault is fault


def test_an_empty_account_may_be_told_in_the_handshake(bench: ElevenLabsBench) -> None:
    bench.refuse(401)
    bench.faults.body = '{"detail": {"status": "quota_exceeded", "message": "This request exceeds your quota of 10."}}'
    with pytest.raises(StageFailed, match="billing") as failed:
        spoken(bench, "Yes.")
    assert failed.value.fault is Fault.QUOTA


# --- times -----------------------------------------------------------------------------------------------


def test_a_server_that_tells_no_times_has_its_text_told_all_the_same(bench: ElevenLabsBench) -> None:
    bench.server.aligns = False
    heard = spoken(bench, LONG)
    assert heard.words == "".join(LONG.split())
    assert not any(sound.starts_ms for sound in heard.sounds)
    assert [bool(sound.text) for sound in heard.sounds[:3]] == [False, True, False]


@pytest.mark.parametrize("listed", [False, True])
def test_directions_begin_with_the_word_after_them(dialogue: DialogueBench, listed: bool) -> None:
    dialogue.server.tags_aligned = listed
    heard = spoken(dialogue, "[whispers] Good night.", "Sleep [sighs] well. [yawns]")
    assert heard.words == "[whispers]Goodnight.Sleep[sighs]well.[yawns]"
    assert heard.pcm == dialogue.expected("[whispers] Good night.", "Sleep [sighs] well. [yawns]")


# --- Eleven v3 -------------------------------------------------------------------------------------------


def test_a_dialogue_on_the_wire(dialogue: DialogueBench) -> None:
    spoken(dialogue, "Yes.", language="en")
    [socket] = dialogue.server.sockets
    voice = "JBFqnCBsd6RMkjVDRZzb"
    assert socket.received[:2] == [
        {"context_id": "reply-1", "voices": [voice], "voice_settings": {"stability": 0.5}},
        {"context_id": "reply-1", "inputs": [{"text": "Yes. ", "voice_id": voice}], "flush": True},
    ]
    assert urlsplit(socket.path).path == "/v1/text-to-dialogue/multi-stream-input"
    assert query(socket)["language_code"] == "en"


def test_where_the_socket_is_forbidden_http_does_and_is_remembered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    quicken(monkeypatch)
    bench = HttpBench()

    async def test(_: object) -> None:
        made = bench.make()
        for _ in range(2):
            assert (await hear(made, "Yes.", "No.")).words == "Yes.No."
        made.prepare()
        assert [status for _, status in bench.server.handshakes] == [403]
        body = bench.server.exchanges[0].json
        assert body["model_id"] == "eleven_v3"
        assert body["voice_settings"]["stability"] == 0.5
        assert caplog.text.count("tts_socket_forbidden") == 1
        await wait_until(lambda: bench.server.open == 0)  # an idle connection is let go, too

    run(bench, test)


def test_a_line_that_their_client_cannot_read_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch)
    bench = HttpBench()
    bench.garble()
    assert spoken(bench, LONG).pcm == bench.expected(LONG)


def test_a_reply_nobody_takes_does_not_grow_for_ever(bench: ElevenLabsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elevenlabs_line, "MOST_PIECES", 5)

    async def test(_: object) -> None:
        made = bench.make()
        items = made.speak(text([LONG]))
        await anext(items)
        await wait_until(lambda: "final:reply-1" in bench.server.sockets[0].log)
        with pytest.raises(StageFailed, match="taken"):
            [item async for item in items]

    run(bench, test)
