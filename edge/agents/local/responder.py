"""From the words of a turn to a spoken reply: the rules, the language model, the voice, the history.

Rules first: what must be right is decided by them. Only the rest goes to the small language model, when
it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.agents.local.answer import Answer
from edge.agents.local.child import COMMAND, Child, JobFailed, WorkerGone
from edge.agents.local.hearing import WORKER_S
from edge.agents.local.understanding import intents
from edge.agents.local.understanding.completeness import judged
from edge.core.clauses import Chunker, speakable
from edge.core.consent import is_yes
from edge.core.events import ReplyEnded, ReplyText, ToolCalled
from edge.core.history import History
from edge.ports import Fields

RATE = 24_000
ENGLISH = "en"  # Whisper's name for what the understanding layer knows
TOOL_S = 10.0
MOST_TOLD = 600  # characters of what is known of the person
MOST_QUESTION, MOST_PAST = 2200, 230  # characters: about 550 and 55 tokens, so that 2,048 are never exceeded
NO_MODEL = (
    "On this device I can tell the time, set timers, change the volume and do sums. "
    "For anything else I need my language model, and {}."
)

Told = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Settings:
    """What wiring found out; `llm_reason` says why `llm` is None.

    `told` gives what is known of the person, in so many characters; None where nothing can be remembered.
    """

    whisper: Path
    llm: Path | None = None
    llm_reason: str = "it is not installed"
    language: str = "en"
    threads: int = 0
    speed: float = 1.0
    max_tokens: int = 120
    instructions: str = ""
    worker: tuple[str, ...] = COMMAND
    told: Told | None = None


class Responder:
    """`respond` makes one reply; `settle` puts it into the history. `timers` tells how many are running."""

    def __init__(
        self, child: Child, settings: Settings, timers: Callable[[], int], history: History | None = None
    ) -> None:
        self._child, self._settings, self._timers = child, settings, timers
        self._history = history or History()
        self._tool: tuple[str, asyncio.Future[Fields]] | None = None
        self._last_reply = ""
        self._asked: intents.Intent | None = None  # what the device has asked the person to confirm

    # --- the conversation so far --------------------------------------------------------------------

    def whole(self, text: str) -> str:
        """The turn that these words complete: words of the person that are still unanswered come first."""
        return self._history.joined(text)

    def settle(self, answer: Answer, heard: str | None = None) -> None:
        """Put an answer into the history: what was heard of it, all of it when nobody cut it short.

        A reply cut before its first word leaves the question open: the person was still talking.
        """
        if answer.kept is not None:
            self._history.take_back(answer.kept)
            answer.kept = None
        if answer.question and answer.released.is_set():
            self._history.asked_whole(answer.question)
            self._history.answered(answer.spoken.text if heard is None else heard)
            self._last_reply = answer.spoken.text or self._last_reply
            answer.question, self._asked = "", None

    def abandon(self) -> None:
        """What is still unanswered is not to be answered any more."""
        self._history.abandon()

    def forget(self) -> None:
        """Clear the history."""
        self._history.clear()
        self._last_reply, self._asked = "", None

    async def prime(self) -> None:
        """Have the model read the conversation so far while the person talks: 0.5 s that nobody waits for."""
        if self._child.loaded.get("mind"):
            with suppress(WorkerGone, JobFailed):
                await self._child.once("think", messages=self._messages(""), most=1)

    # --- understanding ------------------------------------------------------------------------------

    @property
    def judges(self) -> bool:
        """Whether `complete` knows the language that is spoken."""
        return self._settings.language == ENGLISH

    def complete(self, text: str) -> float:
        """Probability that these words are all of the turn."""
        return judged(self._history.joined(text), self._context())

    async def respond(self, answer: Answer, text: str) -> None:
        """Empty text means that nothing was heard: then only words still unanswered are answered."""
        await self._respond(answer, text)
        await answer.released.wait()
        if answer.question and answer.spoken.text:  # until it is known what was heard: the process may end before that
            answer.kept = self._history.note(answer.question, answer.spoken.text)

    async def _respond(self, answer: Answer, text: str) -> None:
        whole = self._history.joined(text)
        if not whole:
            answer.emit(ReplyEnded(answer.turn, "nothing_heard"))
            return
        answer.question = whole
        context = self._context()
        confirmed = self._asked if is_yes(text) else None
        intent = confirmed or intents.match(text, context) or intents.match(whole, context)
        if intent is None:
            await self._converse(answer, whole)
        else:
            await self._obey(answer, intent)

    def _context(self) -> intents.Context:
        return intents.Context(self._last_reply, self._timers(), remembers=self._settings.told is not None)

    async def _obey(self, answer: Answer, intent: intents.Intent) -> None:
        if intent.action == "stop":
            answer.question = ""  # nothing to remember, and nothing left to answer
            answer.emit(ReplyEnded(answer.turn, "silenced"))
            return
        reply = intent.reply or ""
        if intent.tool is not None:
            await answer.released.wait()  # a tool has effects: not before the turn is really over
            result = await self._use(answer, intent)
            if "waiting" in result:  # the device itself asks now
                self._asked, answer.question = intent, ""
            reply = "" if "waiting" in result else intents.spoken(intent.tool, result)
        await self.speak(answer, reply)
        if intent.action == "forget":
            await answer.released.wait()
            self.forget()
            answer.question = ""
        answer.emit(ReplyEnded(answer.turn, "closing" if intent.action == "goodbye" else "done"))

    async def _use(self, answer: Answer, intent: intents.Intent) -> Fields:
        call = f"{answer.turn}-{intent.name}"
        future = asyncio.get_running_loop().create_future()
        self._tool = (call, future)
        answer.emit(ToolCalled(answer.turn, call, str(intent.tool), dict(intent.arguments)))
        try:
            result: Fields = await asyncio.wait_for(future, TOOL_S)
        except TimeoutError:
            return {"error": "That took too long."}
        return result

    def tool_result(self, call: str, result: Fields) -> None:
        """What a ToolCalled came to; a late one is ignored."""
        if self._tool is not None and self._tool[0] == call and not self._tool[1].done():
            self._tool[1].set_result(result)

    # --- answering ----------------------------------------------------------------------------------

    async def _converse(self, answer: Answer, question: str) -> None:
        await asyncio.wait_for(self._child.ready.wait(), WORKER_S)
        if self._child.loaded.get("mind") is False:
            await self.speak(answer, NO_MODEL.format(self._child.reasons["mind"]))
        else:
            async for sentence in self._sentences(question):
                await self.speak(answer, sentence)
        if not answer.spoken.text:
            await self.speak(answer, "I have no answer to that.")
        answer.emit(ReplyEnded(answer.turn))

    async def _sentences(self, question: str) -> AsyncIterator[str]:
        """The model's reply, each part as soon as it can be spoken."""
        chunker = Chunker()
        messages = self._messages(question)
        async for head, _ in self._child.stream("think", messages=messages, most=self._settings.max_tokens):
            for part in chunker.feed(str(head["text"])):
                yield part
        for part in chunker.flush():
            yield part

    def _messages(self, question: str) -> list[dict[str, str]]:
        told = self._settings.told(MOST_TOLD) if self._settings.told is not None else ""
        messages = [{"role": "system", "content": f"{self._settings.instructions}\n{told}".strip()}]
        for past in self._history.exchanges:
            messages.append({"role": "user", "content": past.user[:MOST_PAST]})
            messages.append({"role": "assistant", "content": past.reply[:MOST_PAST]})
        return [*messages, {"role": "user", "content": question[-MOST_QUESTION:]}]

    async def speak(self, answer: Answer, text: str) -> None:
        """One sentence or a few, as text and sound; again if the worker dies before any sound."""
        words = speakable(text)
        if not words:
            return
        answer.emit(ReplyText(answer.turn, words + " "))
        for last_try in (False, True):
            await asyncio.wait_for(self._child.ready.wait(), WORKER_S)
            sounded = False
            try:
                async for _, pcm in self._child.stream("speak", text=words):
                    answer.sound("" if sounded else words, pcm, RATE)
                    sounded = True
            except WorkerGone:
                if sounded or last_try:
                    raise
            else:
                return
