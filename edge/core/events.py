"""What happened, in the past tense: everything that can move a conversation.

Times (`at`, `onset`, ...) are seconds on the daemon's own monotonic clock. A `turn` is the number
of one exchange (what the person said and the reply to it); whatever carries the number of a turn
that is over is late and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


# --- the person's hand -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ButtonDown(Event):
    """The raw button went down. Gestures turn it into the events below."""


@dataclass(frozen=True, slots=True)
class ButtonUp(Event):
    """The raw button came up."""


@dataclass(frozen=True, slots=True)
class Pressed(Event):
    """The button went down, not as the second half of a double tap."""


@dataclass(frozen=True, slots=True)
class Held(Event):
    """The button has stayed down long enough to mean push-to-talk."""


@dataclass(frozen=True, slots=True)
class Released(Event):
    """The button came up after `Held`."""


@dataclass(frozen=True, slots=True)
class LongHeld(Event):
    """The button has stayed down for seconds: mute or unmute, unless the person is talking."""


@dataclass(frozen=True, slots=True)
class ForgetAsked(Event):
    """The person wants the conversation forgotten (double tap, command, by voice); or `everything` that is kept."""

    everything: bool = False


@dataclass(frozen=True, slots=True)
class MuteSet(Event):
    """The microphone was muted or unmuted; None toggles."""

    on: bool | None = None


@dataclass(frozen=True, slots=True)
class SwitchMoved(Event):
    """The mute switch stands so (now, or as the device starts). While there is one, it alone decides."""

    muted: bool


# --- the person's voice ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MicAudio(Event):
    """16 kHz mono int16 audio of the turn being listened to, in order and without a gap."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """Speech is really there; it began at `onset`."""

    onset: float


@dataclass(frozen=True, slots=True)
class SpeechPaused(Event):
    """A short silence that may turn out to be the end (an eager end of turn)."""


@dataclass(frozen=True, slots=True)
class SpeechResumed(Event):
    """The silence after `SpeechPaused` was only a pause, of so many seconds."""

    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechEnded(Event):
    """Silence has lasted: the last voiced frame ended at `voiced_until`."""

    voiced_until: float


@dataclass(frozen=True, slots=True)
class BargedIn(Event):
    """Sustained near-end speech over the reply, begun at `onset`; the speaker is already silent."""

    onset: float


@dataclass(frozen=True, slots=True)
class WakeWordHeard(Event):
    """Somebody has called the device by its word; what comes from `until` on is for it."""

    until: float


@dataclass(frozen=True, slots=True)
class StopWordHeard(Event):
    """Somebody other than the device has said the stop word, up to `until`."""

    until: float


# --- the engine ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentReady(Event):
    """The engine can take a turn now.

    `ends_turns`: it finds the end of the person's turn itself (TurnEnded). `judges`: after each eager end it says
    whether the words so far are all (TurnSeems).
    """

    ends_turns: bool = False
    judges: bool = False


@dataclass(frozen=True, slots=True)
class AgentLost(Event):
    """The engine is gone; `retryable` if it is coming back by itself."""

    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class AgentWarned(Event):
    """The engine works, but its owner should know this."""

    message: str


@dataclass(frozen=True, slots=True)
class VoiceHeard(Event):
    """The engine hears somebody speak in this turn."""

    turn: int


@dataclass(frozen=True, slots=True)
class TurnSeems(Event):
    """The engine, told of an eager end, has made out whether the words so far are all.

    `complete` is a probability; 0.5 is no opinion.
    """

    turn: int
    complete: float


@dataclass(frozen=True, slots=True)
class TurnEnded(Event):
    """The engine has found that the person has finished, and answers."""

    turn: int


@dataclass(frozen=True, slots=True)
class Spent(Event):
    """What something has cost: tokens by kind, and money if a price is known. Counts however late it comes.

    `today` is what the day has cost so far, this included, where somebody counts it. `model` is whose price it is, and
    `ids` are what the service calls what it did; both "" or empty where nobody says.
    """

    of_turn: int
    tokens: dict[str, int] = field(default_factory=dict)
    cost: float | None = None
    today: float | None = None
    model: str = ""
    ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TranscriptHeard(Event):
    """What the engine understood of the person's turn so far; `final` once."""

    turn: int
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class ReplyText(Event):
    """The next piece of the reply's text."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyAudio(Event):
    """The next piece of the reply's sound: mono int16 at `rate`."""

    turn: int
    pcm: bytes
    rate: int


@dataclass(frozen=True, slots=True)
class ReplyEnded(Event):
    """The engine has said all it will say in this turn.

    `outcome`: `done`; `nothing_heard` (no words in the audio: there is no reply); `silenced` (the
    person asked for quiet); `closing` (a goodbye: do not listen for a follow-up); `failed`.
    """

    turn: int
    outcome: str = "done"
    message: str = ""


@dataclass(frozen=True, slots=True)
class ToolCalled(Event):
    """The engine wants a tool run."""

    turn: int
    call: str
    name: str
    arguments: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolFinished(Event):
    """A tool has answered."""

    turn: int
    call: str
    result: dict[str, object] = field(default_factory=dict)


# --- the speaker -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayoutStarted(Event):
    """The first sample of the reply reached the speaker at `at`."""

    turn: int
    at: float


@dataclass(frozen=True, slots=True)
class PlayoutEnded(Event):
    """The last sample of a finished reply has been heard."""

    turn: int


# --- words that do not come by voice -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextGiven(Event):
    """A typed turn (`ask`)."""

    text: str


@dataclass(frozen=True, slots=True)
class SayGiven(Event):
    """Text to be spoken as it stands (`say`, a greeting). `asks`: the person is listened to after it."""

    text: str
    asks: bool = False


@dataclass(frozen=True, slots=True)
class TimerDue(Event):
    """A timer rings now. `text` names it; `late`: it was due while the device was off, and is only told."""

    id: int
    name: str
    text: str
    late: bool = False


@dataclass(frozen=True, slots=True)
class SleepAsked(Event):
    """The person wants no more of the conversation: nobody is listened to after this reply."""


# --- the device ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MicLost(Event):
    """No audio comes from the microphone."""

    message: str


@dataclass(frozen=True, slots=True)
class MicFound(Event):
    """The microphone delivers audio (again)."""


@dataclass(frozen=True, slots=True)
class MicSilent(Event):
    """Every sample that the microphone delivers is zero, as no room is; or no longer."""

    silent: bool


@dataclass(frozen=True, slots=True)
class SpeakerLost(Event):
    """The loudspeaker cannot be opened, or has stopped."""

    message: str


@dataclass(frozen=True, slots=True)
class SpeakerFound(Event):
    """The loudspeaker plays (again)."""


@dataclass(frozen=True, slots=True)
class TimePassed(Event):
    """The conversation's own deadline was reached."""


def kinds() -> tuple[type[Event], ...]:
    """Every event that a conversation takes (the raw button is for Gestures)."""
    # not __subclasses__(): slots=True makes each class anew, and the first one lives on until it is collected
    aside = {Event, ButtonDown, ButtonUp}
    found = (value for value in globals().values() if isinstance(value, type) and issubclass(value, Event))
    return tuple(kind for kind in found if kind not in aside)
