"""The engine's half of a conversation: what is asked of it, and what the client is told of its answer."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from edge.core import events as ev
from edge.relay.voice.own import settings
from edge.relay.voice.own.floor import ALL_MS, Seat
from edge.relay.voice.own.items import Items, words
from edge.relay.voice.own.problems import Json, invalid, missing, unknown
from edge.relay.voice.own.reply import Frame, Reply

REPLY_S = 30.0  # that an engine may say nothing; a worker that must be started again takes most of it
MOST_KEPT = 2000  # events between two responses of one turn
BUSY = "The relay's engine is busy with others. Please try again in a moment."
SLOW = "The relay's engine does not answer. Please try again."
SAY = "Say exactly this and nothing else: "  # how this project's devices ask for words as they stand
RESPONSE = frozenset({
    "instructions", "output_modalities", "audio", "conversation", "input", "metadata", "tools", "tool_choice",
    "max_output_tokens", "prompt", "reasoning", "parallel_tool_calls",
})  # fmt: skip


class Desk(Protocol):
    """The relay's own tools, for what the client has no tool for."""

    def run(self, name: str, arguments: str) -> dict[str, object]:
        """The result; never raises."""


@dataclass(frozen=True, slots=True)
class About:
    """Of a new session. `expires_at` is in seconds since 1970."""

    id: str
    model: str
    expires_at: int


class Answering:
    """`told` takes the engine's events, `tick` the time; what is to be sent is in `out`."""

    _seat: Seat

    def __init__(self, about: About, desk: Desk, spent: Callable[[ev.Spent], None] = lambda _: None) -> None:
        self.config = settings.fresh(about.id, about.model, about.expires_at)
        self.out: list[Json] = []
        self.items = Items()
        self._about, self._desk, self._spent = about, desk, spent
        self._ids = 0
        self._reply: Reply | None = None
        self._typed: list[str] = []  # of the person, unanswered
        self._spoke = False  # there is audio of the person, unanswered
        self._calls: set[str] = set()  # of the client, whose results the engine waits for
        self._kept: list[ev.Event] = []  # what the engine says between two responses of one turn
        self._said_in = ""  # the item that the next transcript is of

    # --- the answer ---------------------------------------------------------------------------------------

    def _checked(self, params: Json) -> Json:
        extra = next((key for key in params if key not in RESPONSE), None)
        if extra is not None:
            raise unknown(f"response.{extra}")
        if "output_modalities" in params:
            settings.modality(params["output_modalities"], "response.output_modalities")
        settings.tools(params.get("tools", []), "response.tools")
        if not isinstance(params.get("instructions", ""), str):
            raise invalid("response.instructions", "a string")
        if not isinstance(params.get("input", []), list) or not isinstance(params.get("metadata"), dict | None):
            raise invalid("response", "a list as input, an object as metadata")
        return params

    def _respond(self, params: Json, now: float) -> None:
        aside = params.get("conversation") == "none"
        output = self.config["audio"]["output"]
        base = {
            "conversation_id": None if aside else f"conv_{self._about.id}",
            "output_modalities": params.get("output_modalities", self.config["output_modalities"]),
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "max_output_tokens": params.get("max_output_tokens", self.config["max_output_tokens"]),
            "metadata": params.get("metadata"),
        }
        how = self._question(params, aside=aside)
        self._reply = Reply(Frame(self._emit, self._new_id, self.items, base, aside), now)
        kept, self._kept = self._kept, []
        if how is None:
            for event in kept:
                self.told(event, now)
            self._nothing_to_say(now)
            return
        self._seat.answer(*how)

    def _nothing_to_say(self, now: float) -> None:
        """A response that was asked for with nothing to answer is empty."""
        if self._reply is not None and not self._seat.turn:
            self._reply.ended(now)
            self._over()

    def _question(self, params: Json, *, aside: bool) -> tuple[str, str] | None:
        """What the engine is to do; None when it is in the middle of a turn. Raises Wrong for nothing at all."""
        given = [words(item) for item in params.get("input", []) if isinstance(item, dict) and "content" in item]
        asked = " ".join(filter(None, given)) or params.get("instructions", "")
        if aside:
            if not asked:
                raise missing("response.input")
            self._seat.interrupt(ALL_MS)
            return ("say", asked.removeprefix(SAY)) if asked.startswith(SAY) else ("text", asked)
        if self._typed or self._spoke:
            typed, self._typed = " ".join(self._typed), []
            spoke, self._spoke = self._spoke, False
            self._kept.clear()
            return ("audio", "") if spoke and not typed else ("text", typed)
        if self._seat.turn and self._seat.wants is not None:
            return None  # the tools have answered: it goes on
        if asked:
            return ("say", asked.removeprefix(SAY)) if asked.startswith(SAY) else ("text", asked)
        return None

    def _stop(self, reason: str, now: float) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            silent = reply.silent
            heard = reply.cancel(reason, now)
            self._calls.clear()
            self._seat.interrupt(heard, goes_on=silent and reason == "turn_detected")

    def _over(self) -> None:
        if self._reply is not None and self._reply.done:
            self._reply = None

    # --- the engine ---------------------------------------------------------------------------------------

    def told(self, event: ev.Event, now: float) -> None:
        """What the engine says of our turn."""
        if isinstance(event, ev.Spent):
            self._spent(event)
        elif isinstance(event, ev.TranscriptHeard):
            self._heard(event)
        elif self._reply is None:
            if not isinstance(event, ev.TurnSeems):
                self._kept.append(event)
                del self._kept[:-MOST_KEPT]
        else:
            self._reply.heard_of = now
            self._answered(self._reply, event, now)
            self._over()

    def _answered(self, reply: Reply, event: ev.Event, now: float) -> None:
        match event:
            case ev.ReplyText(text=said):
                reply.text(said)
            case ev.ReplyAudio(pcm=pcm, rate=rate):
                reply.sound(pcm, rate, now)
                if reply.overlong:
                    self._seat.interrupt(ALL_MS)
                    reply.ended(now, "incomplete", {"type": "incomplete", "reason": "max_output_tokens"})
            case ev.ToolCalled(call=call, name=name, arguments=arguments):
                self._tool(reply, (call, name, json.dumps(arguments, default=str)), now)
            case ev.ReplyEnded(outcome="failed", message=message):
                self._failed(reply, message, now)
            case ev.ReplyEnded():
                reply.ended(now)
            case ev.AgentLost(message=message):
                self._seat.interrupt(0)
                self._failed(reply, message, now)

    def _tool(self, reply: Reply, call: tuple[str, str, str], now: float) -> None:
        """The client's, if it has one of that name; else the relay's own."""
        call_id, name, arguments = call
        if any(tool.get("name") == name for tool in self.config["tools"]):
            self._calls.add(call_id)
            reply.call(call_id, name, arguments, now)
        else:
            self._seat.tool_result(call_id, self._desk.run(name, arguments))

    def _failed(self, reply: Reply, message: str, now: float) -> None:
        error = {"type": "server_error", "code": "server_error", "message": message}
        reply.ended(now, "failed", {"type": "failed", "error": error})

    def _heard(self, event: ev.TranscriptHeard) -> None:
        item = self._said_in
        if event.final and item and item in self.items:
            self.items.get(item, "retrieve")["content"] = [{"type": "input_audio", "transcript": event.text}]
            self._transcribed(item, event.text)
            self._said_in = ""

    def _transcribed(self, item: str, words: str) -> None:
        """To be told if the client has asked for transcripts."""
        if self.config["audio"]["input"]["transcription"] is not None:
            kind = "conversation.item.input_audio_transcription.completed"
            usage = {"type": "duration", "seconds": 0}
            self._emit(kind, item_id=item, content_index=0, transcript=words, usage=usage)

    # --- time ---------------------------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When to `tick` next."""
        reply = self._reply
        return inf if reply is None else min(reply.due, reply.heard_of + REPLY_S)

    def tick(self, now: float) -> None:
        """Send what is due; give up an engine that says nothing."""
        reply = self._reply
        if reply is None:
            return
        reply.tick(now)
        if not reply.done and now >= reply.heard_of + REPLY_S and (self._seat.turn or self._seat.waiting):
            waits = self._seat.waiting
            self._seat.interrupt(reply.heard_ms(now))
            self._failed(reply, BUSY if waits else SLOW, now)
        self._over()

    # --- the wire -----------------------------------------------------------------------------------------

    def _emit(self, kind: str, **fields: Any) -> None:
        self.out.append({"type": kind, "event_id": self._new_id("event"), **copy.deepcopy(fields)})

    def _new_id(self, kind: str) -> str:
        """At most 32 characters, which is what an item's id may have."""
        self._ids += 1
        return f"{kind}_{self._about.id[-12:]}x{self._ids:08d}"
