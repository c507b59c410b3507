"""What is known of one exchange with a Realtime server. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.agents.realtime.pcm import BYTES_PER_MS, Joiner
from edge.ports import Fields


@dataclass(slots=True)
class Turn:
    """`pcm` is kept until the turn is answered; `received` counts the reply's bytes by (item, content index)."""

    id: int
    text: str = ""  # typed
    speech: str = ""  # to be spoken as it stands
    question: str = ""  # what the person said, when it is known
    pcm: bytearray = field(default_factory=bytearray)
    sent: int = 0
    ended: bool = False
    asked: bool = False
    repeated: bool = False
    cancelled: bool = False
    over: bool = False
    settled: bool = False
    item: str = ""
    response: str = ""
    said: str = ""
    received: dict[tuple[str, int], int] = field(default_factory=dict)
    calls: dict[str, Fields | None] = field(default_factory=dict)
    joiner: Joiner = field(default_factory=Joiner)

    @property
    def answered(self) -> bool:
        """Whether something of the reply has come."""
        return bool(self.received or self.said)

    def count(self, item: str, index: int, size: int) -> None:
        """So many more bytes of sound have come."""
        self.received[item, index] = self.received.get((item, index), 0) + size

    def cuts(self, heard_ms: int) -> list[tuple[str, int, int]]:
        """(item, audio_end_ms, content index) of each part that was not heard to its end."""
        cuts, left = list[tuple[str, int, int]](), heard_ms
        for (item, index), size in self.received.items():
            length = size // BYTES_PER_MS
            if left < length:
                cuts.append((item, left, index))
            left = max(0, left - length)
        return cuts

    def heard(self, heard_ms: int) -> str:
        """The words heard in that time, in proportion to the sound."""
        total = sum(self.received.values()) // BYTES_PER_MS
        words = self.said.split()
        return " ".join(words[: int(len(words) * min(1.0, heard_ms / total))]) if total else ""
