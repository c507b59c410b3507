"""One conversation over Realtime sessions: what to send and what to tell, for all that happens. Pure.

A session ends at any time; the conversation does not. So the turn's audio is kept until it is answered
and sent again once, what was said is put back as text, and only one response is ever under way: a second
`response.create` waits for the first one's `response.done`.
"""

from __future__ import annotations

from edge.agents.realtime.exchange import MOST_ASKS, UNHEARD, Out
from edge.agents.realtime.pcm import BYTES_PER_MS
from edge.agents.realtime.receiving import Receiving
from edge.agents.realtime.turn import Phase, Reply, Turn
from edge.core import events as core
from edge.ports import Fields

LEAST_MS = 100  # a shorter commit is refused by the vendor


class Dialogue(Receiving):
    """The device's side, and the coming and going of sessions.

    Every method returns commands for the server and events for the device, in order.
    """

    # --- the device ---------------------------------------------------------------------------------

    def audio(self, turn: int, pcm: bytes) -> Out:
        """The next 24 kHz audio of a turn."""
        current = self._open(turn)
        if current.phase is Phase.OPEN:
            current.voice.pcm += pcm
            self._send_voice(current)
        return self._take()

    def hold(self, turn: int) -> Out:
        """Only `end_of_turn` ends this turn."""
        current = self._open(turn)
        if self._hands is not None and not current.held and current.phase < Phase.OVER:
            if current.phase is not Phase.OPEN:
                self._take_back(current)
            current.held = True
            self._hand_over()
        return self._take()

    def _open(self, turn: int) -> Turn:
        if self._turn is None or self._turn.id != turn:
            opened = self._carried or Turn(turn)
            self._carried = None
            self._begin(opened)
            if self._buffer.tail:  # it would be heard once more, and as the start of this turn
                self._out.append(self._buffer.clear())
            opened.id = turn
            if opened.phase is not Phase.OPEN:
                opened.reopen()
        return self._current()

    def _take_back(self, current: Turn) -> None:
        """The server has ended the turn in the moment in which the button was held: what it begins is for nobody."""
        self._stop(current)
        self._cut(current, 0)
        current.reopen()
        current.reply = Reply()

    def end_of_turn(self, turn: int) -> Out:
        """The person has finished."""
        current = self._turn
        if current is not None and current.id == turn and current.phase is not Phase.OPEN:
            return []  # the server was quicker
        if current is None or current.id != turn or self._fresh_ms(current) < LEAST_MS:
            self._drop(turn)
            return [*self._take(), core.ReplyEnded(turn, "nothing_heard")]
        current.phase = Phase.COMPLETE
        self._ask()
        return self._take()

    @staticmethod
    def _fresh_ms(current: Turn) -> int:
        return (len(current.voice.pcm) - current.voice.lead) // BYTES_PER_MS

    def drop_turn(self, turn: int) -> Out:
        """Nobody spoke."""
        self._drop(turn)
        return self._take()

    def _drop(self, turn: int) -> None:
        current = self._turn
        if current is not None and current.id == turn and current.phase < Phase.OVER:
            self._stop(current)
            if current.voice.lead:  # the first part of it stays
                self._settle(current)
            current.close(Phase.CANCELLED)
            self._turn = None

    def text(self, turn: int, text: str) -> Out:
        """A typed turn."""
        self._begin(Turn(turn, text=text, phase=Phase.COMPLETE))
        self._ask()
        return self._take()

    def say(self, turn: int, text: str) -> Out:
        """Speak a text as it stands, outside the conversation."""
        self._begin(Turn(turn, speech=text, phase=Phase.COMPLETE))
        self._ask()
        return self._take()

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool = False) -> Out:
        """The speaker is silent already: cancel what is being made, and cut what was made to what was heard."""
        current = self._turn
        if current is None or current.id != turn:
            return []
        self._stop(current)
        self._turn = None
        if goes_on and current.unanswered and current.voice.pcm and not current.begun:
            current.phase, self._carried = Phase.CANCELLED, current
            return self._take()
        self._cut(current, heard_ms)
        self._settle(current, current.reply.heard(heard_ms))
        current.close(Phase.CANCELLED)
        return self._take()

    def tool_result(self, turn: int, call: str, result: Fields) -> Out:
        """What a tool gave: sent when all calls of the reply have theirs, with one request to go on."""
        current = self._turn
        if current is not None and current.id == turn and call in current.tools.open:
            current.tools.open[call].result = result
            self._tools_done(current)
        return self._take()

    def forget(self) -> None:
        """Clear what is remembered here; the caller opens a new session."""
        self.history.clear()
        self._turn = self._carried = None
        self._requests.give_up()

    def abandon(self) -> None:
        """Nobody is going to answer the turn that waits, and the device knows."""
        if self._turn is not None and self._turn.unanswered:
            self._turn.tools.open.clear()
            self._turn.close(Phase.OVER)

    # --- the session --------------------------------------------------------------------------------

    def opened(self) -> Out:
        """A session is ready: put back what was said, then the turn that is still unanswered."""
        self.online = True
        self._told = []
        self._catch_up()
        self._put_back(self.history.joined(""), "")  # a question that was interrupted before its answer
        current = self._turn
        if current is not None:
            self._put_back_turn(current)
        return self._take()

    def _put_back_turn(self, current: Turn) -> None:
        if current.phase is Phase.COMPLETE and current.asks >= MOST_ASKS:
            current.tools.open.clear()
            self._end(current, "failed", "The connection broke in the middle of the answer.")
        if current.phase < Phase.OVER:
            self._again(current)
        elif current.asks and not (current.speech or current.settled):
            self._put_back(current.question or UNHEARD, current.reply.said)

    def closed(self) -> Out:
        """The session is gone, for whatever reason."""
        self.online = False
        self._requests.reset()
        self._buffer.reset()
        self._owners.clear()
        for turn in (self._turn, self._carried):
            if turn is not None:
                turn.lose_session()
        return self._take()
