"""The language models of the chained engine, by kind. A kind's module loads when it is made."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from edge.config import Llm
from edge.errors import ConfigError
from edge.ports import Mind

# Kind: its module here, the class in it, and its key's credential: the vendor's usual variable in small letters.
_KINDS = {
    "openai": ("openai", "OpenAI", "openai_api_key"),
    "chat": ("chat", "Chat", "openai_api_key"),
    "claude": ("claude", "Claude", "anthropic_api_key"),
    "gemini": ("gemini", "Gemini", "gemini_api_key"),
}
CREDENTIALS = {kind: credential for kind, (_, _, credential) in _KINDS.items()}


def mind(name: str, config: Llm, key: str) -> Mind:
    """The model of the entry [llm.NAME]; `config.kind` is NAME itself when empty."""
    kind = config.kind or name
    if kind not in _KINDS:
        raise ConfigError([f"llm.{name}.kind: there is no {kind!r}; there are {', '.join(_KINDS)}"])
    module, made, _ = _KINDS[kind]
    make: Callable[[str, Llm, str], Mind] = getattr(import_module(f"{__name__}.{module}"), made)
    return make(name, config, key)


def model(name: str, config: Llm) -> str:
    """Which model the entry means: its own, or the kind's default."""
    module = _KINDS[config.kind or name][0]
    default: str = import_module(f"{__name__}.{module}").MODEL
    return config.model or default
