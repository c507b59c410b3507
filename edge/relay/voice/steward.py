"""Minds a pinned conversation by what the vendor says in it: tools, money, and whether it is still ours. Pure.

The same for a call's sideband and for a person's socket that passes through here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from edge.relay.voice.endings import CHANGED, Ending
from edge.relay.voice.ledger import Bill, Prices
from edge.relay.voice.pin import Drift, Pin, is_foreign

Json = dict[str, Any]

MOST_CALLS = 8  # tools of one response
MOST_ROUNDS = 5  # responses in a row that call tools, without a word of the person in between
SAYING = "relay-say"  # metadata of what the relay has said by itself
WATCHED = frozenset({
    "session.created", "session.updated", "response.done", "conversation.item.added", "conversation.item.created",
    "conversation.item.input_audio_transcription.completed", "input_audio_buffer.committed",
})  # fmt: skip


class Desk(Protocol):
    """Who runs tools."""

    @property
    def names(self) -> frozenset[str]:
        """Which there are."""

    def run(self, name: str, arguments: str) -> dict[str, object]:
        """The result; never raises."""


@dataclass(slots=True)
class Found:
    """What an event leads to: events for the vendor, a bill, tools that ran, perhaps the end."""

    send: list[Json] = field(default_factory=list)
    bill: Bill | None = None
    ran: list[tuple[str, bool]] = field(default_factory=list)
    ending: Ending | None = None


class Steward:
    """`handle` takes the events of WATCHED. Without a pin (a device's own session) it only reckons.

    `is_call`: made with our settings, and what the person's side does to it comes to light only here (WebRTC).
    """

    def __init__(
        self, prices: Prices, pin: Pin | None = None, desk: Desk | None = None, *, is_call: bool = False
    ) -> None:
        self._prices, self._pin, self._desk, self._is_call = prices, pin, desk, is_call
        self._hears = prices.config.realtime.transcription
        self._rounds = 0
        self._ours: set[str] = set()  # call ids that we have answered
        self._handlers: dict[str, Callable[[Json], Found]] = {
            "session.created": self._session, "session.updated": self._session, "response.done": self._response,
            "conversation.item.added": self._item, "conversation.item.created": self._item,
            "conversation.item.input_audio_transcription.completed": self._heard,
            "input_audio_buffer.committed": self._spoke,
        }  # fmt: skip

    def handle(self, event: Json) -> Found:
        """What comes of it."""
        handler = self._handlers.get(event.get("type", ""))
        return handler(event) if handler is not None else Found()

    def begin(self, *, new: bool = False) -> Json | None:
        """What makes the session ours; a `new` one was not made with our settings."""
        if self._pin is None:
            return None
        whole = {key: value for key, value in self._pin.session.items() if key != "model"}
        return {"type": "session.update", "session": whole if new else _updatable(self._pin.session)}

    def say(self, text: str) -> Json:
        """Have a sentence spoken beside the conversation."""
        return {
            "type": "response.create",
            "response": {
                "conversation": "none", "metadata": {"topic": SAYING}, "input": [], "tools": [],
                "instructions": f"Say exactly this and nothing else: {text}",
            },
        }  # fmt: skip

    # --- events -------------------------------------------------------------------------------------

    def _session(self, event: Json) -> Found:
        session = event.get("session")
        heard = _at(session, "audio", "input", "transcription", "model")
        self._hears = heard if isinstance(heard, str) else self._hears
        if self._pin is None or (event["type"] == "session.created" and not self._is_call):
            return Found()  # a new session of a socket is made ours by its first update
        drift = self._pin.drift(session)
        if drift is Drift.NONE:
            return Found()
        if drift is Drift.HARD or not self._pin.reassert():
            return Found(ending=CHANGED)
        again = self.begin()
        return Found(send=[again] if again else [])

    def _item(self, event: Json) -> Found:
        item = event.get("item")
        if self._pin is None or not isinstance(item, dict):
            return Found()
        if self._is_call and is_foreign(item):
            return Found(ending=CHANGED)
        if self._is_call and item.get("type") == "function_call_output" and str(item.get("call_id")) not in self._ours:
            return Found(ending=CHANGED)  # somebody else plays the tool
        if item.get("role") == "user":
            self._rounds = 0
        return Found()

    def _spoke(self, _: Json) -> Found:
        self._rounds = 0
        return Found()

    def _heard(self, event: Json) -> Found:
        return Found(bill=self._prices.heard(event, self._hears))

    def _response(self, event: Json) -> Found:
        response = event.get("response")
        if not isinstance(response, dict):
            return Found()
        found = Found(bill=self._prices.response(response))
        output = response.get("output")
        calls = [item for item in output if _is_tool(item)] if isinstance(output, list) else []
        if self._pin is not None and calls and response.get("status") in ("completed", None):
            self._run(calls, found)
        return found

    def _run(self, calls: list[Json], found: Found) -> None:
        """Answers to all, then one response. A call of a tool that is not ours is a session that is not ours."""
        assert self._pin is not None
        if any(str(call.get("name")) not in self._pin.tools for call in calls):
            found.ending = CHANGED
            return
        self._rounds += 1
        enough = self._rounds > MOST_ROUNDS
        for index, call in enumerate(calls):
            name, call_id = str(call.get("name")), str(call.get("call_id", ""))
            if enough or index >= MOST_CALLS or self._desk is None:
                result: dict[str, object] = {"error": "Too many tools in a row. Answer with what you know."}
            else:
                result = self._desk.run(name, str(call.get("arguments", "")))
            found.ran.append((name, "error" not in result))
            self._ours.add(call_id)
            output = json.dumps(result, ensure_ascii=False, default=str)
            item = {"type": "function_call_output", "call_id": call_id, "output": output}
            found.send.append({"type": "conversation.item.create", "item": item})
        more: Json = {"type": "response.create"}
        if enough:
            more["response"] = {"tool_choice": "none"}
        found.send.append(more)


def _is_tool(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") == "function_call"


def _updatable(session: Json) -> Json:
    """A session that exists: its model cannot be updated, and its voice only until it has spoken."""
    audio = session.get("audio", {})
    output = {key: value for key, value in audio.get("output", {}).items() if key not in {"voice", "speed", "format"}}
    # what is the person's own to set is left as it is
    heard = {key: value for key, value in audio.get("input", {}).items() if key == "transcription"}
    sides = {side: part for side, part in (("input", heard), ("output", output)) if part}
    kept = {key: value for key, value in session.items() if key not in {"model", "audio", "output_modalities"}}
    return kept | ({"audio": sides} if sides else {})


def _at(value: object, *path: str) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
