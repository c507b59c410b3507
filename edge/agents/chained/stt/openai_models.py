"""Which of OpenAI's transcription models takes what. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from edge.config import Stt

LIVE = "gpt-live-transcribe"
_LIVE = frozenset({LIVE, "gpt-realtime-whisper"})  # by Realtime only; all the others by HTTP
_NEW = frozenset({LIVE, "gpt-transcribe"})  # take `keywords` and `languages`
_NO_PROMPT = frozenset({"gpt-realtime-whisper", "gpt-4o-transcribe-diarize"})
_STREAMED = ("gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")  # by HTTP with `stream`
HTTP = "whisper-1"  # what servers of others take, too


def is_live(config: Stt) -> bool:
    """Whether it is heard over a WebSocket; an address of another server says so by its scheme."""
    scheme = urlsplit(config.url).scheme
    if scheme in {"ws", "wss"}:
        return True
    if config.model:
        return config.model in _LIVE
    return not scheme


def model_of(config: Stt) -> str:
    """Which model hears."""
    return config.model or (LIVE if is_live(config) else HTTP)


def vendor(name: str, config: Stt) -> str:
    """Who hears, as people know it."""
    return f"OpenAI ({name})" if config.url else "OpenAI"


def streams(model: str) -> bool:
    """Whether the answer over HTTP comes in pieces where that is asked for."""
    return model.startswith(_STREAMED)


def hints(config: Stt) -> dict[str, object]:
    """What the model is told beside the audio, as far as it takes it; Whisper's prompt is a list of words."""
    model = model_of(config)
    told: dict[str, object] = {}
    prompt = config.prompt
    if config.language:
        told |= {"languages": [config.language]} if model in _NEW else {"language": config.language}
    if config.keyterms and model in _NEW:
        told["keywords"] = list(config.keyterms)
    elif config.keyterms and not prompt:
        prompt = ", ".join(config.keyterms)
    if prompt and model not in _NO_PROMPT:
        told["prompt"] = prompt
    return told


def amounts(usage: object) -> dict[str, float]:
    """What was used, as `chain.Used` names it; nothing where the service does not say.

    By tokens, or by seconds of audio, as the model is billed.
    """
    if not isinstance(usage, dict):
        return {}
    details = usage.get("input_token_details")
    details = details if isinstance(details, dict) else {}
    found = {
        "audio_seconds": usage.get("seconds"),
        "audio_in": details.get("audio_tokens", None if details else usage.get("input_tokens")),
        "text_in": details.get("text_tokens"),
        "text_out": usage.get("output_tokens"),
    }
    return {name: float(count) for name, count in found.items() if isinstance(count, (int, float)) and count > 0}
