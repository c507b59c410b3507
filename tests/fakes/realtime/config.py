"""The session object: its defaults, how `session.update` merges into it, and what it refuses."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.realtime.schema import Problem

Session = dict[str, Any]


@dataclass
class Settings:
    """The fake's own behaviour; may be changed while it runs."""

    rtt_ms: float = 0
    api_keys: set[str] | None = None  # None: any
    models: set[str] | None = None  # None: any
    accept_ms: float = 0  # from response.create to response.created: a cancel in between finds nothing active
    rate_limits: Literal["start", "end"] = "start"  # documented at the start; at the end in some vendor traces
    tokens_left: int = 40_000
    vad_onset_ms: int = 60  # this much sound in a row is speech
    semantic_ms: dict[str, int] = field(default_factory=lambda: {"low": 1600, "medium": 900, "auto": 900, "high": 600})


SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
SEMANTIC_VAD = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
PCM = {"type": "audio/pcm", "rate": 24_000}


def new_session(session_id: str, model: str) -> Session:
    """As `session.created` shows it."""
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "Your knowledge cutoff is 2025-06. You are a helpful, witty, and friendly AI.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": int(time.time()) + 3600,
        "include": None,
        "audio": {
            "input": {
                "format": dict(PCM),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(SERVER_VAD),
            },
            "output": {"format": dict(PCM), "voice": "alloy", "speed": 1.0},
        },
    }


def updated(session: Session, update: Session) -> Session:
    """Omitted is unchanged; `audio` merges; all else is replaced, and turn detection gets its defaults."""
    merged = copy.deepcopy(session)
    audio = update.get("audio", {})
    merged.update({key: value for key, value in update.items() if key != "audio"})
    for side in ("input", "output"):
        merged["audio"][side].update(audio.get(side, {}))
    detection = merged["audio"]["input"]["turn_detection"]
    if detection is not None:
        defaults = SERVER_VAD if detection["type"] == "server_vad" else SEMANTIC_VAD
        merged["audio"]["input"]["turn_detection"] = {**defaults, **detection}
    return merged


def refused(session: Session, update: Session, *, spoken: bool, answering: bool) -> Problem | None:
    """Why the session cannot become this; `spoken` once it has answered with audio, `answering` while it does."""
    voice = update.get("audio", {}).get("output", {}).get("voice", session["audio"]["output"]["voice"])
    if update["type"] != session["type"]:
        return Problem("invalid_value", "A realtime session cannot become a transcription session.", "session.type")
    if update.get("model", session["model"]) != session["model"]:
        return Problem("cannot_update_model", "Cannot update a conversation's model.", "session.model")
    if spoken and voice != session["audio"]["output"]["voice"]:
        return Problem("cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present.")
    return _out_of_range(update) or _at_odds(session, update, answering=answering)


def _at_odds(session: Session, update: Session, *, answering: bool) -> Problem | None:
    output = update.get("audio", {}).get("output", {})
    if answering and output.get("speed", session["audio"]["output"]["speed"]) != session["audio"]["output"]["speed"]:
        return Problem("cannot_update_speed", "Cannot update a conversation's speed while a response is in progress.")
    if len(update.get("output_modalities", ["audio"])) != 1:
        both = "Invalid modalities: ['audio', 'text']. Supported combinations are: ['text'] and ['audio']."
        return Problem("invalid_value", both, "session.output_modalities")
    for side in ("input", "output"):
        kind = update.get("audio", {}).get(side, {}).get("format", PCM).get("type", "audio/pcm")
        if kind != "audio/pcm":
            return Problem("invalid_value", f"This fake knows no {kind}.", f"session.audio.{side}.format")
    return None


RANGES = {
    "session.audio.output.speed": (0.25, 1.5),
    "session.audio.input.turn_detection.threshold": (0.0, 1.0),
    "session.max_output_tokens": (1, 4096),
}


def _out_of_range(update: Session) -> Problem | None:
    for path, (least, most) in RANGES.items():
        value: Any = {"session": update}
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, int | float) and not least <= value <= most:
            kind = "integer" if isinstance(least, int) else "decimal"
            code = f"{kind}_{'below_min' if value < least else 'above_max'}_value"
            side = f"below minimum value. Expected a value >= {least}"
            if value > most:
                side = f"above maximum value. Expected a value <= {most}"
            return Problem(code, f"Invalid '{path}': {kind} {side}, but got {value} instead.", path)
    return None
