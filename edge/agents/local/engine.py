"""The offline engine behind the Agent port: listen, understand, think, speak, all on this machine.

It minds the worker and the turn: what is heard (Hearing), what is answered (Responder) and when it may
be noticed (Answer): on an eager end of turn the work starts early and its events are held back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from edge.agents.local.answer import Answer
from edge.agents.local.child import Child, JobFailed, WorkerGone
from edge.agents.local.hearing import Hearing
from edge.agents.local.responder import Responder, Settings
from edge.core.clauses import Chunker
from edge.core.events import AgentLost, AgentReady, ReplyEnded, TranscriptHeard, TurnSeems
from edge.core.history import History
from edge.ports import Fields, Post

MANY_CRASHES = 3


class LocalAgent:
    """See ports.Agent. `check` raises nothing and returns what keeps the engine from starting, or "".

    `history` may be another engine's too, which then knows what was said here.
    """

    name = "local"

    def __init__(
        self,
        settings: Settings,
        post: Post,
        check: Callable[[], str],
        timers: Callable[[], int] = lambda: 0,
        history: History | None = None,
    ) -> None:
        self._post, self._check = post, check
        self._child = Child(load_request(settings), self._changed, settings.worker)
        self._responder = Responder(self._child, settings, timers, history)
        self._keeper: asyncio.Task[None] | None = None
        self._hearing: tuple[int, Hearing] | None = None
        self._unread = b""  # of a turn that the person has gone on from before it was read
        self._answer: Answer | None = None
        self._work: asyncio.Task[None] | None = None
        self._priming: asyncio.Task[None] | None = None
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
            self._post(AgentReady(judges=self._responder.judges))
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
            before = self._unread
            self._abandon()
            self._hearing = (turn, Hearing(self._child))
            self._hearing[1].add(before)
            self._priming = asyncio.ensure_future(self._responder.prime())
        self._hearing[1].add(pcm)

    def hold(self, turn: int) -> None:
        """See ports.Agent. The device finds the end of every turn."""

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
        self._start(turn, lambda answer: self._responder.respond(answer, text)).release()

    def say(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._abandon()

        async def speak(answer: Answer) -> None:
            chunker = Chunker()  # a long text as a whole would take a second until its first sound
            for part in (*chunker.feed(text), *chunker.flush()):
                await self._responder.speak(answer, part)
            answer.emit(ReplyEnded(turn))

        self._start(turn, speak).release()

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """See ports.Agent."""
        answer, unread = self._answer, b""
        if self._hearing is not None and self._hearing[0] == turn and not (answer and answer.question):
            unread = self._hearing[1].pcm
        if answer is not None and answer.turn == turn:
            self._responder.settle(answer, answer.spoken.heard(heard_ms))
        self._abandon()
        if goes_on:
            self._unread = unread
        else:
            self._responder.abandon()

    def tool_result(self, _turn: int, call: str, result: Fields) -> None:
        """See ports.Agent."""
        self._responder.tool_result(call, result)

    def forget(self) -> None:
        """See ports.Agent."""
        self._responder.forget()
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
        if self._answer is not None:
            self._responder.settle(self._answer)
        if self._work is not None:
            self._work.cancel()
        self._work = self._answer = None

    def _abandon(self) -> None:
        self._stop_work()
        self._unread = b""
        if self._hearing is not None:
            self._hearing[1].close()
            self._hearing = None

    async def _hear(self, answer: Answer, hearing: Hearing) -> None:
        text = await hearing.read()
        if not answer.released.is_set():
            self._tell_early(answer.turn, text)
        whole = self._responder.whole(text)
        if whole:
            answer.emit(TranscriptHeard(answer.turn, whole, final=True))
        await self._responder.respond(answer, text)

    def _tell_early(self, turn: int, text: str) -> None:
        if text:
            self._post(TranscriptHeard(turn, text, final=False))
        if self._responder.judges:
            self._post(TurnSeems(turn, self._responder.complete(text)))


def load_request(settings: Settings) -> dict[str, object]:
    """What the worker is told to load."""
    return {
        "whisper": str(settings.whisper), "language": settings.language, "threads": settings.threads,
        "speed": settings.speed, "llm": str(settings.llm) if settings.llm else "", "llm_reason": settings.llm_reason,
    }  # fmt: skip
