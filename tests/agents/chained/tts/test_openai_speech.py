"""OpenAI's speech over HTTP: what it is asked, and what other servers answer."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from edge.core.chain import Fault, StageFailed
from tests.agents.chained.tts.benches import Dictated, Heard, SpeechBench, hear, quicken, run
from tests.waiting import wait_until


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SpeechBench:
    quicken(monkeypatch)
    return SpeechBench()


def asked(bench: SpeechBench, **config: Any) -> dict[str, object]:
    """The request for one clause."""

    async def test(_: object) -> None:
        await hear(bench.make(**config), "Yes.")

    run(bench, test)
    body: dict[str, object] = bench.server.asked[0].json
    return body


def test_a_bare_request(bench: SpeechBench) -> None:
    assert asked(bench) == {"model": "gpt-4o-mini-tts", "voice": "marin", "input": "Yes.", "response_format": "pcm"}


def test_how_it_should_sound(bench: SpeechBench) -> None:
    body = asked(bench, voice="ash", speed=1.5, instructions="Whisper.", model="gpt-4o-mini-tts-2025-12-15")
    assert body["voice"] == "ash"
    assert body["speed"] == 1.5
    assert body["instructions"] == "Whisper."
    assert body["model"] == "gpt-4o-mini-tts-2025-12-15"


def test_a_model_that_takes_no_instructions_gets_none(bench: SpeechBench) -> None:
    assert "instructions" not in asked(bench, model="tts-1-hd", instructions="Whisper.")


def test_the_next_clause_is_asked_for_while_one_is_coming(bench: SpeechBench) -> None:
    async def test(_: object) -> None:
        bench.slow()
        given, heard = Dictated(), Heard()
        for clause in ("A clause that takes its time.", "The next one.", "The last.", None):
            given.give(clause)
        async with aclosing(bench.make().speak(given.__aiter__())) as items:
            async for item in items:
                heard.add(item)
                if len(heard.sounds) == 1:
                    await wait_until(lambda: len(bench.server.asked) == 2)
                    assert "end" not in bench.server.asked[0].log
                    await asyncio.sleep(0.05)
                    assert len(bench.server.asked) == 2
        assert [exchange.json["input"] for exchange in bench.server.asked][2:] == ["The last."]

    run(bench, test)


def test_a_connection_that_was_prepared_is_used_and_then_let_go(bench: SpeechBench) -> None:
    async def test(_: object) -> None:
        made = bench.make()
        made.prepare()
        await wait_until(lambda: bench.server.exchanges and bench.server.exchanges[0].log[-1:] == ["end"])
        assert "authorization" not in bench.server.exchanges[0].headers
        await hear(made, "Yes.")
        assert bench.server.accepted == 1
        await wait_until(lambda: bench.server.open == 0)

    run(bench, test)


def test_a_long_text_is_asked_for_in_parts(bench: SpeechBench) -> None:
    async def test(_: object) -> None:
        bench.server.size = 1 << 20
        heard = await hear(bench.make(), "word " * 1000)
        assert [len(exchange.json["input"]) for exchange in bench.server.asked] == [4094, 904]
        assert heard.words == "word" * 1000

    run(bench, test)


@pytest.mark.parametrize("kind", ["application/json", "text/html; charset=utf-8"])
def test_what_is_no_sound_is_not_played(bench: SpeechBench, kind: str) -> None:
    async def test(_: object) -> None:
        bench.server.kind = kind
        with pytest.raises(StageFailed, match="not sound") as failed:
            await hear(bench.make(), "Yes.")
        assert failed.value.fault is Fault.SERVICE

    run(bench, test)


def test_an_empty_answer_is_a_failure(bench: SpeechBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.openai_speech.spoken", lambda _: b"")

    async def test(_: object) -> None:
        with pytest.raises(StageFailed, match="no sound"):
            await hear(bench.make(), "Yes.")

    run(bench, test)


def test_a_server_of_ones_own_is_named_in_messages(bench: SpeechBench) -> None:
    async def test(_: object) -> None:
        with pytest.raises(StageFailed, match=r"OpenAI \(openai\) does not take the request.*\[tts.openai\]"):
            await hear(bench.make(voice="nobody"), "Yes.")

    run(bench, test)
