"""What is to be done, as imperatives. The daemon carries them out in the order given."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from edge.core.reports import Problem


class Ears(StrEnum):
    """What the front end does with the microphone's frames."""

    OFF = "off"  # nothing; the ring goes on filling for the pre-roll
    LISTEN = "listen"  # hand the audio over, find the end of the turn
    AWAIT = "await"  # nobody's turn: wait for the wake word
    WATCH = "watch"  # the turn is over, the reply not begun: only tell when the person goes on talking
    GUARD = "guard"  # while speaking: duck, then decide


class Tone(StrEnum):
    """The chimes."""

    START = "start"  # the person is listened to
    END = "end"  # the question has been taken
    MUTE = "mute"
    UNMUTE = "unmute"
    ERROR = "error"
    OFFLINE = "offline"
    THINKING = "thinking"
    TIMER = "timer"  # one is due, and rings when the reply is over


@dataclass(frozen=True, slots=True)
class Effect:
    """Base of all effects."""


@dataclass(frozen=True, slots=True)
class SetEars(Effect):
    """Change what the front end does. LISTEN starts with the audio of the time `since`."""

    mode: Ears
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class SetPatience(Effect):
    """From now on, a silence of so many seconds ends the person's speech."""

    silence_s: float


@dataclass(frozen=True, slots=True)
class CloseMic(Effect):
    """Mute or unmute the microphone itself: close the device and wipe the ring, or open it."""

    closed: bool


@dataclass(frozen=True, slots=True)
class Connect(Effect):
    """Make the engine ready; harmless when it is or is about to be."""


@dataclass(frozen=True, slots=True)
class SendAudio(Effect):
    """Give the engine the next audio of the turn (16 kHz mono int16)."""

    turn: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class HoldTurn(Effect):
    """Tell the engine that the button is held: only EndTurn ends this turn, whatever the engine hears."""

    turn: int


@dataclass(frozen=True, slots=True)
class EagerEnd(Effect):
    """Tell the engine that the turn has probably ended: it may start to work on it, silently."""

    turn: int


@dataclass(frozen=True, slots=True)
class TurnResumed(Effect):
    """Take EagerEnd back: the person goes on."""

    turn: int


@dataclass(frozen=True, slots=True)
class EndTurn(Effect):
    """The person's turn is complete: answer it."""

    turn: int


@dataclass(frozen=True, slots=True)
class DropTurn(Effect):
    """Forget the audio of this turn: nobody spoke, or it was cancelled."""

    turn: int


@dataclass(frozen=True, slots=True)
class SendText(Effect):
    """A typed turn."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class SendSay(Effect):
    """Have this text spoken as it stands."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class CancelReply(Effect):
    """Silence the speaker first, then tell the engine to stop and how much was heard.

    `goes_on`: the person has only gone on with the question, which still wants an answer.
    """

    turn: int
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class ClearHistory(Effect):
    """Have the engine forget the conversation."""


@dataclass(frozen=True, slots=True)
class Play(Effect):
    """Queue reply audio (mono int16 at `rate`) at the speaker."""

    turn: int
    pcm: bytes
    rate: int


@dataclass(frozen=True, slots=True)
class FinishPlay(Effect):
    """No more audio will come for this turn: report when the last sample was heard."""

    turn: int


@dataclass(frozen=True, slots=True)
class Ring(Effect):
    """Queue the tune of a timer at the speaker, the how many-th: the first ones are softer."""

    turn: int
    number: int


@dataclass(frozen=True, slots=True)
class Chime(Effect):
    """Sound a chime over whatever plays; it is no part of a reply."""

    tone: Tone


@dataclass(frozen=True, slots=True)
class Report(Effect):
    """Say in recorded words what is wrong; no part of a reply either."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Hush(Effect):
    """End a Chime or a Report that still sounds."""


@dataclass(frozen=True, slots=True)
class RunTool(Effect):
    """Run a tool, outside the loop, within its time limit."""

    turn: int
    call: str
    name: str
    arguments: dict[str, object]


@dataclass(frozen=True, slots=True)
class SendToolResult(Effect):
    """Give the engine what its tool call came to."""

    turn: int
    call: str
    result: dict[str, object]


@dataclass(frozen=True, slots=True)
class Publish(Effect):
    """Tell whoever watches (panel, terminal, control socket, journal). Names: design section 8."""

    event: str
    fields: dict[str, object] = field(default_factory=dict)
