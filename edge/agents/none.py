"""An engine that hears nothing and says nothing: for setting up the sound, and for measuring the daemon alone."""

from __future__ import annotations

from edge.core.events import AgentReady, ReplyEnded
from edge.ports import Fields, Post


class NoAgent:
    """See ports.Agent; always ready."""

    name = "none"

    def __init__(self, post: Post) -> None:
        self._post = post

    async def open(self) -> None:
        """See ports.Agent."""
        self.connect()

    async def close(self) -> None:
        """See ports.Agent."""

    def connect(self) -> None:
        """See ports.Agent."""
        self._post(AgentReady())

    def audio(self, turn: int, pcm: bytes) -> None:
        """See ports.Agent."""

    def hold(self, turn: int) -> None:
        """See ports.Agent."""

    def eager_end(self, turn: int) -> None:
        """See ports.Agent."""

    def turn_resumed(self, turn: int) -> None:
        """See ports.Agent."""

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self._post(ReplyEnded(turn))

    def drop_turn(self, turn: int) -> None:
        """See ports.Agent."""

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """See ports.Agent."""

    def tool_result(self, turn: int, call: str, result: Fields) -> None:
        """See ports.Agent."""

    def text(self, turn: int, text: str) -> None:  # noqa: ARG002
        """See ports.Agent."""
        self._post(ReplyEnded(turn))

    def say(self, turn: int, text: str) -> None:  # noqa: ARG002
        """See ports.Agent."""
        self._post(ReplyEnded(turn))

    def forget(self) -> None:
        """See ports.Agent."""

    def stats(self) -> Fields:
        """See ports.Agent."""
        return {"engine": self.name, "ready": True}
