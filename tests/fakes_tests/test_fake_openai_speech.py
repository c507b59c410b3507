"""The fake speech service is as strict as the vendor's types and limits."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from tests.fakes.openai_speech import KEY, FakeOpenAiSpeech
from tests.fakes.speaking import spoken

GOOD: dict[str, Any] = {"model": "gpt-4o-mini-tts", "voice": "marin", "input": "Yes.", "response_format": "pcm"}


def asked(key: str = KEY, **change: Any) -> bytes:
    """What the vendor's own client gets."""

    async def main() -> bytes:
        async with FakeOpenAiSpeech() as server, openai.AsyncOpenAI(api_key=key, base_url=server.url) as client:
            answer = await client.audio.speech.create(**{**GOOD, **change})
            return answer.content

    return asyncio.run(main())


def test_sound() -> None:
    assert asked() == spoken("Yes.")


@pytest.mark.parametrize(
    "change",
    [
        {"input": ""}, {"input": "x" * 4097}, {"voice": "nobody"}, {"response_format": "ogg"}, {"speed": 5},
        {"model": "tts-1", "instructions": "Whisper."}, {"extra_body": {"pitch": 2}}, {"extra_body": {"input": 5}},
    ],
)  # fmt: skip
def test_what_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        asked(**change)


def test_a_wrong_key() -> None:
    with pytest.raises(openai.AuthenticationError):
        asked(key="sk-wrong")
