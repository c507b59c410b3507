"""What some servers let their models think aloud at the beginning of a reply: not to be spoken. Pure."""

from __future__ import annotations

BEGIN, END = "<think>", "</think>"


class Thoughts:
    """A reply in pieces, without <think> ... </think> before it. A reply that begins otherwise passes at once."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "unknown"

    def without(self, piece: str) -> str:
        """What of it can be spoken."""
        if self._state == "over":
            self._state = "spoken" if piece.strip() else "over"
            return piece.lstrip()
        if self._state == "spoken":
            return piece
        self._held += piece
        begun = self._held.lstrip()
        if self._state == "unknown" and not BEGIN.startswith(begun[: len(BEGIN)]):
            self._state = "spoken"
            return self._held
        if begun.startswith(BEGIN):
            self._state = "thought"
        if self._state == "thought" and END in begun:
            spoken = begun.partition(END)[2].lstrip()
            self._state = "spoken" if spoken else "over"
            return spoken
        return ""

    def rest(self) -> str:
        """What was held back at the end, and is no thought."""
        return self._held.strip() if self._state == "unknown" else ""
