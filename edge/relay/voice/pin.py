"""What of a session is the relay's to say, and what to do when somebody else says it. Pure.

A person's session is pinned: instructions, tools and whatever else costs money or changes who answers are the relay's.
A device's or a program's is its own, but for the model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]

OWN = {  # of a pinned session, what its person may set
    "": frozenset({"type", "audio", "output_modalities"}),
    "audio.input": frozenset({"format", "turn_detection", "noise_reduction"}),
    "audio.output": frozenset({"format", "speed"}),
}
# of response.create; `conversation: none` and `input` would be a model without the relay's instructions
RESPONSE = frozenset({"output_modalities", "audio", "metadata", "max_output_tokens"})
EVENTS = frozenset({
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "conversation.item.create", "conversation.item.truncate", "conversation.item.delete", "conversation.item.retrieve",
    "response.create", "response.cancel", "output_audio_buffer.clear",
})  # fmt: skip
MOST_REASSERTIONS = 3
SOFT = ("tool_choice", "max_output_tokens", "truncation", "reasoning", "parallel_tool_calls")


class Drift(StrEnum):
    """What a session has become."""

    NONE = "none"
    SOFT = "soft"  # something that is ours to set again
    HARD = "hard"  # somebody has made it another assistant


@dataclass(slots=True)
class Pin:
    """`session` is the whole object as the relay sends it (edge.agents.realtime.session.build)."""

    session: Json
    reassertions: int = 0
    tools: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Know the tools by name."""
        self.tools = frozenset(tool["name"] for tool in self.session.get("tools", ()) if tool["type"] == "function")

    # --- what a person's client may send ----------------------------------------------------------------

    def refusal(self, event: Json) -> str:
        """Why an event of the client is not passed on, "" if it is."""
        kind = event["type"]
        if kind not in EVENTS:
            return "This relay does not pass on events of this type."
        if kind == "session.update":
            return self._of_update(event.get("session"))
        if kind == "response.create":
            return _beyond(event.get("response", {}), RESPONSE, "response")
        return _of_item(event.get("item")) if kind == "conversation.item.create" else ""

    def _of_update(self, session: object) -> str:
        if found := _beyond(session, OWN[""], "session"):
            return found
        assert isinstance(session, dict)
        audio = session.get("audio", {})
        if found := _beyond(audio, frozenset({"input", "output"}), "session.audio"):
            return found
        sides = ((side, audio[side]) for side in ("input", "output") if side in audio)
        return next(filter(None, (_beyond(part, OWN[f"audio.{s}"], f"session.audio.{s}") for s, part in sides)), "")

    # --- what a session has become ----------------------------------------------------------------------

    def drift(self, session: object) -> Drift:
        """Of the `session` in session.created or session.updated."""
        if not isinstance(session, dict):
            return Drift.NONE
        if str(session.get("instructions", "")).strip() != self.session["instructions"].strip():
            return Drift.HARD
        if session.get("prompt") or _tools(session.get("tools")) != _tools(self.session.get("tools")):
            return Drift.HARD
        ours = {key: self.session[key] for key in SOFT if key in self.session}
        soft = any(not _same(session.get(key), value) for key, value in ours.items())
        return Drift.SOFT if soft or self._hears_otherwise(session) else Drift.NONE

    def _hears_otherwise(self, session: Json) -> bool:
        """Another model for transcription costs otherwise."""
        here, there = (_transcription(one) for one in (self.session, session))
        return here != there

    def reassert(self) -> bool:
        """Whether it may be set again once more; who sets and sets is in a fight."""
        self.reassertions += 1
        return self.reassertions <= MOST_REASSERTIONS


def is_foreign(item: object) -> bool:
    """Whether an item was put into the conversation by somebody who plays the relay."""
    return isinstance(item, dict) and item.get("role") in ("system", "developer")


def _of_item(item: object) -> str:
    if not isinstance(item, dict):
        return "item is no object"
    if item.get("type") != "message" or item.get("role") != "user":
        return "Only a person's own messages are passed on: what tools give, and the rest, is the relay's."
    return ""


def _beyond(part: object, allowed: frozenset[str], where: str) -> str:
    if not isinstance(part, dict):
        return f"{where} is no object"
    found = next((key for key in part if key not in allowed), None)
    return f"{where}.{found[:60]} is set by this relay" if found is not None else ""


def _tools(tools: object) -> list[str]:
    """By content, in any order; what a server adds to each (`strict`) counts not."""
    if not isinstance(tools, list):
        return []
    keys = ("type", "name", "description", "parameters", "server_label", "server_url", "connector_id")
    kept = [{key: tool.get(key) for key in keys if tool.get(key)} for tool in tools if isinstance(tool, dict)]
    return sorted(json.dumps(tool, sort_keys=True) for tool in kept) + ["?"] * (len(tools) - len(kept))


def _transcription(session: Json) -> object:
    audio = session.get("audio")
    heard = audio.get("input", {}).get("transcription") if isinstance(audio, dict) else None
    return heard.get("model") if isinstance(heard, dict) else None


def _same(there: object, here: object) -> bool:
    """A server may add fields to an object of ours."""
    if isinstance(here, dict) and isinstance(there, dict):
        return all(_same(there.get(key), value) for key, value in here.items())
    return there == here
