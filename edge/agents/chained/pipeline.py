"""The order of things in the chained engine: what is heard, when it is answered, what is told. Pure.

Methods say what has happened; what is to be done about it is then in `orders`. The work itself, which takes time,
is the client's: `Hear` leads to `heard`, `Think` to `answering.thought`, `Speak` to `answering.sounded`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.agents.chained.answering import Answering, Settings
from edge.agents.chained.orders import EndHearing, Hear, Note, Order, StopHearing, Tell
from edge.core.chain import Heard, Mark, Standing
from edge.core.events import Event, ReplyEnded, TranscriptHeard, TurnEnded, TurnSeems, VoiceHeard
from edge.core.history import History
from edge.ports import Fields

Judge = Callable[[str], float]


@dataclass(slots=True)
class _Turn:
    """A spoken turn. `settled`: what was said up to the pause at hand is known; `over`: somebody said it is."""

    id: int
    text: str = ""
    settled: bool = False
    over: bool = False
    finished: bool = False  # nothing more is heard of it
    voiced: bool = False
    held: bool = False  # by the button: only `end` ends it
    before: str = ""  # what was said in it until a service took that for the end
    failure: str = ""


class Pipeline:
    """`judge`, where there is one, gives the probability that these words are all of a turn."""

    def __init__(self, history: History, settings: Settings, judge: Judge | None = None) -> None:
        self._history, self._judge = history, judge
        self.orders: list[Order] = []
        self.answering = Answering(self.orders.append, history, settings)
        self.service_ends_turns = False
        self._turn: _Turn | None = None
        self._earlier: tuple[int, str] | None = None  # a turn that the person has gone on from, and what was before it

    @property
    def judges(self) -> bool:
        """Whether each eager end leads to TurnSeems."""
        return self._judge is not None

    def take(self) -> list[Order]:
        """What is to be done since the last time."""
        orders = self.orders[:]
        self.orders.clear()
        return orders

    # --- the person's turn --------------------------------------------------------------------------

    def listen(self, turn: int) -> None:
        """Audio of this turn comes."""
        if self._turn is not None and self._turn.id == turn:
            return
        self._abandon()
        self._turn = _Turn(turn)
        self._do(Hear(turn))

    def hold(self, turn: int) -> None:
        """The button is held: whatever a service takes for the end of this turn is only a pause."""
        self.listen(turn)
        if self._turn is not None:
            self._turn.held = True

    def paused(self, turn: int) -> None:
        """The device takes it for the end, probably.

        Transcripts are a tenth of a second behind, and the silence was longer: what is known now is probably all, and
        the model begins with it. If it is not, it begins again when the words are settled.
        """
        now = self._heard_now(turn)
        if now is not None:
            now.settled = False
            self._do(Note(turn, Mark.PAUSED))
            if now.text and not self.service_ends_turns:
                self.answering.begin(turn, self._history.joined(now.text))
            else:
                self.answering.withdraw()

    def resumed(self, turn: int) -> None:
        """It was not."""
        now = self._heard_now(turn)
        if now is not None:
            now.settled = False
            self.answering.withdraw()
            self._do(Note(turn, Mark.RESUMED))

    def end(self, turn: int) -> None:
        """The turn is over: answer it."""
        now = self._turn
        if now is None or now.id != turn:  # there was no audio, only words before it that wait for an answer
            self.listen(turn)
            now = self._turn
        assert now is not None
        now.over = True
        if now.failure:
            self._tell(ReplyEnded(turn, "failed", now.failure))
        elif now.settled:
            self._do(StopHearing(turn))
            self._answer(now)
        elif not now.finished:
            self._do(EndHearing(turn))

    def drop(self, turn: int) -> None:
        """Nobody spoke, or it is not wanted any more."""
        attempt = self.answering.current
        if (self._turn is not None and self._turn.id == turn) or (attempt is not None and attempt.turn == turn):
            self._abandon()

    def _heard_now(self, turn: int) -> _Turn | None:
        now = self._turn
        return now if now is not None and now.id == turn and not (now.over or now.finished) else None

    def _abandon(self) -> None:
        self.answering.drop()
        now, self._turn = self._turn, None
        if now is not None and not now.finished:
            self._do(StopHearing(now.id))

    # --- what the transcriber says ------------------------------------------------------------------

    def heard(self, turn: int, heard: Heard) -> None:
        """What is understood of a turn."""
        now = self._turn
        if self._earlier is not None and self._earlier[0] == turn:
            self._heard_earlier(self._earlier[1], heard)
        if now is None or now.id != turn or now.finished:
            return
        text = f"{now.before} {heard.text}".strip()
        new, now.text = text != now.text, text
        if new and text and heard.standing is not Standing.OVER:
            self._tell_words(now)
        match heard.standing:
            case Standing.EAGER:
                self._eager(now)
            case Standing.RESUMED:
                now.settled = False
                self.answering.withdraw()
            case Standing.OVER if now.held and not now.over:
                now.before, now.settled = now.text, False
                self._do(Hear(now.id, on=True))
            case Standing.OVER:
                now.finished = True
                self._over(now)

    def _tell_words(self, now: _Turn) -> None:
        if self.service_ends_turns and not now.voiced:
            self._tell(VoiceHeard(now.id))
        now.voiced = True
        self._tell(TranscriptHeard(now.id, self._history.joined(now.text), final=False))

    def _eager(self, now: _Turn) -> None:
        whole = self._history.joined(now.text)
        if now.over:
            self._do(StopHearing(now.id))
            self._answer(now)
            return
        now.settled = not self.service_ends_turns
        if whole:
            self.answering.begin(now.id, whole)
        if self._judge is not None and not self.service_ends_turns:
            self._tell(TurnSeems(now.id, self._judge(whole)))

    def _over(self, now: _Turn) -> None:
        if not now.over:
            now.over = True
            if now.text:
                self._tell(TurnEnded(now.id))
        self._answer(now)

    def _answer(self, now: _Turn) -> None:
        now.finished = True
        whole = self._history.joined(now.text)
        if not whole:
            self.answering.withdraw()
            self._tell(ReplyEnded(now.id, "nothing_heard"))
            return
        self._tell(TranscriptHeard(now.id, whole, final=True))
        self.answering.begin(now.id, whole)
        self.answering.release()

    def hearing_failed(self, turn: int, message: str) -> None:
        """Nobody can hear: told now, and to a turn that is not over yet once more at its end."""
        now = self._turn
        if now is not None and now.id == turn and not now.finished:
            now.finished, now.failure = True, message
            self.answering.withdraw()
            self._tell(ReplyEnded(turn, "failed", message))

    # --- anything else that is said -----------------------------------------------------------------

    def text(self, turn: int, text: str) -> None:
        """A typed turn."""
        self._abandon()
        self.answering.begin(turn, self._history.joined(text))
        self.answering.release()

    def say(self, turn: int, text: str) -> None:
        """Not part of the conversation."""
        self._abandon()
        self.answering.announce(turn, text)

    def tool_result(self, turn: int, call: str, result: Fields) -> None:
        """See ports.Agent."""
        self.answering.tool_result(turn, call, result)

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """See ports.Agent."""
        attempt = self.answering.current
        if attempt is not None and attempt.turn == turn:
            self.answering.drop(attempt.spoken.heard(heard_ms))
        if not goes_on:
            self._history.abandon()
        elif self._turn is not None and self._turn.id == turn and not self._turn.finished:
            self._go_on_from(self._turn)
        self._abandon()

    def _go_on_from(self, now: _Turn) -> None:
        """Its transcript is still on the way: it is the beginning of the turn that comes now."""
        before = self._history.joined("")
        self._history.asked_whole(self._history.joined(now.text))
        if not now.over:
            self._do(EndHearing(now.id))
        self._earlier, now.finished = (now.id, before), True

    def _heard_earlier(self, before: str, heard: Heard) -> None:
        attempt = self.answering.current
        if heard.standing is Standing.OVER:
            self._earlier = None
            if attempt is None or not attempt.released:  # else its words have had their answer
                self._history.asked_whole(f"{before} {heard.text}".strip())

    def forget(self) -> None:
        """See ports.Agent."""
        if self.answering.current is not None:
            self.answering.current.question = ""  # or it would come into the history with the next turn
        self._earlier = None
        self._history.clear()

    def _do(self, order: Order) -> None:
        self.orders.append(order)

    def _tell(self, event: Event) -> None:
        self._do(Tell(event))
