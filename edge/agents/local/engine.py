"""The offline engine behind the Agent port: listen, understand, think, speak, all on this machine.

Intents first: what must be right is decided by rules. Only the rest goes to the small language model,
when it is there. On an eager end of turn all of this starts early and is held back (see Answer).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.agents.local.answer import Answer
from edge.agents.local.child import COMMAND, Child, JobFailed, WorkerGone
from edge.agents.local.hearing import WORKER_S, Hearing
from edge.agents.local.understanding import intents
from edge.agents.local.understanding.text import Chunker, speakable
from edge.core.events import AgentLost, AgentReady, ReplyEnded, ReplyText, ToolCalled, TranscriptHeard
from edge.core.history import History
from edge.ports import Fields, Post

RATE = 24_000
TOOL_S = 10.0
MANY_CRASHES = 3
MOST_QUESTION, MOST_PAST = 2500, 250  # characters: about 600 and 60 tokens, so that 2,048 are never exceeded

NO_MODEL = "On this device I can tell the time, set timers, change the volume and do sums. For anything else I need my language model, and {}."  # noqa: E501


@dataclass(frozen=True, slots=True)
class Settings:
    """What wiring found out; `llm_reason` says why `llm` is None."""

    whisper: Path
    llm: Path | None = None
    llm_reason: str = "it is not installed"
    language: str = "en"
    threads: int = 0
    speed: float = 1.0
    max_tokens: int = 120
    instructions: str = ""


class LocalAgent:
    """See ports.Agent. `check` raises nothing and returns what keeps the engine from starting, or ""."""

    name = "local"

    def __init__(
        self, settings: Settings, post: Post, check: Callable[[], str], worker: tuple[str, ...] = COMMAND
    ) -> None:
        self._settings, self._post, self._check = settings, post, check
        self._history = History()
        self._child = Child(_load(settings), self._changed, worker)
        self._keeper: asyncio.Task[None] | None = None
        self._hearing: tuple[int, Hearing] | None = None
        self._answer: Answer | None = None
        self._work: asyncio.Task[None] | None = None
        self._priming: asyncio.Task[None] | None = None
        self._tool: tuple[str, asyncio.Future[Fields]] | None = None
        self._last_reply = ""
        self._crashes = 0

    # --- life ---------------------------------------------------------------------------------------

    async def open(self) -> None:
        """See ports.Agent."""
        self.connect()

    def connect(self) -> None:
        """See ports.Agent."""
        if self._keeper is not None and not self._keeper.done():
            return
        problem = self._check()
        if problem:
            self._post(AgentLost(problem, retryable=False))
        else:
            self._keeper = asyncio.ensure_future(self._child.supervise())

    async def close(self) -> None:
        """See ports.Agent."""
        self._abandon()
        if self._priming is not None:
            self._priming.cancel()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    def _changed(self, what: str, text: str) -> None:
        if what == "ready":
            self._crashes = 0
            self._post(AgentReady())
        elif what == "broken":
            self._post(AgentLost(f"The offline engine cannot start: {text}", retryable=False))
        else:  # a single crash is not told: work goes on with the next worker, the audio is still here
            self._crashes += 1
            if self._crashes >= MANY_CRASHES:
                self._post(AgentLost(f"The offline engine keeps failing: {text}", retryable=True))

    # --- the turn -----------------------------------------------------------------------------------

    def audio(self, turn: int, pcm: bytes) -> None:
        """See ports.Agent."""
        if self._hearing is None or self._hearing[0] != turn:
            self._abandon()
            self._hearing = (turn, Hearing(self._child))
            self._prime()
        self._hearing[1].add(pcm)

    def _prime(self) -> None:
        """Have the model read the conversation so far while the person talks: 0.5 s that nobody waits for."""
        if self._child.loaded.get("mind"):
            self._priming = asyncio.ensure_future(self._read_history())

    async def _read_history(self) -> None:
        with suppress(WorkerGone, JobFailed):
            await self._child.once("think", messages=self._messages(""), most=1)

    def eager_end(self, turn: int) -> None:
        """See ports.Agent."""
        self._discard_early_work(turn)
        if self._hearing is not None and self._hearing[0] == turn:
            self._hearing[1].paused()
        self._begin(turn)

    def turn_resumed(self, turn: int) -> None:
        """See ports.Agent."""
        self._discard_early_work(turn)
        if self._hearing is not None and self._hearing[0] == turn:
            self._hearing[1].resumed()

    def _discard_early_work(self, turn: int) -> None:
        if self._answer is not None and self._answer.turn == turn:
            self._stop_work()

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        if self._answer is None or self._answer.turn != turn:
            self._begin(turn)
        if self._answer is not None:
            self._answer.release()

    def _begin(self, turn: int) -> None:
        hearing = self._hearing[1] if self._hearing and self._hearing[0] == turn else Hearing(self._child)
        self._start(turn, lambda answer: self._hear(answer, hearing))

    def drop_turn(self, turn: int) -> None:
        """See ports.Agent."""
        if self._hearing and self._hearing[0] == turn:
            self._abandon()

    def text(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._abandon()
        self._start(turn, lambda answer: self._understand(answer, text)).release()

    def say(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._abandon()

        async def speak(answer: Answer) -> None:
            await self._speak(answer, speakable(text))
            answer.emit(ReplyEnded(turn))

        self._start(turn, speak).release()

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """See ports.Agent."""
        answer = self._answer
        if answer is not None and answer.turn == turn:
            self._settle(answer.heard(heard_ms))
        if not goes_on:
            self._history.abandon()
        self._abandon()

    def tool_result(self, _turn: int, call: str, result: Fields) -> None:
        """See ports.Agent."""
        if self._tool is not None and self._tool[0] == call and not self._tool[1].done():
            self._tool[1].set_result(result)

    def forget(self) -> None:
        """See ports.Agent."""
        self._history.clear()
        self._last_reply = ""
        if self._answer is not None:
            self._answer.question = ""  # or it would be put into the history with the next turn

    def stats(self) -> Fields:
        """See ports.Agent."""
        child = self._child
        mind = (child.reasons["mind"] or "loaded") if "mind" in child.loaded else "loading"
        return {
            "engine": self.name,
            "ready": child.ready.is_set(),
            "loaded": dict(child.loaded),
            "worker_pid": child.pid,
            "worker_rss_mb": child.rss_mb,
            "worker_restarts": child.restarts,
            "language_model": mind,
        }

    # --- work in the background ---------------------------------------------------------------------

    def _start(self, turn: int, work: Callable[[Answer], object]) -> Answer:
        self._stop_work()
        answer = self._answer = Answer(turn, self._post)
        self._work = asyncio.ensure_future(self._guard(answer, work))
        return answer

    async def _guard(self, answer: Answer, work: Callable[[Answer], object]) -> None:
        """The task's boundary: a turn always ends, whatever goes wrong in it."""
        try:
            await work(answer)  # type: ignore[misc]
        except (WorkerGone, JobFailed, TimeoutError) as error:
            reason = str(error) or "its worker ended"
            answer.emit(ReplyEnded(answer.turn, "failed", f"The offline engine could not answer: {reason}."))
        except Exception as error:  # noqa: BLE001  a task's boundary
            answer.emit(ReplyEnded(answer.turn, "failed", f"The offline engine failed: {error!r}."))

    def _stop_work(self) -> None:
        self._settle()
        if self._work is not None:
            self._work.cancel()
        self._work = self._answer = None

    def _abandon(self) -> None:
        self._stop_work()
        if self._hearing is not None:
            self._hearing[1].close()
            self._hearing = None

    # --- understanding ------------------------------------------------------------------------------

    async def _hear(self, answer: Answer, hearing: Hearing) -> None:
        text = await hearing.read()
        if text and not answer.released.is_set():
            self._post(TranscriptHeard(answer.turn, text, final=False))
        whole = self._history.joined(text)
        if whole:
            answer.emit(TranscriptHeard(answer.turn, whole, final=True))
        await self._understand(answer, text)

    async def _understand(self, answer: Answer, text: str) -> None:
        """Empty text means that nothing was heard: then only words still unanswered are answered."""
        whole = self._history.joined(text)
        if not whole:
            answer.emit(ReplyEnded(answer.turn, "nothing_heard"))
            return
        answer.question = whole
        context = intents.Context(last_reply=self._last_reply)
        intent = intents.match(text, context) or intents.match(whole, context)
        if intent is None:
            await self._converse(answer, whole)
        else:
            await self._obey(answer, intent)

    async def _obey(self, answer: Answer, intent: intents.Intent) -> None:
        if intent.action == "stop":
            answer.emit(ReplyEnded(answer.turn, "silenced"))
            return
        reply = intent.reply or ""
        if intent.tool is not None:
            await answer.released.wait()  # a tool has effects: not before the turn is really over
            reply = intents.spoken(intent.tool, await self._use(answer, intent))
        await self._speak(answer, reply)
        if intent.action == "forget":
            await answer.released.wait()
            self.forget()
        self._finish(answer, "closing" if intent.action == "goodbye" else "done")

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

    # --- answering ----------------------------------------------------------------------------------

    async def _converse(self, answer: Answer, question: str) -> None:
        await asyncio.wait_for(self._child.ready.wait(), WORKER_S)
        if self._child.loaded.get("mind") is False:
            await self._speak(answer, NO_MODEL.format(self._child.reasons["mind"]))
        else:
            async for sentence in self._sentences(question):
                await self._speak(answer, sentence)
        if not answer.spoken:
            await self._speak(answer, "I have no answer to that.")
        self._finish(answer)

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
        messages = [{"role": "system", "content": self._settings.instructions}]
        for past in self._history.exchanges:
            messages.append({"role": "user", "content": past.user[:MOST_PAST]})
            messages.append({"role": "assistant", "content": past.reply[:MOST_PAST]})
        return [*messages, {"role": "user", "content": question[-MOST_QUESTION:]}]

    async def _speak(self, answer: Answer, text: str) -> None:
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
                    sounded = True
                    answer.sound(words, pcm, RATE)
            except WorkerGone:
                if sounded or last_try:
                    raise
            else:
                return

    def _finish(self, answer: Answer, outcome: str = "done") -> None:
        self._last_reply = answer.all_text()
        answer.emit(ReplyEnded(answer.turn, outcome))

    def _settle(self, heard: str | None = None) -> None:
        """Put the last answer into the history: what was heard of it, all of it when nobody cut it short.

        A reply cut before its first word leaves the question open: the person was still talking.
        """
        answer = self._answer
        if answer is not None and answer.question and answer.released.is_set():
            self._history.asked_whole(answer.question)
            self._history.answered(answer.all_text() if heard is None else heard)
            answer.question = ""


def _load(settings: Settings) -> dict[str, object]:
    return {
        "whisper": str(settings.whisper), "language": settings.language, "threads": settings.threads,
        "speed": settings.speed, "llm": str(settings.llm) if settings.llm else "", "llm_reason": settings.llm_reason,
    }  # fmt: skip
