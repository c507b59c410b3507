"""From the configuration to a RealtimeAgent: address, key, session settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

from edge.agents.realtime import session
from edge.agents.realtime.client import Address, RealtimeAgent
from edge.config import Realtime
from edge.ports import Post

VENDOR = "wss://api.openai.com/v1/realtime"
AZURE = ".openai.azure.com"


def realtime_agent(config: Realtime, key: str, tools: Sequence[Mapping[str, Any]], post: Post) -> RealtimeAgent:
    """The engine as configured; `tools` as function calling describes them (Registry.specs)."""
    return RealtimeAgent(address(config, key), settings(config, tools), post)


def address(config: Realtime, key: str) -> Address:
    """Where the sessions are. A model in the URL wins over realtime.model."""
    url = config.url or VENDOR
    parts = urlsplit(url)
    if "model" not in parse_qs(parts.query):
        url += ("&" if parts.query else "?") + urlencode({"model": config.model})
    azure = (parts.hostname or "").endswith(AZURE)
    return Address(url, {"api-key": key} if azure else {"Authorization": f"Bearer {key}"})


def settings(config: Realtime, tools: Sequence[Mapping[str, Any]]) -> session.Settings:
    """The session. Turns are ours to end: the device finds the end of speech, or the button tells it."""
    heard = session.Transcription(config.transcription, config.language) if config.transcription else None
    return session.Settings(
        instructions=config.instructions,
        voice=config.voice,
        speed=config.speed,
        noise=cast("session.Noise", config.noise),
        transcription=heard,
        effort=cast("session.Effort", config.effort) if config.effort else None,
        tools=tuple(session.FunctionTool(tool["name"], tool["description"], tool["parameters"]) for tool in tools),
    )
