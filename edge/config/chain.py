"""The sections of the chained engine: who hears, who thinks, who speaks."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config.fields import setting

# What a name stands for without an entry of its own; an entry of another name says its `kind`.
STT_KINDS = ("deepgram", "assemblyai", "openai", "local")
LLM_KINDS = ("openai", "chat", "claude", "gemini", "local")
TTS_KINDS = ("elevenlabs", "openai", "realtime", "local")


@dataclass(frozen=True, slots=True)
class Chained:
    """The section [chained]."""

    stt: tuple[str, ...] = setting((), "who hears, in order of preference: deepgram, assemblyai, openai, local, or "
                                       "your own [stt.NAME]; worked out from the keys when empty")  # fmt: skip
    llm: tuple[str, ...] = setting((), "who thinks, in order of preference: openai, claude, gemini, local, or your "
                                       "own [llm.NAME]; worked out from the keys when empty")  # fmt: skip
    tts: tuple[str, ...] = setting((), "who speaks, in order of preference: elevenlabs, openai, local, or your own "
                                       "[tts.NAME]; worked out from the keys when empty")  # fmt: skip
    instructions: str = setting(
        "You are a helpful voice assistant on a small device. Be brief and friendly; speak the person's language. "
        "What you write is spoken: plain sentences, no lists, no markup.",
        "what the model is told about itself")  # fmt: skip
    language: str = setting("", "what is spoken, as a two-letter code; any when empty")
    stall_s: float = setting(2.0, "how long a service may say nothing before the next one is asked", 0.5, 30)


@dataclass(frozen=True, slots=True)
class Stt:
    """The section [stt.NAME]. The key is the credential or variable NAME_api_key (or that of its kind)."""

    kind: str = setting("", "which protocol it speaks; NAME itself when empty", choices=("", *STT_KINDS))
    url: str = setting("", "another server with the same protocol; the vendor's when empty")
    model: str = setting("", "which model hears; the kind's default when empty")
    language: str = setting("", "what is spoken, as a two-letter code; chained.language when empty")
    keyterms: tuple[str, ...] = setting((), "words and names that it should know")
    prompt: str = setting("", "what it is told about what is said, where it can be told")
    turns: str = setting("device", "who finds the end of a turn: the device, or the service where it can",
                         choices=("device", "service"))  # fmt: skip
    end_confidence: float = setting(0.7, "turns = service: how sure it must be of the end (Flux: 0.5 to 1)", 0.3, 1)
    eager_confidence: float = setting(
        0.4, "turns = service: how sure before the model starts to think; 0 never", 0, 0.9
    )
    silence_ms: int = setting(1500, "turns = service: silence that ends a turn in any case", 300, 60_000)
    speakers: bool = setting(False, "whether it tells speakers apart, where it can; costs time and money")


@dataclass(frozen=True, slots=True)
class Llm:
    """The section [llm.NAME]. The key is the credential or variable NAME_api_key (or that of its kind)."""

    kind: str = setting("", "which protocol it speaks: openai is Responses, chat is Chat Completions, which Ollama, "
                            "llama.cpp and vLLM speak too; NAME when empty", choices=("", *LLM_KINDS))  # fmt: skip
    url: str = setting("", "another server with the same protocol; the vendor's when empty")
    model: str = setting("", "which model thinks; the kind's default when empty")
    effort: str = setting("", "how long it thinks before it speaks; the shortest it can when empty",
                          choices=("", "none", "minimal", "low", "medium", "high"))  # fmt: skip
    max_tokens: int = setting(400, "longest reply", 16, 8192)


@dataclass(frozen=True, slots=True)
class Tts:
    """The section [tts.NAME]. The key is the credential or variable NAME_api_key (or that of its kind)."""

    kind: str = setting("", "which protocol it speaks: openai is speech over HTTP, realtime the successor of it; "
                            "NAME itself when empty", choices=("", *TTS_KINDS))  # fmt: skip
    url: str = setting("", "another server with the same protocol; the vendor's when empty")
    model: str = setting("", "which model speaks; the kind's default when empty")
    voice: str = setting("", "how it sounds: a name or an id, a cloned voice's too; the kind's default when empty")
    language: str = setting("", "what is spoken, as a two-letter code; chained.language when empty")
    instructions: str = setting("", "how it should speak, in words, where it can be told")
    speed: float = setting(1.0, "speaking rate", 0.25, 4.0)
    stability: float = setting(0.5, "elevenlabs: how even it sounds", 0, 1)
    similarity: float = setting(0.75, "elevenlabs: how close to the cloned voice", 0, 1)
    style: float = setting(0.0, "elevenlabs: how much it acts", 0, 1)
