"""What no single key of the chained engine's sections can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.config.chain import LLM_KINDS, STT_KINDS, TTS_KINDS
from edge.config.merging import nearest, shown
from edge.config.schema import Config

KINDS = {"stt": STT_KINDS, "llm": LLM_KINDS, "tts": TTS_KINDS}
PLAYHT = (
    "Play.ht's service ended on 2025-12-31: use elevenlabs, which has cloned voices, and emotion with model eleven_v3."
)


def wrong_chain(config: Config) -> list[str]:
    """All mistakes in [chained], [stt.*], [llm.*] and [tts.*]."""
    found = []
    for stage, kinds in KINDS.items():
        entries: Mapping[str, Any] = getattr(config, stage)
        for name, entry in entries.items():
            found += _entry(f"{stage}.{name}", entry.kind or name, kinds)
        for name in getattr(config.chained, stage):
            if name not in entries and name not in kinds:
                found.append(_unknown(f"chained.{stage}", name, [*kinds, *entries]))
    return found


def _entry(path: str, kind: str, kinds: tuple[str, ...]) -> list[str]:
    if kind in kinds:
        return []
    return [f"{path}: {PLAYHT}" if kind == "playht" else f"{path} needs a kind: one of {', '.join(kinds)}."]


def _unknown(path: str, name: str, known: list[str]) -> str:
    if name == "playht":
        return f"{path}: {PLAYHT}"
    stage = path.removeprefix("chained.")
    return f"{path}: there is no {shown(name)}, and no section [{stage}.{name}].{nearest(name, known)}"
