"""Recordings transcribed by the vendors' services for them: not live, with times and speakers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from importlib import import_module

from edge.agents.chained import faults
from edge.agents.chained.recorded.passage import Passage, Recording
from edge.config import Config, Stt, secret
from edge.errors import ConfigError, UsageError

KINDS = {"deepgram": "Deepgram", "assemblyai": "AssemblyAI", "openai": "OpenAI"}

__all__ = ["KINDS", "Passage", "Recorder", "Recording", "recorder"]


@dataclass(frozen=True, slots=True)
class Recorder:
    """A service for recordings, and the `model` that it hears with."""

    model: str
    _transcribe: Callable[[Recording, Stt, faults.Service], Awaitable[list[Passage]]]
    _config: Stt
    _service: faults.Service

    async def transcribe(self, recording: Recording) -> list[Passage]:
        """What is said in it, in order; raises StageFailed."""
        return await self._transcribe(recording, self._config, self._service)


def recorder(config: Config, name: str, *, speakers: bool, secret_of: Callable[[str], str] = secret) -> Recorder:
    """The service of the entry [stt.NAME]; raises UsageError and ConfigError. Nothing is connected yet."""
    entry = config.stt.get(name) or Stt()
    kind = entry.kind or name
    if kind not in KINDS:
        raise UsageError(f"there is no engine {name!r} for recordings; there are local, {', '.join(KINDS)}")
    entry = replace(entry, language=entry.language or config.chained.language, speakers=speakers or entry.speakers)
    credential = f"{name}_api_key"
    key = secret_of(credential) or secret_of(f"{kind}_api_key")
    if not key and not entry.url:
        raise ConfigError([f"{KINDS[kind]} needs a key: set {credential.upper()} or the credential {credential}."])
    module = import_module(f"{__name__}.{kind}")
    service = faults.Service(KINDS[kind], f"stt.{name}", credential, key)
    return Recorder(module.model_of(entry), module.transcribe, entry, service)
