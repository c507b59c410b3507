"""The vendor's models for a Realtime session and when they end, as announced by 2026-11-24."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

DEFAULT = "gpt-realtime-2.1"
SMALL = "gpt-realtime-2.1-mini"
TRANSCRIBE = "gpt-live-transcribe"


@dataclass(frozen=True, slots=True)
class Model:
    """A model: `shutdown` is its first day without service, `successor` one that outlives it.

    `reasoning`: takes `effort` and `parallel_tool_calls`, which the others refuse. `keywords` and `prompt`:
    takes these for transcription.
    """

    id: str
    shutdown: date | None = None
    successor: str = ""
    reasoning: bool = False
    keywords: bool = False
    prompt: bool = True


_PREVIEW = date(2026, 5, 7)
_SNAPSHOTS = date(2026, 7, 23)
_FIRST_GA = date(2027, 1, 20)
_TRANSCRIBERS = date(2027, 2, 26)

MODELS = {
    model.id: model
    for model in (
        Model(DEFAULT, reasoning=True),
        Model(SMALL, reasoning=True),
        Model("gpt-realtime-2", reasoning=True),
        Model("gpt-realtime-1.5"),
        Model("gpt-realtime", _FIRST_GA, DEFAULT),
        Model("gpt-realtime-2025-08-28", _FIRST_GA, DEFAULT),
        Model("gpt-realtime-mini", _FIRST_GA, SMALL),
        Model("gpt-realtime-mini-2025-12-15", _FIRST_GA, SMALL),
        Model("gpt-realtime-mini-2025-10-06", _SNAPSHOTS, SMALL),
        Model("gpt-4o-realtime-preview", _PREVIEW, DEFAULT),
        Model("gpt-4o-realtime-preview-2024-10-01", _PREVIEW, DEFAULT),  # at the latest: it went before its siblings
        Model("gpt-4o-realtime-preview-2024-12-17", _PREVIEW, DEFAULT),
        Model("gpt-4o-realtime-preview-2025-06-03", _PREVIEW, DEFAULT),
        Model("gpt-4o-mini-realtime-preview", _PREVIEW, SMALL),
        Model("gpt-4o-mini-realtime-preview-2024-12-17", _SNAPSHOTS, SMALL),
        # for `transcription`
        Model(TRANSCRIBE, keywords=True),
        Model("gpt-transcribe", keywords=True),
        Model("gpt-realtime-whisper", prompt=False),
        Model("whisper-1", _TRANSCRIBERS, TRANSCRIBE),
        Model("gpt-4o-transcribe", _TRANSCRIBERS, TRANSCRIBE),
        Model("gpt-4o-transcribe-diarize", _TRANSCRIBERS, TRANSCRIBE, prompt=False),
        Model("gpt-4o-mini-transcribe", _TRANSCRIBERS, TRANSCRIBE),
        Model("gpt-4o-mini-transcribe-2025-12-15", _TRANSCRIBERS, TRANSCRIBE),
    )
}


def reasons(model: str) -> bool | None:
    """Whether it is a reasoning model; None of one that is not in the table."""
    known = MODELS.get(model)
    return None if known is None else known.reasoning


def takes_keywords(model: str) -> bool:
    """Whether it may be sent keywords: only where that is known, for they are few that take them."""
    known = MODELS.get(model)
    return known is not None and known.keywords


def takes_prompt(model: str) -> bool:
    """Whether it may be sent a prompt: unless it is known to refuse it."""
    known = MODELS.get(model)
    return known is None or known.prompt


def warning(model: str, today: date, ahead_days: int = 60) -> str:
    """What to tell the owner about a model that has gone or goes within `ahead_days`; "" if nothing.

    An id that is not in the table may be another vendor's or a deployment's name: nothing is known of it.
    """
    known = MODELS.get(model)
    if known is None or known.shutdown is None:
        return ""
    left = (known.shutdown - today).days
    if left > ahead_days:
        return ""
    verb = "is shut down" if left > 0 else "was shut down"
    return f"model {model} {verb} on {known.shutdown}: use {known.successor} instead"
