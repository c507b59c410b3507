"""The Realtime model that reads aloud: what it is told, and what becomes of its own words."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from typing import Any

import pytest

from edge.agents.chained.tts.realtime import RealtimeVoice
from edge.core.chain import Fault, StageFailed
from tests.agents.chained.tts.benches import LONG, Dictated, Heard, RealtimeBench, hear, quicken, run, text
from tests.waiting import wait_until


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> RealtimeBench:
    quicken(monkeypatch)
    return RealtimeBench()


def made(bench: RealtimeBench, **config: Any) -> RealtimeVoice:
    reader = bench.make(**config)
    assert isinstance(reader, RealtimeVoice)
    return reader


def test_what_a_session_and_a_response_are_asked_for(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        await hear(bench.make(voice="cedar", speed=9.0, instructions="Whisper."), "Is it late?", "Yes.")
        session = bench.server.events("session.update", "in")[0].event["session"]
        assert session["audio"]["output"]["voice"] == "cedar"
        assert session["audio"]["output"]["speed"] == 1.5
        assert session["audio"]["input"]["turn_detection"] is None
        first, second = (seen.event["response"] for seen in bench.server.events("response.create", "in"))
        assert first["conversation"] == "none"
        assert "word for word" in first["instructions"]
        assert first["instructions"].endswith("How to sound: Whisper.")
        assert first["input"][0]["content"][0]["text"] == "<read>Is it late?</read>"
        assert first["metadata"] != second["metadata"]
        assert "model=gpt-realtime-2.1-mini" in bench.server.attempts[0].path

    run(bench, test)


def test_one_response_at_a_time(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        bench.slow(0.005)
        await hear(bench.make(), "One.", "Two.", "Three.")
        names = {"response.created", "response.done"}
        order = [seen.kind for seen in bench.server.events(direction="out") if seen.kind in names]
        assert order == ["response.created", "response.done"] * 3

    run(bench, test)


def test_other_words_than_those_given_are_counted(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        bench.says = {"Yes, it is.": "YES it is", "It is late.": "I think that it is late."}.__getitem__
        reader = made(bench)
        heard = await hear(reader, "Yes, it is.", "It is late.")
        assert reader.deviations == 1
        assert heard.words == "Yes,itis.Itislate."

    run(bench, test)


def test_tokens_are_told_by_kind(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        heard = await hear(bench.make(), "One.", "Two.")
        done = [seen.event["response"]["usage"] for seen in bench.server.events("response.done", "out")]
        amounts = heard.amounts
        read = amounts["text_in"] + amounts.get("text_cached", 0)
        assert read == sum(usage["input_token_details"]["text_tokens"] for usage in done)
        assert amounts["audio_out"] == sum(usage["output_token_details"]["audio_tokens"] for usage in done)
        assert {used.model for used in heard.used} == {"gpt-realtime-2.1-mini"}

    run(bench, test)


def test_cancelling_names_the_response(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        bench.slow()
        items = bench.make().speak(text(["A clause that takes its time, and a good deal of it."]))
        await anext(items)
        await items.aclose()
        await wait_until(bench.told)
        cancel = bench.server.events("response.cancel", "in")[0].event
        created = bench.server.events("response.created", "out")[0].event
        assert cancel["response_id"] == created["response"]["id"]
        await wait_until(lambda: not bench.server.links)
        assert len(bench.server.events("response.output_audio.delta", "out")) < 8

    run(bench, test)


def test_cancelling_before_there_is_a_response_ends_the_session(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        bench.server.settings.accept_ms = 300
        task = asyncio.ensure_future(hear(bench.make(), "Yes."))
        await wait_until(lambda: bench.begun() == 1)
        task.cancel()
        await wait_until(lambda: not bench.server.links, 0.25)

    run(bench, test)


def test_a_session_that_ends_while_there_is_nothing_to_say_is_replaced(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        given, heard = Dictated(), Heard()
        given.give("One.")

        async def later() -> None:
            await wait_until(lambda: len(bench.server.events("response.done", "out")) == 1)
            await bench.server.faults.close()
            await wait_until(lambda: not bench.server.links)
            for clause in ("Two.", None):
                given.give(clause)

        task = asyncio.ensure_future(later())
        async with aclosing(bench.make().speak(given.__aiter__())) as items:
            async for item in items:
                heard.add(item)
        await task
        assert heard.pcm == bench.expected("One.", "Two.")
        assert len(bench.server.attempts) == 2

    run(bench, test)


def test_what_is_of_another_response_is_not_spoken(bench: RealtimeBench) -> None:
    def twice(event: dict[str, Any]) -> dict[str, Any]:
        """Every second piece of sound is somebody else's."""
        if event["type"] == "response.output_audio.delta" and next(count) % 2:
            return {**event, "response_id": "resp_of_another"}
        return event

    count = itertools.count()

    async def test(_: object) -> None:
        bench.server.faults.quirk = twice
        heard = await hear(bench.make(), LONG)
        whole, delta = bench.expected(LONG), 4800
        assert heard.pcm == b"".join(whole[at : at + delta] for at in range(0, len(whole), 2 * delta))

    run(bench, test)


def test_a_server_with_the_names_of_the_beta_is_understood(bench: RealtimeBench) -> None:
    def beta(event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "type": event["type"].replace("output_audio", "audio")}

    async def test(_: object) -> None:
        bench.server.faults.quirk = beta
        reader = made(bench)
        assert (await hear(reader, "One.")).pcm == bench.expected("One.")
        assert reader.deviations == 0

    run(bench, test)


def test_a_session_that_is_refused_is_told(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        reader = bench.make(voice="nobody")
        bench.server.faults.quirk = refusing
        with pytest.raises(StageFailed, match="no such voice") as failed:
            await hear(reader, "One.")
        assert failed.value.fault is Fault.REQUEST

    def refusing(event: dict[str, Any]) -> dict[str, Any]:
        error = {"type": "invalid_request_error", "code": "invalid_value", "message": "There is no such voice."}
        return {**event, "type": "error", "error": error} if event["type"] == "session.updated" else event

    run(bench, test)


def test_an_error_event_is_told(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        bench.server.settings.models = {"another"}
        with pytest.raises(StageFailed, match="does not exist") as failed:
            await hear(bench.make(), "One.")
        assert failed.value.fault is Fault.REQUEST

    run(bench, test)


def test_a_server_that_takes_the_connection_and_says_nothing(bench: RealtimeBench) -> None:
    async def test(_: object) -> None:
        bench.server.faults.stall = True
        with pytest.raises(StageFailed) as failed:
            await hear(bench.make(), "One.")
        assert failed.value.fault is Fault.STALLED

    run(bench, test)
