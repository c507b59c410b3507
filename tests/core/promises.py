"""What a conversation promises from one step to the next, each promise with a memory of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from edge.core import effects as do
from edge.core import events as ev
from edge.core.conversation import Conversation, State
from edge.core.turn import Kind, Turn

AWAY = (ev.ForgetAsked, ev.TextGiven)  # whatever was said before, it is not wanted any more
MUTES = (ev.MuteSet, ev.LongHeld, ev.SwitchMoved)


@dataclass(frozen=True)
class Step:
    """One event: the turn as it was before, whether muted and deaf then, and what was done about the event."""

    conv: Conversation
    event: ev.Event
    now: float
    turn: Turn | None
    muted: bool
    deaf: bool
    effects: list[do.Effect] = field(default_factory=list)

    def did(self, *kinds: type[do.Effect]) -> bool:
        """Whether something of these kinds was done."""
        return any(isinstance(effect, kinds) for effect in self.effects)

    @property
    def same_turn(self) -> bool:
        """Whether the turn of before is still the turn."""
        after = self.conv.turn
        return self.turn is not None and after is not None and after.id == self.turn.id


Check = Callable[[Step], None]


def problems(effects: Iterable[do.Effect], where: str = "") -> list[str]:
    """What was said to have gone wrong (there)."""
    told = (e.fields for e in effects if isinstance(e, do.Publish) and e.event == "error")
    return [str(fields["message"]) for fields in told if not where or fields["where"] == where]


def in_the_tail(turn: Turn | None) -> bool:
    """Whether a hand has ended this turn and its last sound is coming in."""
    return turn is not None and turn.closing and not turn.ended


class Tail:
    """Only a hand brings it about, nothing puts off its end, and all that it may do is to end the turn."""

    def __init__(self) -> None:
        self.asked = 0.0

    def __call__(self, step: Step) -> None:
        if isinstance(step.event, ev.Pressed | ev.Released):
            assert not step.did(do.EndTurn), "the last syllable is cut off"
        was, after = in_the_tail(step.turn) and step.same_turn, step.conv.turn
        if in_the_tail(after):
            assert after is not None
            self._goes_on(step, after, begins=not was)
        elif in_the_tail(step.turn):
            self._is_over(step)

    def _goes_on(self, step: Step, turn: Turn, *, begins: bool) -> None:
        if begins:
            assert isinstance(step.event, ev.Pressed | ev.Released)
            self.asked = step.now
        assert step.conv.deadline == self.asked + step.conv.settings.tail_s
        assert turn.times["speech_end"] == self.asked

    def _is_over(self, step: Step) -> None:
        event, turn = step.event, step.conv.turn
        if not step.same_turn:
            gone = isinstance(event, ev.AgentLost) and not event.retryable
            assert gone or isinstance(event, AWAY), "the turn vanished in its tail"
            return
        assert turn is not None
        assert turn.ended
        assert turn.times["speech_end"] == self.asked
        if isinstance(event, ev.TimePassed):
            assert step.now >= self.asked + step.conv.settings.tail_s
        else:
            assert isinstance(event, (*MUTES, ev.SpeechEnded, ev.TurnEnded, ev.MicLost, ev.MicAudio))


class Announcements:
    """Each accepted one is said, once and in order, unless it was told that it could not be, or was not wanted."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    def __call__(self, step: Step) -> None:
        if isinstance(step.event, ev.SayGiven) and not problems(step.effects, "say"):
            self.waiting.append(step.event.text)
        for effect in step.effects:
            if isinstance(effect, do.SendSay) and not self._of_a_timer(effect, step):
                assert effect.text == self.waiting.pop(0), "an announcement out of turn"
            elif isinstance(effect, do.ClearHistory):
                self.waiting.clear()
            elif isinstance(effect, do.DropTurn) and self._given_up(step):
                self.waiting.pop(0)
        turn = step.conv.turn
        next_up = [turn.text] if turn and turn.kind is Kind.SAY and step.conv.state is State.CONNECTING else []
        assert self.waiting == next_up + [say.text for say in step.conv._says], "an announcement is lost or comes twice"

    @staticmethod
    def _of_a_timer(effect: do.SendSay, step: Step) -> bool:
        turn = step.conv.turn
        return turn is not None and turn.id == effect.turn and turn.kind is Kind.RING

    def _given_up(self, step: Step) -> bool:
        if step.turn is None or step.turn.kind is not Kind.SAY:
            return False
        return bool(problems(step.effects)) or (isinstance(step.event, ev.Pressed) and step.deaf)


class Loudspeaker:
    """Its loss is told once, and again to whoever asks for a reply; nothing is played to nobody."""

    def __init__(self) -> None:
        self.problem = ""

    def __call__(self, step: Step) -> None:
        event, told = step.event, problems(step.effects, "speaker")
        if isinstance(event, ev.SpeakerLost):
            assert told == ([event.message] if event.message != self.problem else [])
            self.problem = event.message
        elif isinstance(event, ev.SpeakerFound):
            self.problem = ""
        elif isinstance(event, ev.ReplyAudio) and self.problem and step.effects:
            assert told == [self.problem]
            assert step.did(do.CancelReply)
        else:
            assert not told
        assert step.conv.speaker_problem == self.problem
        if self.problem:
            assert step.conv.state is not State.SPEAKING
            assert not step.did(do.Play)


class Patience:
    """Within its bounds; changed only by what bears on it; and that of this person whenever they are speaking."""

    def __init__(self) -> None:
        self.silence_s: float | None = None

    def __call__(self, step: Step) -> None:
        limits, conv = step.conv.settings.pauses, step.conv
        if self.silence_s is None:
            self.silence_s = limits.start_s
        for effect in step.effects:
            if isinstance(effect, do.SetPatience):
                assert effect.silence_s != self.silence_s, "told what is known"
                assert limits.least_s <= effect.silence_s <= limits.unfinished_s
                self.silence_s = effect.silence_s
        assert limits.least_s <= conv.pauses.usual_s <= limits.most_s
        turn = conv.turn
        if turn is not None and turn.by_voice and not (turn.eager or turn.ended):
            assert self.silence_s == round(conv.pauses.usual_s, 2)
        if step.did(do.SetPatience):
            words = isinstance(step.event, ev.SpeechPaused | ev.TurnSeems)
            assert not words or not (conv.engine_ends or in_the_tail(turn)), "who ends by other means is meddled with"
            assert words or isinstance(step.event, ev.SpeechResumed | ev.SpeechStarted) or step.did(do.SetEars)


def mutes(step: Step) -> None:
    """A long hold toggles unless the person is talking with the button held; nothing else but the mute itself mutes.

    Where there is a switch, all that is nothing against it.
    """
    wanted, turn, switch = step.muted, step.turn, step.conv.switch
    if isinstance(step.event, ev.SwitchMoved) or switch is not None:
        wanted = step.event.muted if isinstance(step.event, ev.SwitchMoved) else step.muted
        assert switch is wanted
    elif isinstance(step.event, ev.LongHeld):
        talking = turn is not None and turn.kind is Kind.HOLD and turn.spoke
        wanted = step.muted if talking else not step.muted
    elif isinstance(step.event, ev.MuteSet):
        wanted = not step.muted if step.event.on is None else step.event.on
    assert step.conv.muted is wanted


def follow_up_has_an_engine(step: Step) -> None:
    """Whoever is listened to without having asked for it has somebody to talk to."""
    turn = step.conv.turn
    if turn is not None and turn.kind is Kind.FOLLOW_UP and not step.same_turn:
        assert step.conv.state is State.LISTENING


def only_going_on_goes_on(step: Step) -> None:
    """The engine is told that the question goes on when speech says so, and only then."""
    for effect in step.effects:
        if isinstance(effect, do.CancelReply):
            assert effect.goes_on is isinstance(step.event, ev.SpeechStarted)


def answered_speech_is_not_new(step: Step) -> None:
    """Speech that began before the end of the turn does not go on with it."""
    event, turn = step.event, step.turn
    if isinstance(event, ev.SpeechStarted) and turn is not None and turn.ended:
        assert not step.effects or event.onset >= turn.times["speech_end"]


def promises() -> list[Check]:
    """All of them, with fresh memories."""
    return [
        Tail(),
        Announcements(),
        Loudspeaker(),
        Patience(),
        mutes,
        follow_up_has_an_engine,
        only_going_on_goes_on,
        answered_speech_is_not_new,
    ]
