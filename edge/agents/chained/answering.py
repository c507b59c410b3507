"""From a question to a spoken answer, attempt by attempt: what is put to the model, what to the voice. Pure.

An attempt may be begun before the turn is over: what comes of it is held back until `release`, and dropped when
the person goes on. Once released it is the answer, and the history gets what was heard of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.agents.chained.attempt import Attempt
from edge.agents.chained.orders import EndSpeaking, Order, Speak, StopAnswering, Tell, Think
from edge.core.chain import Call, Message, Request, Role, Sound, ToolSpec
from edge.core.clauses import speakable
from edge.core.events import Event, ReplyAudio, ReplyEnded, ReplyText, ToolCalled
from edge.core.history import History
from edge.ports import Fields

NOTHING_SAID = "The language model has said nothing."
MOST_TOLD = 1500  # characters
TOO_MANY_ROUNDS = "The language model goes on calling tools without an answer."


@dataclass(frozen=True, slots=True)
class Settings:
    """What every request carries; `most_rounds` of tool calls in one answer.

    `told` gives what is known of the person, in so many characters: it comes behind the instructions.
    """

    instructions: str = ""
    tools: tuple[ToolSpec, ...] = ()
    most_rounds: int = 6
    told: Callable[[int], str] = lambda _: ""


class Answering:
    """`current` is the attempt at hand. What the stages tell of an attempt that is over is late, and ignored."""

    def __init__(self, do: Callable[[Order], None], history: History, settings: Settings) -> None:
        self._do, self._history, self._settings = do, history, settings
        self.current: Attempt | None = None
        self._count = 0

    # --- attempts -----------------------------------------------------------------------------------

    def begin(self, turn: int, question: str) -> None:
        """Work on an answer, unnoticed, unless that is being done for the same words already."""
        attempt = self.current
        if attempt is not None and attempt.turn == turn and _same(attempt.question, question):
            return
        self.drop()
        attempt = self._new(turn, question)
        for past in self._history.exchanges:
            attempt.messages += [Message(Role.USER, past.user), Message(Role.ASSISTANT, past.reply)]
        attempt.messages.append(Message(Role.USER, question))
        self._think(attempt)

    def announce(self, turn: int, text: str) -> None:
        """Speak this as it stands."""
        self.drop()
        attempt = self._new(turn)
        attempt.released = True
        self._say(attempt, attempt.chunker.feed(text) + attempt.chunker.flush())
        self._written(attempt)

    def _new(self, turn: int, question: str = "") -> Attempt:
        self._count += 1
        self.current = Attempt(self._count, turn, question)
        return self.current

    def release(self) -> None:
        """The turn is over, and this answers it: what was held goes out, in order."""
        attempt = self.current
        if attempt is None or attempt.released:
            return
        attempt.released = True
        for event in attempt.held:
            self._do(Tell(event))
        for order in attempt.later:
            self._do(order)
        attempt.held, attempt.later = [], []
        if attempt.over:
            self._note(attempt)
        if not attempt.thinking:
            self._call_tools(attempt)

    def withdraw(self) -> None:
        """Drop what has been begun unnoticed."""
        if self.current is not None and not self.current.released:
            self.drop()

    def drop(self, heard: str | None = None) -> None:
        """Stop whatever goes on; into the history with it, all of it unless told what was `heard`.

        A reply cut before its first word leaves the question open: the person was still talking.
        """
        attempt, self.current = self.current, None
        if attempt is None:
            return
        self._do(StopAnswering(attempt.id))
        if attempt.kept is not None:
            self._history.take_back(attempt.kept)
        if attempt.released and attempt.question:
            self._history.asked_whole(attempt.question)
            self._history.answered(attempt.spoken.text if heard is None else heard)

    # --- the model ----------------------------------------------------------------------------------

    def _think(self, attempt: Attempt) -> None:
        attempt.thinking = True
        settings = self._settings
        instructions = f"{settings.instructions}\n\n{settings.told(MOST_TOLD)}".strip()
        self._do(Think(attempt.id, Request(tuple(attempt.messages), instructions, settings.tools)))

    def thought(self, attempt_id: int, piece: str | Call) -> None:
        """The next piece of the model's reply."""
        attempt = self._at_work(attempt_id)
        if attempt is None:
            return
        if isinstance(piece, Call):
            attempt.calls.append(piece)
            return
        attempt.text += piece
        self._say(attempt, attempt.chunker.feed(piece))

    def thought_over(self, attempt_id: int) -> None:
        """The model has said all it will say for now."""
        attempt = self._at_work(attempt_id)
        if attempt is None:
            return
        attempt.thinking = False
        self._say(attempt, attempt.chunker.flush())  # what leads up to a tool call is spoken meanwhile
        if not attempt.calls:
            self._written(attempt)
        elif attempt.rounds >= self._settings.most_rounds:
            attempt.failure = TOO_MANY_ROUNDS
            self._written(attempt)
        elif attempt.released:
            self._call_tools(attempt)

    def _call_tools(self, attempt: Attempt) -> None:
        """A tool has effects: not before the turn is really over."""
        for call in attempt.calls:
            self._do(Tell(ToolCalled(attempt.turn, call.id, call.name, dict(call.arguments))))

    def tool_result(self, turn: int, call: str, result: Fields) -> None:
        """What a tool came to; with the last one the model goes on."""
        attempt = self.current
        if attempt is None or attempt.turn != turn or not attempt.waits_for_tools:
            return
        if any(known.id == call for known in attempt.calls):
            attempt.results[call] = result
        if not attempt.waits_for_tools:
            attempt.next_round()
            self._think(attempt)

    # --- the voice ----------------------------------------------------------------------------------

    def _say(self, attempt: Attempt, clauses: list[str]) -> None:
        for clause in clauses:
            words = speakable(clause)
            if words:
                self._emit(attempt, ReplyText(attempt.turn, words + " "))
                self._to_voice(attempt, Speak(attempt.id, words), now=not attempt.speaking)
                attempt.speaking = True

    def _written(self, attempt: Attempt) -> None:
        if attempt.speaking:
            self._to_voice(attempt, EndSpeaking(attempt.id), now=not attempt.later)
        else:
            self._end(attempt, attempt.failure or NOTHING_SAID)

    def _to_voice(self, attempt: Attempt, order: Order, *, now: bool) -> None:
        """Before the turn is over only the first clause is spoken: it makes the answer quick, the rest costs money."""
        if attempt.released or now:
            self._do(order)
        else:
            attempt.later.append(order)

    def sounded(self, attempt_id: int, sound: Sound, rate: int) -> None:
        """The next piece of speech."""
        attempt = self._at_work(attempt_id)
        if attempt is not None:
            attempt.spoken.add(len(sound.pcm) / 2 / rate, sound.text, sound.starts_ms)
            if sound.pcm:
                self._emit(attempt, ReplyAudio(attempt.turn, sound.pcm, rate))

    def spoken_over(self, attempt_id: int) -> None:
        """All that was given to the voice has become sound."""
        attempt = self._at_work(attempt_id)
        if attempt is not None:
            attempt.spoken.finish()
            self._end(attempt, attempt.failure)

    # --- ends ---------------------------------------------------------------------------------------

    def thinking_failed(self, attempt_id: int, message: str) -> None:
        """The model cannot go on: what it has said so far is spoken, then the failure is told."""
        attempt = self._at_work(attempt_id)
        if attempt is None:
            return
        if not attempt.released:
            self.drop()  # it is tried again when the turn is over
            return
        attempt.thinking, attempt.calls, attempt.failure = False, [], message
        self._say(attempt, attempt.chunker.flush())
        self._written(attempt)

    def speaking_failed(self, attempt_id: int, message: str) -> None:
        """The voice cannot go on: nothing more can be said."""
        attempt = self._at_work(attempt_id)
        if attempt is None:
            return
        if not attempt.released:
            self.drop()
            return
        self._do(StopAnswering(attempt.id))
        self._end(attempt, message)

    def _end(self, attempt: Attempt, failure: str) -> None:
        attempt.over = True
        if attempt.released:
            self._note(attempt)
        self._emit(attempt, ReplyEnded(attempt.turn, "failed" if failure else "done", failure))

    def _note(self, attempt: Attempt) -> None:
        """In the history as if all had been heard, until it is known what was: the process may end before that."""
        if attempt.question and attempt.spoken.text:
            attempt.kept = self._history.note(attempt.question, attempt.spoken.text)

    def _at_work(self, attempt_id: int) -> Attempt | None:
        attempt = self.current
        return attempt if attempt is not None and attempt.id == attempt_id and not attempt.over else None

    def _emit(self, attempt: Attempt, event: Event) -> None:
        if attempt.released:
            self._do(Tell(event))
        else:
            attempt.held.append(event)


def _same(one: str, other: str) -> bool:
    """Whether they are the same words: services set marks and capitals anew with every result."""
    return _words(one) == _words(other)


def _words(text: str) -> list[str]:
    bare = "".join(char for char in text.lower() if char.isalnum() or char.isspace())
    return bare.split()
