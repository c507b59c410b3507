"""What all parts of the conversation share: the state, the turn, the deadline, and saying what to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.core import effects as do
from edge.core.effects import Ears, Tone
from edge.core.events import SayGiven
from edge.core.pauses import Pauses, PauseSettings
from edge.core.reports import Problem
from edge.core.table import State
from edge.core.turn import Kind, Turn


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """Which chimes there are, and of the sentences that are recorded the length; times in seconds."""

    tones: frozenset[Tone] = frozenset()
    clips: Mapping[Problem, float] = field(default_factory=dict)
    thinking_s: float = 1.5  # a wait that is shorter needs no sound
    again_s: float = 2.0
    check_s: float | None = None  # of a wait, until it is said that it takes a moment; never by None

    @property
    def any(self) -> bool:
        """Whether there is something to be heard."""
        return bool(self.tones or self.clips)


@dataclass(frozen=True, slots=True)
class ConversationSettings:
    """Times in seconds."""

    preroll_s: float = 0.5
    hold_s: float = 0.4
    tail_s: float = 0.15  # a finger is quicker than the last syllable and the capture path
    lead_in_s: float = 0.3  # audio sent from before a detected onset: detectors miss soft starts
    no_speech_s: float = 8.0
    follow_up_s: float = 6.0
    max_turn_s: float = 360.0
    engine_end_s: float = 10.0  # an engine that finds ends itself waits 8 s for a hesitant speaker at most
    connect_s: float = 60.0
    reply_s: float = 30.0
    stall_s: float = 5.0
    ring_s: float = 120.0  # who has not come by then is not there
    empty_tries: int = 2
    wakes: bool = False  # by a word, beside the button
    pauses: PauseSettings = field(default_factory=PauseSettings)
    sounds: SoundSettings = field(default_factory=SoundSettings)


class Stage:
    """Base of the parts; the effects of one event collect in `_out`."""

    def __init__(self, settings: ConversationSettings | None = None) -> None:
        self.settings = settings or ConversationSettings()
        self.state = State.IDLE
        self.deadline: float | None = None
        self.muted = False
        self.switch: bool | None = None  # whether the mute switch is set; None: there is none
        self.ready = self.engine_ends = self.engine_judges = False
        self.mic_problem = ""
        self.mic_silent = False
        self.agent_problem = ""
        self.agent_away = ""  # why the engine is not there, whether or not it will come back by itself
        self.speaker_problem = ""
        self.turn: Turn | None = None
        self.pauses = Pauses(self.settings.pauses)
        self._silence_s = self.settings.pauses.start_s  # what ends speech now, as the front end has been told
        self._turns = 0
        self._says: deque[SayGiven] = deque()
        self._out: list[do.Effect] = []

    def _enter(self, state: State, deadline: float | None) -> None:
        self.deadline = deadline
        if state is not self.state:
            self.state = state
            self._publish("state", state=str(state))

    def _new_turn(self, kind: Kind, text: str = "") -> Turn:
        self._turns += 1
        self.turn = Turn(self._turns, kind, text)
        return self.turn

    def _wait_for(self, silence_s: float) -> None:
        silence_s = round(silence_s, 2)  # the front end counts frames of 10 ms
        if silence_s != self._silence_s:
            self._silence_s = silence_s
            self._do(do.SetPatience(silence_s))

    def _cancel_reply(self, *, goes_on: bool = False) -> None:
        self._do(do.CancelReply(self._current().id, goes_on))
        self._publish("interrupted")

    def _ears(self) -> Ears:
        """What the front end should do now, when nobody's turn is being listened to."""
        if self._deaf():
            return Ears.OFF
        if self.state in {State.SPEAKING, State.RINGING}:
            return Ears.GUARD
        return Ears.WATCH if self._current().by_voice else Ears.OFF

    def _resting_ears(self) -> Ears:
        """What it should do while nobody has a turn."""
        return Ears.AWAIT if self.settings.wakes and not self._deaf() else Ears.OFF

    def _deaf(self) -> bool:
        """Whether the microphone must not or cannot be listened to."""
        return self.muted or bool(self.mic_problem)

    def _current(self) -> Turn:
        assert self.turn is not None, f"no turn in state {self.state}"
        return self.turn

    def _problem(self, where: str, message: str) -> None:
        self._publish("error", where=where, message=message)

    def _publish(self, event: str, **fields: object) -> None:
        if self.turn is not None:
            fields["turn"] = self.turn.id
        self._do(do.Publish(event, fields))

    def _do(self, effect: do.Effect) -> None:
        self._out.append(effect)
