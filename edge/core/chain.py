"""What the stages of the chained engine hand on to each other: hearing, thinking, speaking. Pure.

The interfaces of the stages are in `ports`; `agents.chained` puts them in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from edge.errors import AgentError

RATE = 16_000  # of all audio to a transcriber: mono int16

# --- hearing -----------------------------------------------------------------------------------------


class Mark(StrEnum):
    """What the device says between two pieces of a turn's audio."""

    PAUSED = "paused"  # probably the end: settle what was said, as soon as may be
    RESUMED = "resumed"  # it was not


class Standing(StrEnum):
    """How far a transcript can be relied on."""

    PARTIAL = "partial"  # may still change
    EAGER = "eager"  # all that was said up to a pause that may be the end
    RESUMED = "resumed"  # after EAGER, by a service that hears itself that the person goes on
    OVER = "over"  # all of the turn; nothing follows


@dataclass(frozen=True, slots=True)
class Heard:
    """The whole of the turn so far, as understood now."""

    text: str
    standing: Standing = Standing.PARTIAL


# --- thinking ----------------------------------------------------------------------------------------


class Role(StrEnum):
    """Who says a message."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model wants run. `echo` is opaque: what its vendor wants to see again with the call."""

    id: str
    name: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    echo: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation. ASSISTANT may have `calls`; TOOL answers the call `call` of `name`."""

    role: Role
    text: str
    calls: tuple[Call, ...] = ()
    call: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as function calling describes it: `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Request:
    """What is put to a language model. The last message is the person's, or a tool's result."""

    messages: tuple[Message, ...]
    instructions: str = ""
    tools: tuple[ToolSpec, ...] = ()


# --- speaking ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sound:
    """The next piece of speech, mono int16 at the voice's rate.

    `text` is what begins to be spoken with it, "" where it only goes on. `starts_ms`, where the service tells it,
    is when each character of `text` begins, from the beginning of this piece.
    """

    pcm: bytes
    text: str = ""
    starts_ms: tuple[int, ...] = ()


# --- all of them -------------------------------------------------------------------------------------


class Fault(StrEnum):
    """Why a stage did not do its work."""

    KEY = "key"  # the key is refused, or not allowed to do this
    QUOTA = "quota"  # no money or allowance left
    BUSY = "busy"  # too many requests; `retry_after` may say for how long
    REQUEST = "request"  # the service does not understand: a model that has gone, a voice that is not there
    SERVICE = "service"  # a fault on its side: 5xx, nonsense, a line that broke off
    NETWORK = "network"  # it cannot be reached from here
    STALLED = "stalled"  # connected, and silent


@dataclass(frozen=True, slots=True)
class Used:
    """What was used of a paid model, by kind, named as the units of `config.Price` are.

    text_in (without what is cached), text_cached, text_out, audio_in, audio_out: tokens; audio_seconds; characters.
    `id` is what the service calls what it did, "" where it does not say; it is no part of what was used.
    """

    model: str
    amounts: Mapping[str, float]
    id: str = field(default="", compare=False)


class StageFailed(AgentError):
    """One stage cannot do its work; the message names the service and, where the owner can help, what to do."""

    def __init__(self, message: str, fault: Fault, retry_after: float = 0.0) -> None:
        super().__init__(message, retryable=fault not in {Fault.KEY, Fault.QUOTA, Fault.REQUEST})
        self.fault, self.retry_after = fault, retry_after
