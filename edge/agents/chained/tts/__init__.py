"""The voices of the chained engine, by kind. A kind's module loads when it is made."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from edge.config import Tts
from edge.errors import ConfigError
from edge.ports import Voice

# Kind: its module here, the class in it, and its key's credential: the vendor's usual variable in small letters.
_KINDS = {
    "elevenlabs": ("elevenlabs", "ElevenLabs", "elevenlabs_api_key"),
    "openai": ("openai", "OpenAiSpeech", "openai_api_key"),
    "realtime": ("realtime", "RealtimeVoice", "openai_api_key"),
}
CREDENTIALS = {kind: credential for kind, (_, _, credential) in _KINDS.items()}


def voice(name: str, config: Tts, key: str) -> Voice:
    """The voice of the entry [tts.NAME]; `config.kind` is NAME itself when empty. Nothing is connected yet."""
    kind = config.kind or name
    if kind not in _KINDS:
        raise ConfigError([f"tts.{name}.kind: there is no {kind!r}; there are {', '.join(_KINDS)}"])
    module, made, _ = _KINDS[kind]
    make: Callable[[str, Tts, str], Voice] = getattr(import_module(f"{__name__}.{module}"), made)
    return make(name, config, key)


def model(name: str, config: Tts) -> str:
    """Which model the entry means: its own, or the kind's default."""
    module = _KINDS[config.kind or name][0]
    default: str = import_module(f"{__name__}.{module}").MODEL
    return config.model or default
