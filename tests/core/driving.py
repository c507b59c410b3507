"""Drives a conversation the way the daemon does, and says in few words what it had done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import Conversation, ConversationSettings

E = TypeVar("E", bound=do.Effect)
START = 100.0
RATE = 24_000

WORDS = {
    do.SetPatience: "patience",
    do.Connect: "conn",
    do.SendAudio: "audio",
    do.HoldTurn: "hold",
    do.EagerEnd: "eager",
    do.TurnResumed: "resume",
    do.EndTurn: "end",
    do.DropTurn: "drop",
    do.SendText: "text",
    do.SendSay: "say",
    do.CancelReply: "cancel",
    do.ClearHistory: "clear",
    do.Play: "play",
    do.FinishPlay: "fin",
    do.Ring: "ring",
    do.Chime: "chime",
    do.Report: "report",
    do.Hush: "hush",
    do.RunTool: "tool",
    do.SendToolResult: "result",
}


def pcm(seconds: float = 0.01, fill: int = 0) -> bytes:
    """So much of the person's sound (16 kHz mono int16)."""
    return bytes([fill]) * (round(seconds * 16_000) * 2)


def word(effect: do.Effect) -> str:
    """One effect in one word; what is published has a `!` before it."""
    if isinstance(effect, do.SetEars):
        return str(effect.mode)
    if isinstance(effect, do.CloseMic):
        return "close" if effect.closed else "open"
    if isinstance(effect, do.Publish):
        return f"!{effect.event}"
    return WORDS[type(effect)]


def brief(effects: Iterable[do.Effect]) -> str:
    """The effects in words, in order, without the published changes of state."""
    return " ".join(text for text in map(word, effects) if text != "!state")


def only(effects: Iterable[do.Effect], kind: type[E]) -> list[E]:
    """The effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]


class Driver:
    """A conversation, the time, and all that was done so far."""

    def __init__(self, settings: ConversationSettings | None = None, *, ready: bool = True) -> None:
        self.conv = Conversation(settings)
        self.now = START
        self.done: list[do.Effect] = []
        if ready:
            self(ev.AgentReady())

    def __call__(self, *events: ev.Event) -> str:
        """Feed events now; returns what was done about them."""
        before = len(self.done)
        for event in events:
            self.done += self.conv.handle(event, self.now)
        return brief(self.done[before:])

    @property
    def turn(self) -> int:
        """The number of the current turn."""
        assert self.conv.turn is not None
        return self.conv.turn.id

    def turn_over(self) -> bool:
        """Whether no turn is under way."""
        return self.conv.turn is None

    @property
    def state(self) -> str:
        """What the light shows."""
        return str(self.conv.state)

    def wait(self, seconds: float) -> str:
        """Let time pass, coming back at every deadline as the daemon does."""
        end, before = self.now + seconds, len(self.done)
        while (due := self.conv.wake_at) is not None and due <= end:
            self.now = due
            self(ev.TimePassed())
        self.now = end
        return brief(self.done[before:])

    # --- what people and engines often do ---------------------------------------------------------

    def say(self, seconds: float = 1.0, fill: int = 0) -> str:
        """The person speaks for so long and is then quiet long enough to have ended."""
        told = [self(ev.SpeechStarted(onset=self.now)), self(ev.MicAudio(pcm(seconds, fill)))]
        told.append(self.wait(seconds + 0.55))
        told.append(self(ev.SpeechEnded(voiced_until=self.now - 0.55)))
        return " ".join(filter(None, told))

    def hear(self, *chunks: int) -> str:
        """Numbered chunks of the person's sound."""
        return self(*[ev.MicAudio(pcm(0.01, number)) for number in chunks])

    def sent(self) -> list[int]:
        """The numbers of the chunks the engine got, in order."""
        return [effect.pcm[0] for effect in only(self.done, do.SendAudio)]

    def tail(self) -> str:
        """The hand has ended the turn, and the last sound has had its time to come in."""
        return self.wait(self.conv.settings.tail_s)

    def ask(self) -> str:
        """Tap, a question: the device thinks."""
        return " ".join([self(ev.Pressed()), self.say()])

    def reply(self, seconds: float = 1.0) -> str:
        """The engine sends so much of a reply."""
        return self(ev.ReplyAudio(self.turn, bytes(round(seconds * RATE) * 2), RATE))

    def reply_ends(self, outcome: str = "done") -> str:
        """The engine has said everything."""
        return self(ev.ReplyEnded(self.turn, outcome, "went wrong" if outcome == "failed" else ""))

    def played(self) -> str:
        """The last sample was heard."""
        return self(ev.PlayoutEnded(self.turn))

    def published(self, name: str) -> list[dict[str, object]]:
        """The fields of everything published so far under one name."""
        return [effect.fields for effect in only(self.done, do.Publish) if effect.event == name]

    def errors(self) -> list[str]:
        """Where things were said to have gone wrong."""
        return [str(fields["where"]) for fields in self.published("error")]


# --- where tests often begin -------------------------------------------------------------------------


def offline() -> Driver:
    """A device whose engine is not there (yet)."""
    return Driver(ready=False)


def listening() -> Driver:
    """A device that was tapped."""
    drive = Driver()
    drive(ev.Pressed())
    return drive


def thinking() -> Driver:
    """A device that was asked something."""
    drive = Driver()
    drive.ask()
    return drive


def speaking() -> Driver:
    """A device in the middle of a reply of two seconds so far."""
    drive = thinking()
    drive.reply(2.0)
    drive(ev.PlayoutStarted(drive.turn, drive.now))
    return drive
