"""When the vendors' models for the chained engine end, as announced by 2026-11-24."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

AHEAD_DAYS = 60


@dataclass(frozen=True, slots=True)
class End:
    """`day` is the first without service; `successor` outlives it, "" where none does the same."""

    day: date
    successor: str = ""


def _ends(day: date, successor: str, *models: str) -> dict[str, End]:
    return {model: End(day, successor) for model in models}


_TRANSCRIBERS = date(2027, 2, 26)
_SPEAKERS = date(2027, 1, 6)
_MINIS = date(2027, 1, 20)

# The vendors' own lists: OpenAI's in its SDK (with its successors, as far as they are known, from its
# page), Anthropic's in its SDK, Google's on its page.
ENDS = {
    # speech to text
    **_ends(_TRANSCRIBERS, "gpt-transcribe", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe",
            "gpt-4o-mini-transcribe-2025-12-15"),
    **_ends(_TRANSCRIBERS, "", "gpt-4o-transcribe-diarize"),  # the only one of theirs that tells speakers apart
    # language models
    **_ends(date(2025, 6, 6), "gpt-6-luna", "gpt-4-32k", "gpt-4-32k-0314", "gpt-4-32k-0613"),
    **_ends(date(2025, 7, 28), "gpt-6-luna", "o1-preview", "o1-preview-2024-09-12"),
    **_ends(date(2025, 10, 27), "gpt-6-luna", "o1-mini", "o1-mini-2024-09-12"),
    **_ends(date(2026, 2, 17), "gpt-6-luna", "chatgpt-4o-latest"),
    **_ends(date(2026, 3, 26), "gpt-6-luna", "gpt-4-0125-preview", "gpt-4-turbo-preview", "gpt-4-0314"),
    **_ends(date(2026, 7, 23), "gpt-6-luna", "gpt-5.1-chat-latest", "gpt-5-chat-latest"),
    **_ends(date(2026, 8, 10), "gpt-6-luna", "gpt-5.3-chat-latest", "gpt-5.2-chat-latest"),
    **_ends(date(2026, 9, 28), "gpt-6-luna", "gpt-3.5-turbo-1106"),
    **_ends(date(2026, 10, 23), "gpt-6-luna", "gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", "o4-mini",
            "o4-mini-2025-04-16", "o3-mini", "o3-mini-2025-01-31", "o1", "o1-2024-12-17", "gpt-4o-2024-05-13",
            "gpt-4-turbo", "gpt-4-turbo-2024-04-09", "gpt-4-1106-preview", "gpt-4", "gpt-4-0613", "gpt-3.5-turbo",
            "gpt-3.5-turbo-0125"),
    **_ends(date(2026, 12, 11), "gpt-6-luna", "gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5-2025-08-07",
            "gpt-5-mini-2025-08-07", "gpt-5-nano-2025-08-07", "o3", "o3-2025-04-16"),
    **_ends(date(2027, 1, 14), "gpt-6-luna", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-2025-04-14",
            "gpt-4.1-mini-2025-04-14", "gpt-4o", "gpt-4o-2024-11-20", "gpt-4o-2024-08-06", "gpt-4o-mini",
            "gpt-4o-mini-2024-07-18"),
    **_ends(date(2027, 4, 1), "gpt-6-luna", "gpt-5.4-nano", "gpt-5.4-nano-2026-03-17", "gpt-5.1",
            "gpt-5.1-2025-11-13"),
    **_ends(date(2026, 6, 30), "claude-opus-5-5", "claude-mythos-preview"),
    **_ends(date(2026, 11, 30), "claude-sonnet-5-5", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
    **_ends(date(2027, 1, 22), "claude-opus-5-5", "claude-opus-4-5", "claude-opus-4-5-20251101"),
    **_ends(date(2026, 6, 1), "gemini-3.6-flash", "gemini-2.0-flash", "gemini-2.0-flash-001",
            "gemini-2.0-flash-lite", "gemini-2.0-flash-lite-001"),
    **_ends(date(2026, 12, 1), "gemini-3.8-flash", "gemini-2.5-pro"),
    **_ends(date(2026, 12, 1), "gemini-3.5-flash-lite", "gemini-2.5-flash"),
    # text to speech
    **_ends(_SPEAKERS, "gpt-realtime-2.1-mini", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15"),
    **_ends(_MINIS, "gpt-realtime-2.1-mini", "gpt-realtime-mini", "gpt-realtime-mini-2025-12-15"),
    **_ends(_MINIS, "gpt-realtime-2.1", "gpt-realtime", "gpt-realtime-2025-08-28"),
}  # fmt: skip


def warning(model: str, today: date, ahead_days: int = AHEAD_DAYS) -> str:
    """What to tell the owner about a model that has gone or goes within `ahead_days`; "" if nothing.

    An id that is not in the table may be another vendor's or a deployment's name: nothing is known of it.
    """
    known = ENDS.get(model)
    if known is None or (known.day - today).days > ahead_days:
        return ""
    verb = "is shut down" if known.day > today else "was shut down"
    instead = f": use {known.successor} instead" if known.successor else ""
    return f"model {model} {verb} on {known.day}{instead}"
