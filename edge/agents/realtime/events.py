"""What a Realtime server tells us, in the past tense: only what we use of it.

Ids are "" and indices 0 where the server left them out. Texts never hold lone surrogates.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.items import Item, Response
from edge.agents.realtime.usage import HeardUsage, RateLimit


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class Ignored(ServerEvent):
    """A well-formed event that we have no use for; `reason` is empty when we do not even know it."""

    kind: str
    reason: str = ""


# --- session -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionCreated(ServerEvent):
    """The session stands. `expires_at` is in seconds since 1970, 0 when the server does not say."""

    session_id: str
    model: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class SessionUpdated(ServerEvent):
    """Our session.update has been taken."""

    session_id: str
    model: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class ErrorHappened(ServerEvent):
    """Something went wrong; most errors leave the session as it was, see `error.kind`."""

    error: ApiError


@dataclass(frozen=True, slots=True)
class RateLimitsUpdated(ServerEvent):
    """Comes with the start of each response."""

    limits: tuple[RateLimit, ...]


# --- what the person said, and the conversation it becomes part of ------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechStarted(ServerEvent):
    """The server's detector heard speech; times count the audio written to the buffer in this session."""

    item_id: str
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped(ServerEvent):
    """The server's detector thinks the person has finished."""

    item_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class AudioCommitted(ServerEvent):
    """The buffer has become the user item `item_id`."""

    item_id: str
    previous_item_id: str


@dataclass(frozen=True, slots=True)
class AudioCleared(ServerEvent):
    """The buffer has been emptied."""


@dataclass(frozen=True, slots=True)
class IdleTimedOut(ServerEvent):
    """Nobody spoke for `idle_timeout_ms`; the server goes on by itself."""

    item_id: str
    audio_start_ms: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class HeardDelta(ServerEvent):
    """The next piece of the transcript of what the person said."""

    item_id: str
    content_index: int
    text: str


@dataclass(frozen=True, slots=True)
class HeardDone(ServerEvent):
    """The whole transcript; may come after the reply, so it is matched by item."""

    item_id: str
    content_index: int
    text: str
    usage: HeardUsage


@dataclass(frozen=True, slots=True)
class HeardFailed(ServerEvent):
    """There will be no transcript of this item; the model has heard it all the same."""

    item_id: str
    content_index: int
    error: ApiError


@dataclass(frozen=True, slots=True)
class ItemAdded(ServerEvent):
    """An item entered the conversation, ours or the model's; its content may still be to come."""

    item: Item
    previous_item_id: str


@dataclass(frozen=True, slots=True)
class ItemDone(ServerEvent):
    """An item is complete."""

    item: Item
    previous_item_id: str


@dataclass(frozen=True, slots=True)
class ItemDeleted(ServerEvent):
    """Our deletion took place."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ItemTruncated(ServerEvent):
    """Our truncation took place; the server has dropped the item's transcript."""

    item_id: str
    content_index: int
    audio_end_ms: int


# --- the reply, and what remote MCP servers did for it ------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResponseCreated(ServerEvent):
    """A reply has begun; until its ResponseDone no other may be asked for in the conversation."""

    response: Response


@dataclass(frozen=True, slots=True)
class ResponseDone(ServerEvent):
    """A reply is over, however it ended."""

    response: Response


@dataclass(frozen=True, slots=True)
class OutputItemAdded(ServerEvent):
    """The reply has got an item."""

    response_id: str
    output_index: int
    item: Item


@dataclass(frozen=True, slots=True)
class OutputItemDone(ServerEvent):
    """An item of the reply is complete: a function call has all its arguments."""

    response_id: str
    output_index: int
    item: Item


@dataclass(frozen=True, slots=True)
class OfPart(ServerEvent):
    """Belongs to one part of one item of one reply: what comes after an interruption is told by these."""

    response_id: str
    item_id: str
    content_index: int


@dataclass(frozen=True, slots=True)
class AudioDelta(OfPart):
    """The next sound of the reply: 24 kHz mono int16, though it may end within a sample (see `pcm.Joiner`)."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class AudioDone(OfPart):
    """All the sound of this part has come."""


@dataclass(frozen=True, slots=True)
class TextDelta(OfPart):
    """The next piece of the reply's text; `spoken` when it is the transcript of its sound."""

    text: str
    spoken: bool


@dataclass(frozen=True, slots=True)
class TextDone(OfPart):
    """The whole text of this part."""

    text: str
    spoken: bool


@dataclass(frozen=True, slots=True)
class McpToolsListed(ServerEvent):
    """The server has asked an MCP server for its tools, in vain if not `ok`."""

    item_id: str
    ok: bool


@dataclass(frozen=True, slots=True)
class McpCallEnded(ServerEvent):
    """The server has run a tool of an MCP server."""

    item_id: str
    ok: bool
