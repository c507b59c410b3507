"""What can go wrong, on demand. Those that take a session act on the newest unless told another."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tests.fakes.realtime.record import Direction, Seen
from tests.fakes.realtime.schema import Event, Problem
from tests.fakes.realtime.script import BYTES_PER_MS, Failure, Reply, Scripted, failing

SIXTY_MINUTES = "Your session hit the maximum duration of 60 minutes."
Cut = Literal["drop", "half", "freeze"]


@dataclass(frozen=True)
class Refusal:
    """An answer in place of the upgrade; with `raw` these bytes instead of HTTP."""

    status: int = 0
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


PORTAL = Refusal(
    200, "<html><body>Welcome to Hotel WiFi! <a href='/login'>Sign in</a></body></html>", {"Content-Type": "text/html"}
)
REDIRECT = Refusal(302, "", {"Location": "http://portal.invalid/login"})
NETWORK_LOGIN = Refusal(511, "<html><body>Network Authentication Required</body></html>", {"Content-Type": "text/html"})
GARBAGE = Refusal(raw=b"\x16\x03\x01\x00\xff not http at all \x00\r\n\r\n")
HANG_UP = Refusal(raw=b"")


def json_refusal(status: int, message: str, code: str | None, retry_after: str | None = None) -> Refusal:
    """As the vendor's HTTP errors look; `retry_after` in seconds or as a date."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return Refusal(status, json.dumps({"error": error}), headers)


UNAUTHORIZED = json_refusal(401, "Incorrect API key provided.", "invalid_api_key")
FORBIDDEN = json_refusal(403, "Country, region, or territory not supported", "unsupported_country_region_territory")
SERVER_FAULT = json_refusal(500, "The server had an error while processing your request.", "server_error")
UNAVAILABLE = json_refusal(503, "The engine is currently overloaded, please try again later", "overloaded")


def too_many(retry_after: str | None = "7") -> Refusal:
    """429."""
    return json_refusal(429, "Rate limit reached for requests", "rate_limit_exceeded", retry_after)


class Target(Protocol):
    """A live session, as the faults see it."""

    def drop(self, *, reset: bool) -> None:
        """End the TCP connection."""

    async def close(self, code: int, reason: str) -> None:
        """Close properly."""

    def push(self, frame: Event | str | bytes) -> None:
        """Send this, event or not."""

    def error(self, problem: Problem) -> None:
        """Send an error event."""

    def pause(self, *, paused: bool) -> None:
        """Stop or go on reading the socket."""


@dataclass
class Trigger:
    """Cuts when `left` has been counted down by matching frames."""

    cut: Cut
    left: float
    matches: Callable[[Seen], bool]
    weight: Callable[[Seen], float]

    def fires(self, seen: Seen) -> bool:
        """Count the frame; true once."""
        if self.left <= 0 or not self.matches(seen):
            return False
        self.left -= self.weight(seen)
        return self.left <= 0


class Faults:
    """`server.faults`."""

    def __init__(self, targets: Callable[[], list[Target]], script: Scripted) -> None:
        self.connect_delay = 0.0  # seconds before the upgrade is answered
        self.stall = False  # accept, then say nothing: no session.created
        self.quirk: Callable[[Event], Event | None] = _as_it_is  # what another server makes of an event; None: nothing
        self._targets, self._script = targets, script
        self._refusals: list[tuple[Refusal, float]] = []
        self._triggers: list[Trigger] = []
        self._moving = asyncio.Event()
        self._moving.set()

    # ---- before the upgrade -----------------------------------------------------------------------------------

    def refuse(self, refusal: Refusal, times: float = math.inf) -> None:
        """Answer the next handshakes so, all of them by default; refusals queue up."""
        self._refusals.append((refusal, times))

    def accept(self) -> None:
        """Refuse no longer."""
        self._refusals.clear()

    def next_refusal(self) -> Refusal | None:
        """What the handshake at hand gets."""
        if not self._refusals:
            return None
        refusal, times = self._refusals[0]
        self._refusals[:1] = [(refusal, times - 1)] if times > 1 else []
        return refusal

    # ---- the connection ---------------------------------------------------------------------------------------

    def drop(self, session: int = -1, *, reset: bool = False) -> None:
        """End TCP without a close frame, now: by FIN, or by RST."""
        self._targets()[session].drop(reset=reset)

    def drop_all(self) -> None:
        """The same for every session."""
        for target in self._targets():
            target.drop(reset=False)

    def cut_after(self, count: int, kind: str | None = None, direction: Direction = "out", cut: Cut = "drop") -> None:
        """Cut right after the next so many frames of this type; "half" sends half of the last one."""
        self._watch(cut, count, lambda seen: seen.direction == direction and kind in {None, seen.kind})

    def cut_mid_utterance(self, milliseconds: float, cut: Cut = "drop") -> None:
        """Cut once so much more audio has arrived."""
        self._watch(cut, milliseconds, lambda seen: seen.kind == "input_audio_buffer.append", _milliseconds)

    def cut_mid_delta(self, nth: int = 1) -> None:
        """Send half of the nth next audio delta, and end."""
        self.cut_after(nth, "response.output_audio.delta", cut="half")

    def _watch(
        self,
        cut: Cut,
        left: float,
        matches: Callable[[Seen], bool],
        weight: Callable[[Seen], float] = lambda _: 1,
    ) -> None:
        self._triggers.append(Trigger(cut, left, matches, weight))

    def cut_for(self, seen: Seen) -> Cut | None:
        """Whether a frame is the one to cut at."""
        fired = [trigger for trigger in self._triggers if trigger.fires(seen)]
        self._triggers = [trigger for trigger in self._triggers if trigger.left > 0]
        return fired[0].cut if fired else None

    def freeze(self) -> None:
        """Half-open: nothing is read or written, though every socket stays open; new ones hang in the handshake."""
        self._moving.clear()
        for target in self._targets():
            target.pause(paused=True)

    def thaw(self) -> None:
        """Go on where it stopped."""
        self._moving.set()
        for target in self._targets():
            target.pause(paused=False)

    @property
    def frozen(self) -> bool:
        """Whether nothing moves."""
        return not self._moving.is_set()

    async def moving(self) -> None:
        """Wait while frozen."""
        await self._moving.wait()

    # ---- the protocol -----------------------------------------------------------------------------------------

    async def close(self, code: int = 1001, reason: str = SIXTY_MINUTES, session: int = -1) -> None:
        """Close properly; as after 60 minutes by default."""
        await self._targets()[session].close(code, reason)

    async def expire(self, session: int = -1) -> None:
        """The older form of the 60-minute limit: an error event, then the close."""
        self._targets()[session].error(Problem("session_expired", SIXTY_MINUTES))
        await self._targets()[session].close(1001, "")

    def send(self, frame: Event | str | bytes, session: int = -1) -> None:
        """Send anything: an event, text that is none, or a binary frame."""
        self._targets()[session].push(frame)

    def garbage(self) -> None:
        """A broken text, a text that is no object, and a binary frame."""
        for frame in ('{"type":"response.output_audio.delta","delta":', "[1, 2]", b"\x00\xff\xfe binary"):
            self.send(frame)

    def unknown_event(self) -> None:
        """An event of a protocol to come."""
        self.send({"type": "response.hologram.delta", "event_id": "event_unknown", "delta": "?"})

    def beta_events(self, pcm_base64: str = "AAAA") -> None:
        """The retired names, as self-hosted servers still send them."""
        where = {"response_id": "resp_beta", "item_id": "item_beta", "output_index": 0, "content_index": 0}
        item = {"id": "item_beta", "type": "message", "role": "assistant", "content": []}
        for event in (
            {"type": "conversation.item.created", "previous_item_id": None, "item": item},
            {"type": "response.audio_transcript.delta", **where, "delta": "Hello"},
            {"type": "response.audio.delta", **where, "delta": pcm_base64},
            {"type": "response.text.delta", **where, "delta": "Hello"},
            {"type": "response.audio.done", **where},
        ):
            self.send({"event_id": "event_beta", **event})

    def big_frame(self, size: int = 2 << 20) -> None:
        """A valid event of this size."""
        self.send({"type": "response.output_text.delta", "event_id": "event_big", **_NOWHERE, "delta": "x" * size})

    def error(self, code: str, message: str, kind: str = "invalid_request_error") -> None:
        """An `error` event out of the blue."""
        self._targets()[-1].error(Problem(code, message, type=kind))

    def fail_next(self, failure: Failure, text: str = "") -> Reply:
        """Let the next response fail with status failed, after it has said `text`."""
        self._script.replies.insert(0, failing(failure, text))
        return self._script.replies[0]


def _as_it_is(event: Event) -> Event:
    return event


_NOWHERE = {"response_id": "resp_big", "item_id": "item_big", "output_index": 0, "content_index": 0}


def _milliseconds(seen: Seen) -> float:
    return len(str(seen.event.get("audio", ""))) * 3 / 4 / BYTES_PER_MS
