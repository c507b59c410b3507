"""What a device remembers: the conversation, over a restart if wanted, and facts; and how it forgets them."""

from __future__ import annotations

from datetime import datetime

from edge.config import Config
from edge.config.places import state_dir, volatile_dir
from edge.core.events import ForgetAsked
from edge.core.history import History
from edge.host.resume import NAME, Resume
from edge.ports import Fields, Post
from edge.tools.facts import Facts
from edge.tools.facts_store import FactStore
from edge.tools.registry import Arguments, Result, Tool

AT_REST = frozenset({"idle", "listening", "muted", "error"})
QUESTION = "Shall I forget everything, recordings as well?"


class Memory:
    """A Watcher. `keeps`: it is the service's, which alone has files; `post` is set once there is a daemon.

    `remembers`: there are tools for facts.

    What a tool forgets goes with the conversation in which it was said, as soon as the reply is over.
    """

    def __init__(self, config: Config, *, keeps: bool) -> None:
        self.history = History(most_tokens=config.memory.context_tokens)
        self.post: Post = lambda _event: None
        self._asked: ForgetAsked | None = None  # when the turn is over
        self._keeps = keeps
        self._facts = Facts(FactStore(state_dir() / "facts.db"), self._forget_later)
        self.remembers = keeps and config.memory.facts
        volatile = volatile_dir()
        aside = None if volatile is None else volatile / NAME
        self._resume = Resume(self.history, state_dir() / NAME, aside, config.memory.resume_minutes)

    def open(self) -> None:
        """Put back what was said before a restart."""
        if self._keeps:
            self._resume.load()
        self.history.ledger.changed = self._changed

    def close(self) -> None:
        """Write what is not yet written. Idempotent."""
        self.history.ledger.changed = lambda: None
        if self._keeps:
            self._resume.close()

    def told(self, most: int) -> str:
        """What an engine is told of the person beforehand, in so many characters; "" when nothing is known."""
        return self._facts.told(most) if self.remembers else ""

    def tools(self) -> tuple[Tool, ...]:
        """What a person can have done with it by voice."""
        if not self._keeps:
            return ()
        about = "Forget this conversation, when the person asks for it."
        conversation = Tool("forget_conversation", about, self._forget_conversation)
        about = "Forget all there is: facts, this conversation and all recordings."
        everything = Tool("forget_everything", about, self._forget_everything, confirm=lambda _: QUESTION)
        return (conversation, everything, *(self._facts.tools() if self.remembers else ()))

    def stats(self) -> Fields:
        """For `status`."""
        ledger = self.history.ledger
        return {"exchanges": len(self.history.exchanges), "tokens": self.history.tokens, "dropped": ledger.dropped,
                "cut": ledger.cut}  # fmt: skip

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event == "state" and fields["state"] in AT_REST and self._asked is not None:
            self.post(self._asked)
            self._asked = None
        elif event == "forgotten":
            self._asked = None
            self.history.clear()
            self._asked = None  # which the line above has asked for
            if fields.get("everything") and self._keeps:
                self._facts.wipe()

    def _changed(self) -> None:
        if not self.history.exchanges:
            self._forget_later()  # an engine has forgotten it by itself: then everybody
        if self._keeps:
            self._resume.changed()

    def _forget_conversation(self, _: Arguments, __: datetime) -> Result:
        self._forget_later()
        return {"forgotten": "this conversation"}

    def _forget_everything(self, _: Arguments, __: datetime) -> Result:
        self._forget_later(everything=True)
        return {"forgotten": "everything"}

    def _forget_later(self, *, everything: bool = False) -> None:
        before = self._asked is not None and self._asked.everything
        self._asked = ForgetAsked(everything=everything or before)
