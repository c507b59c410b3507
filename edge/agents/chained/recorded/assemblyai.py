"""AssemblyAI's /v2/transcript for recordings: uploaded, asked for, waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from edge.agents.chained import faults
from edge.agents.chained.llm.failing import failure
from edge.agents.chained.recorded.passage import ANSWER_S, Passage, Recording, base, http_client
from edge.config import Stt
from edge.core.chain import Fault

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

VENDOR = "https://api.assemblyai.com"  # in Europe: https://api.eu.assemblyai.com
MODELS = ["universal-3-5-pro", "universal-2"]  # the second for languages that the first does not know
LOOK_S = 2.0


def model_of(_config: Stt) -> str:
    """Which model hears, where it knows the language; those of the live service hear nothing else."""
    return MODELS[0]


async def transcribe(recording: Recording, config: Stt, service: faults.Service) -> list[Passage]:
    """Sentences with their sentiment; turns of speakers where the language has none. Raises StageFailed."""
    try:
        async with asyncio.timeout(ANSWER_S), http_client() as http:
            http.base_url = _address(config)
            http.headers["Authorization"] = service.secret
            return _passages(await _transcript(http, recording, config, service), config)
    except TimeoutError:
        raise faults.stalled(service) from None
    except ImportError as error:
        raise faults.lacking(service, error) from None
    except Exception as error:  # noqa: BLE001  the boundary to a client that raises what it likes
        raise failure(service, error) from None


def _address(config: Stt) -> str:
    """A url of the live service stands for its sister for recordings."""
    return base(config.url, VENDOR).replace("//streaming.", "//api.").removesuffix("/v3/ws")


async def _transcript(http: AsyncClient, recording: Recording, config: Stt, service: faults.Service) -> dict[str, Any]:
    uploaded = _read(service, await http.post("/v2/upload", content=recording.audio))
    asked = {
        "audio_url": uploaded["upload_url"],
        "speech_models": MODELS,
        "speaker_labels": config.speakers,
        "sentiment_analysis": True,
        **({"language_code": config.language} if config.language else {"language_detection": True}),
        **({"keyterms_prompt": list(config.keyterms)} if config.keyterms else {}),
    }
    job = _read(service, await http.post("/v2/transcript", json=asked))
    while job.get("status") not in {"completed", "error"}:
        await asyncio.sleep(LOOK_S)
        job = _read(service, await http.get(f"/v2/transcript/{job['id']}"))
    if job["status"] == "error":
        raise faults.by_words(service, "", str(job.get("error") or ""), Fault.REQUEST)
    return job


def _read(service: faults.Service, response: Response) -> dict[str, Any]:
    if response.is_success:
        body: dict[str, Any] = response.json()
        return body
    try:
        said = str(response.json().get("error"))
    except (ValueError, AttributeError):
        said = response.text
    raise faults.by_status(service, response.status_code, response.headers.get("retry-after", ""), said)


def _passages(job: dict[str, Any], config: Stt) -> list[Passage]:
    """Its times are in milliseconds."""
    found = job.get("sentiment_analysis_results") or job.get("utterances") or []
    if not found and job.get("text"):
        found = [{"start": 0, "end": 1000 * (job.get("audio_duration") or 0), "text": job["text"]}]
    return [
        Passage(
            said["start"] / 1000,
            said["end"] / 1000,
            said["text"].strip(),
            (said.get("speaker") or "") if config.speakers else "",
            (said.get("sentiment") or "").lower(),
        )
        for said in found
    ]
