"""What is known of one exchange with a Realtime server. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from edge.agents.realtime.items import FunctionCall
from edge.agents.realtime.pcm import BYTES_PER_MS, Joiner
from edge.core.history import Exchange
from edge.ports import Fields


class Phase(IntEnum):
    """How far a turn has come, in order; `CANCELLED` from anywhere."""

    OPEN = 0  # the person is speaking
    COMPLETE = 1  # they have finished; this session has not been asked for an answer yet
    ASKED = 2  # the answer is asked for, or on its way
    OVER = 3  # the device has been told that there is no more
    CANCELLED = 4


@dataclass(slots=True)
class Voice:
    """The person's audio, kept until it is answered.

    `sent` is how much of it this session has got; `lead` how much of that it has made an item of already.
    """

    pcm: bytearray = field(default_factory=bytearray)
    sent: int = 0
    lead: int = 0

    def lose_session(self) -> None:
        """The next session has none of it."""
        self.sent = self.lead = 0


@dataclass(slots=True)
class Heard:
    """What the person said, by item: transcripts come in any order, and late. `open` have more to come.

    `before` is what an earlier session made of the same audio.
    """

    parts: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    before: str = ""

    @property
    def words(self) -> str:
        """All that is known of it."""
        return " ".join(filter(None, self.parts.values())) or self.before

    def begin(self, item: str) -> None:
        """An item of this turn, whose transcript is to come."""
        self.parts.setdefault(item, "")
        self.open.add(item)

    def end(self, item: str, words: str) -> None:
        """The whole transcript of an item."""
        self.parts[item] = words
        self.open.discard(item)

    def forget(self, item: str) -> None:
        """There is no such item after all."""
        self.parts.pop(item, None)
        self.open.discard(item)

    def lose_session(self) -> None:
        """The next session will hear it all once more."""
        self.before = self.words
        self.parts.clear()
        self.open.clear()


@dataclass(slots=True)
class Reply:
    """What has come of the answer: `received` counts the bytes of sound by (item, content index).

    `gone` are parts of earlier sessions: heard, but not to be cut.
    """

    said: str = ""
    received: dict[tuple[str, int], int] = field(default_factory=dict)
    gone: set[tuple[str, int]] = field(default_factory=set)
    joiner: Joiner = field(default_factory=Joiner)

    @property
    def begun(self) -> bool:
        """Whether anything was said."""
        return bool(self.said or self.received)

    def sound(self, item: str, index: int, pcm: bytes) -> bytes:
        """More sound has come: the whole samples that there are now."""
        whole = self.joiner.feed(pcm)
        if whole:
            self.received[item, index] = self.received.get((item, index), 0) + len(whole)
        return whole

    def lose_session(self) -> None:
        """The server that made all this is gone."""
        self.gone.update(self.received)
        self.joiner = Joiner()

    def cuts(self, heard_ms: int) -> list[tuple[str, int, int]]:
        """(item, audio_end_ms, content index) of each part of this session that was not heard to its end."""
        cuts, left = list[tuple[str, int, int]](), max(0, heard_ms)
        for (item, index), size in self.received.items():
            length = size // BYTES_PER_MS
            if left < length and (item, index) not in self.gone:
                cuts.append((item, left, index))
            left = max(0, left - length)
        return cuts

    def heard(self, heard_ms: int) -> str:
        """The words heard in that time, in proportion to the sound."""
        total = sum(self.received.values()) // BYTES_PER_MS
        words = self.said.split()
        return " ".join(words[: int(len(words) * min(1.0, max(0, heard_ms) / total))]) if total else ""


@dataclass(slots=True)
class Called:
    """A tool the model wants run, and what it gave."""

    call: FunctionCall
    result: Fields | None = None


@dataclass(slots=True)
class Tools:
    """The calls of a turn: ours by call id, those of remote MCP servers by item."""

    open: dict[str, Called] = field(default_factory=dict)  # not yet answered to the model
    past: list[Called] = field(default_factory=list)  # answered
    ended: set[str] = field(default_factory=set)  # remote ones that have come to their end
    awaited: set[str] = field(default_factory=set)  # remote ones that the reply waits for

    @property
    def used(self) -> bool:
        """Whether the model has called any of ours."""
        return bool(self.open or self.past)

    @property
    def remote(self) -> bool:
        """Whether the model has called a remote one: a server may go on by itself after it."""
        return bool(self.ended or self.awaited)

    def lose_session(self) -> None:
        """Remote calls are lost with it; ours are put back into the next one."""
        self.ended.clear()
        self.awaited.clear()


@dataclass(slots=True)
class Turn:
    """`text` was typed, `speech` is to be spoken as it stands. `asks` counts the sessions asked for the answer.

    `kept` stands in the history for it, as if all of the answer had been heard.
    """

    id: int
    text: str = ""
    speech: str = ""
    phase: Phase = Phase.OPEN
    held: bool = False
    asks: int = 0
    settled: bool = False
    kept: Exchange | None = None
    response: str = ""
    voice: Voice = field(default_factory=Voice)
    heard: Heard = field(default_factory=Heard)
    reply: Reply = field(default_factory=Reply)
    tools: Tools = field(default_factory=Tools)

    @property
    def question(self) -> str:
        """The person's words, as far as they are known."""
        return self.text or self.heard.words

    @property
    def begun(self) -> bool:
        """Whether something of the reply has come, a call of a tool included."""
        return self.reply.begun or self.tools.used

    @property
    def unanswered(self) -> bool:
        """Complete, and waiting for its answer."""
        return self.phase in {Phase.COMPLETE, Phase.ASKED}

    @property
    def known(self) -> bool:
        """Whether a server has been given the question, or a part of it, to keep."""
        return bool(self.asks or self.voice.lead)

    def reopen(self) -> None:
        """The person goes on: what this session has got of it stays there, as an item of its own."""
        self.phase, self.asks, self.response = Phase.OPEN, 0, ""
        self.voice.lead = self.voice.sent

    def close(self, phase: Phase) -> None:
        """Nothing more comes of it, so the audio is of no more use."""
        self.phase = phase
        self.voice.pcm.clear()

    def lose_session(self) -> None:
        """The server that had all this is gone."""
        self.response = ""
        for part in (self.voice, self.heard, self.reply, self.tools):
            part.lose_session()
        if self.phase is Phase.ASKED:
            self.phase = Phase.COMPLETE
