"""Tokens, as the vendor counts them: a second of the user's audio is 10, of the model's 20; cached is a subset."""

from __future__ import annotations

from typing import Any

from tests.fakes.realtime.conversation import Entry

CACHE_BLOCK = 64


def text_tokens(text: str) -> int:
    """About four letters each."""
    return -(-len(text) // 4)


def context(instructions: str, entries: list[Entry]) -> tuple[int, int]:
    """Text and audio tokens that a response reads."""
    text = text_tokens(instructions) + sum(_text_of(entry) for entry in entries)
    audio = sum(entry.audio_ms // (100 if entry.item.get("role") == "user" else 50) for entry in entries)
    return text, audio


def _text_of(entry: Entry) -> int:
    item = entry.item
    parts = [part.get("text") or "" for part in item.get("content", [])]
    return text_tokens("".join([*parts, item.get("arguments", ""), item.get("output", "")]))


def usage(read: tuple[int, int], before: tuple[int, int], said: str, audio_ms: int) -> dict[str, Any]:
    """The `usage` of response.done; what the response `before` read is cached, in whole blocks."""
    cached_text, cached_audio = (min(a, b) // CACHE_BLOCK * CACHE_BLOCK for a, b in zip(read, before, strict=True))
    output = {"text_tokens": text_tokens(said), "audio_tokens": audio_ms // 50}
    return {
        "total_tokens": sum(read) + sum(output.values()),
        "input_tokens": sum(read),
        "output_tokens": sum(output.values()),
        "input_token_details": {
            "text_tokens": read[0],
            "audio_tokens": read[1],
            "image_tokens": 0,
            "cached_tokens": cached_text + cached_audio,
            "cached_tokens_details": {"text_tokens": cached_text, "audio_tokens": cached_audio, "image_tokens": 0},
        },
        "output_token_details": output,
    }
