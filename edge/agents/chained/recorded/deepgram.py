"""Deepgram's /v1/listen for recordings, through its SDK."""

from __future__ import annotations

from typing import Any

from edge.agents.chained import faults
from edge.agents.chained.llm.failing import failure
from edge.agents.chained.recorded.passage import ANSWER_S, CONNECT_S, WRITE_S, Passage, Recording, base
from edge.config import Stt
from edge.core.chain import StageFailed

VENDOR = "https://api.deepgram.com"
MODEL = "nova-3"  # Flux hears live only


def model_of(config: Stt) -> str:
    """Which model hears."""
    return config.model if config.model.startswith("nova") else MODEL


async def transcribe(recording: Recording, config: Stt, service: faults.Service) -> list[Passage]:
    """Utterances, each of one speaker where speakers are asked for; raises StageFailed."""
    try:
        answer = await _asked(recording, config, service)
    except ImportError as error:
        raise faults.lacking(service, error) from None
    except Exception as error:  # noqa: BLE001  the boundary to a client that raises what it likes
        raise _failed(service, error) from None
    return [
        Passage(said.start or 0.0, said.end or 0.0, said.transcript.strip(), _speaker(said.speaker, config))
        for said in answer.results.utterances or ()
        if said.transcript and said.transcript.strip()
    ]


async def _asked(recording: Recording, config: Stt, service: faults.Service) -> Any:
    import httpx
    from deepgram import AsyncDeepgramClient
    from deepgram.environment import DeepgramClientEnvironment

    url = base(config.url, VENDOR)
    place = DeepgramClientEnvironment(base=url, production=url, agent=url, agent_rest=url)
    timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S, write=WRITE_S)
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=False) as http:
        sdk = AsyncDeepgramClient(api_key=service.secret, environment=place, httpx_client=http, timeout=ANSWER_S)
        return await sdk.listen.v1.media.transcribe_file(
            request=recording.audio,
            model=model_of(config),
            language=config.language or None,
            detect_language=None if config.language else True,
            keyterm=list(config.keyterms) or None,
            smart_format=True,
            utterances=True,
            diarize=config.speakers or None,
            request_options={"max_retries": 0},
        )


def _speaker(number: int | None, config: Stt) -> str:
    return chr(ord("A") + number % 26) if config.speakers and number is not None else ""


def _failed(service: faults.Service, error: Exception) -> StageFailed:
    """The SDK tells an answer by ApiError; what is wrong with the line it lets through, from another HTTP client."""
    return failure(service, error) if hasattr(error, "status_code") else faults.by_exception(service, error)
