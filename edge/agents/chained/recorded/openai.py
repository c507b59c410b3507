"""OpenAI's transcription of recordings, with speakers; on a server of others, with what Whisper tells."""

from __future__ import annotations

from typing import Any

from edge.agents.chained import faults
from edge.agents.chained.llm.failing import failure
from edge.agents.chained.recorded.passage import Passage, Recording, base, http_client
from edge.config import Stt
from edge.core.chain import Fault, StageFailed

VENDOR = "https://api.openai.com/v1"
DIARIZE, WHISPER = "gpt-4o-transcribe-diarize", "whisper-1"
MOST_BYTES = 25_000_000  # of a file


def model_of(config: Stt) -> str:
    """Which model hears: the only one of the vendor's that tells times and speakers, and is not Whisper."""
    return (config.model or WHISPER) if config.url else DIARIZE


async def transcribe(recording: Recording, config: Stt, service: faults.Service) -> list[Passage]:
    """Segments; raises StageFailed."""
    if len(recording.audio) > MOST_BYTES:
        minutes = MOST_BYTES / len(recording.audio) * recording.seconds / 60
        most = f"25 MB at most, some {minutes:.0f} minutes of this recording"
        raise StageFailed(f"{service.name} takes {most}: cut it, or take another engine.", Fault.REQUEST)
    try:
        segments = await _asked(recording, config, service)
    except ImportError as error:
        raise faults.lacking(service, error) from None
    except Exception as error:  # noqa: BLE001  the boundary to a client that raises what it likes
        raise failure(service, error) from None
    return [
        Passage(
            float(said.start),
            float(said.end),
            said.text.strip(),
            str(getattr(said, "speaker", "") or "") if config.speakers else "",
        )
        for said in segments
        if said.text.strip()
    ]


async def _asked(recording: Recording, config: Stt, service: faults.Service) -> list[Any]:
    from openai import AsyncOpenAI

    model = model_of(config)
    how: dict[str, Any] = {"response_format": "verbose_json"}
    if model == DIARIZE:
        how = {"response_format": "diarized_json", "chunking_strategy": "auto"}
    if config.language:
        how["language"] = config.language
    async with http_client() as http:
        sdk = AsyncOpenAI(
            api_key=service.secret or "none", base_url=base(config.url, VENDOR), http_client=http, max_retries=0
        )
        file = ("recording.flac", recording.audio, "audio/flac")
        answer = await sdk.audio.transcriptions.create(file=file, model=model, **how)
    return list(answer.segments or ())
