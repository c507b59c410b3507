"""The transcribers of the chained engine, by kind. A kind's module loads when it is made."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from edge.config import Stt
from edge.errors import ConfigError
from edge.ports import Transcriber

# Kind: its key's credential, the vendor's usual variable in small letters.
CREDENTIALS = {
    "deepgram": "deepgram_api_key",
    "assemblyai": "assemblyai_api_key",
    "openai": "openai_api_key",
}


def transcriber(name: str, config: Stt, key: str) -> Transcriber:
    """The transcriber of the entry [stt.NAME]; `config.kind` is NAME itself when empty. Nothing is connected yet."""
    kind = config.kind or name
    if kind not in CREDENTIALS:
        raise ConfigError([f"stt.{name}.kind: there is no {kind!r}; there are {', '.join(CREDENTIALS)}"])
    module, made = _place(kind, config)
    make: Callable[[str, Stt, str], Transcriber] = getattr(import_module(f"{__name__}.{module}"), made)
    return make(name, config, key)


def _place(kind: str, config: Stt) -> tuple[str, str]:
    if kind != "openai":
        return {"deepgram": ("deepgram", "Deepgram"), "assemblyai": ("assemblyai", "AssemblyAI")}[kind]
    from edge.agents.chained.stt.openai_models import is_live

    return ("openai", "OpenAILive") if is_live(config) else ("openai_http", "OpenAIFiles")


def model(name: str, config: Stt) -> str:
    """Which model the entry means: its own, or the kind's default."""
    modules = {"deepgram": "deepgram", "assemblyai": "assemblyai_wire", "openai": "openai_models"}
    found: str = import_module(f"{__name__}.{modules[config.kind or name]}").model_of(config)
    return found
