"""OpenAI's transcription of files: what is its own. What all transcribers promise is in test_stt_contract."""

from __future__ import annotations

import asyncio
import io
import sys
import wave
from typing import Any

import pytest

from edge.agents.chained.stt import openai_http as module
from edge.agents.chained.stt.openai_http import OpenAIFiles
from edge.config import Stt
from edge.core.chain import Fault, Heard, Mark, StageFailed, Standing, Used
from tests.agents.chained.stt.bench import all_of, heard, pcm, pieces, until
from tests.fakes.openai_audio import KEY, FakeOpenAIAudio

WORDS = ((0.4, "turn on"), (0.8, "the light"))


def hears(*parts: bytes | Mark | float, server: dict[str, Any] | None = None, key: str = KEY, **config: Any):
    """What is said of one turn, and the requests that it took."""

    async def run():
        async with FakeOpenAIAudio(*WORDS) as fake:
            for name, value in (server or {}).items():
                setattr(fake, name, value)
            adapter = OpenAIFiles("openai", Stt(url=fake.url, **config), key)
            items = await all_of(adapter, pieces(*parts))
            await adapter.close()
            return items, fake.requests

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("gpt-transcribe", {"keywords": ["Köln", "lamp"], "languages": ["de"], "stream": "true"}),
        ("gpt-4o-transcribe", {"prompt": "Köln, lamp", "language": "de", "stream": "true"}),
        ("whisper-1", {"prompt": "Köln, lamp", "language": "de"}),
    ],
)
def test_what_the_model_is_told(model, fields):
    _, requests = hears(pcm(1.0), model=model, language="de", keyterms=("Köln", "lamp"))
    assert requests[0].fields == {"model": model, **fields}
    assert requests[0].name.endswith(".wav")
    assert (requests[0].rate, requests[0].channels) == (16_000, 1)


def test_the_answer_comes_in_pieces():
    items, _ = hears(pcm(1.0), model="gpt-transcribe")
    assert heard(items) == [
        Heard("turn"),
        Heard("turn on"),
        Heard("turn on the"),
        Heard("turn on the light"),
        Heard("turn on the light", Standing.OVER),
    ]


def test_what_was_said_up_to_a_pause_is_read_once():
    items, requests = hears(pcm(1.0), Mark.PAUSED, 0.5, bytes(3200))
    assert [item.standing for item in heard(items)] == [Standing.EAGER, Standing.OVER]
    assert len(requests) == 1


def test_a_reading_that_goes_on_when_the_turn_ends_is_waited_for():
    items, requests = hears(pcm(1.0), Mark.PAUSED, server={"first_s": 0.2})
    assert heard(items) == [Heard("turn on the light", Standing.OVER)]
    assert len(requests) == 1


def test_a_reading_is_given_up_when_the_person_goes_on():
    async def run():
        async with FakeOpenAIAudio(*WORDS) as fake:
            fake.first_s = 0.3
            adapter = OpenAIFiles("openai", Stt(url=fake.url), KEY)

            async def audio():
                async for piece in pieces(pcm(0.6), Mark.PAUSED):
                    yield piece
                await until(lambda: fake.requests)
                yield Mark.RESUMED
                await until(lambda: "gone" in fake.requests[0].log)
                async for piece in pieces(pcm(0.4)):
                    yield piece

            items = await all_of(adapter, audio())
            await adapter.close()
            assert heard(items) == [Heard("turn on the light", Standing.OVER)]
            assert [len(request.pcm) for request in fake.requests] == [19_200, 32_000]

    asyncio.run(run())


def test_less_than_can_be_transcribed_is_not_sent():
    items, requests = hears(pcm(0.09), Mark.PAUSED, 0.05)
    assert items == [Heard("", Standing.EAGER), Heard("", Standing.OVER)]
    assert requests == []


def test_more_than_can_be_sent(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 16_000)
    with pytest.raises(StageFailed, match="13 minutes") as caught:
        hears(pcm(1.0))
    assert caught.value.fault is Fault.REQUEST


def test_where_usage_is_not_told_it_is_the_audio():
    class Silent(FakeOpenAIAudio):
        async def _reply(self, exchange: Any, body: dict[str, Any]) -> None:
            await super()._reply(exchange, {"text": body["text"]})

    async def run():
        async with Silent(*WORDS) as fake:
            adapter = OpenAIFiles("box", Stt(kind="openai", url=fake.url), KEY)
            items = await all_of(adapter, pieces(pcm(1.0)))
            await adapter.close()
            assert items == [Used("whisper-1", {"audio_seconds": 1.0}), Heard("turn on the light", Standing.OVER)]

    asyncio.run(run())


def test_an_own_server_may_want_no_key():
    items, _ = hears(pcm(1.0), key="", server={"key": "none"})
    assert heard(items)[-1].text == "turn on the light"


def test_a_failure_before_the_end_is_told_at_once():
    with pytest.raises(StageFailed) as caught:
        hears(pcm(1.0), Mark.PAUSED, 5.0, key="wr0ng")
    assert caught.value.fault is Fault.KEY


def test_an_unknown_model():
    with pytest.raises(StageFailed, match=r"OpenAI \(openai\) has no such model") as caught:
        hears(pcm(1.0), model="gpt-transcribe-9")
    assert caught.value.fault is Fault.REQUEST


def test_the_package_may_be_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(StageFailed, match=r"needs the package openai: install edge-voice\[cloud\]"):
        hears(pcm(1.0))


def test_the_file():
    with wave.open(io.BytesIO(module.wav(pcm(0.5)))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.readframes(file.getnframes()) == pcm(0.5)
