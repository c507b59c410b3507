"""The audio of one turn and what was read from it, long turns in pieces while they are still spoken."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from edge.agents.local.child import Child, WorkerGone
from edge.agents.local.text import is_hallucination

BYTES_PER_S = 32_000
PIECE_S = 27.0  # Whisper's window is 30 s
CUT_WITHIN_S = 9.0  # the piece is cut at the quietest moment of its last seconds
BLOCK = 1600  # 100 ms: shorter dips are inside words
WORKER_S = 25.0  # a restart with loading took 2 s here; a Pi gets ten times that


@dataclass(frozen=True, slots=True)
class Heard:
    """The words of one piece, already free of hallucinations."""

    text: str


class Hearing:
    """`add` audio as it comes; `read` gives the text so far. All audio stays until the turn is over."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._pcm = bytearray()
        self._cut = 0
        self._pieces: list[asyncio.Task[str]] = []

    def add(self, pcm: bytes) -> None:
        """The next audio of the turn."""
        self._pcm += pcm
        if len(self._pcm) - self._cut > PIECE_S * BYTES_PER_S:
            end = self._cut + _quietest(bytes(self._pcm[self._cut :]))
            self._pieces.append(asyncio.ensure_future(self._read(bytes(self._pcm[self._cut : end]))))
            self._cut = end

    async def read(self) -> str:
        """What was said in everything added so far; "" when it was no speech."""
        rest = await self._read(bytes(self._pcm[self._cut :]))
        before = [await piece for piece in self._pieces]
        return " ".join(text for text in (*before, rest) if text)

    async def _read(self, pcm: bytes) -> str:
        """One piece; again if the worker dies under it, for the audio is still here."""
        while True:
            await asyncio.wait_for(self._child.ready.wait(), WORKER_S)
            try:
                head, _ = await self._child.once("read", pcm)
            except WorkerGone:
                continue
            return _accepted(head)

    def close(self) -> None:
        """Stop reading. Idempotent."""
        for piece in self._pieces:
            piece.cancel()


def _accepted(head: dict[str, object]) -> str:
    text = str(head["text"])
    facts = {name: float(str(head[name])) for name in ("score", "no_speech", "seconds")}
    return "" if is_hallucination(text, **facts) else text


def _quietest(pcm: bytes) -> int:
    """Where to cut: the middle of the quietest 100 ms in the last seconds, in bytes."""
    samples = np.frombuffer(pcm, np.int16)
    late = samples[-int(CUT_WITHIN_S * BYTES_PER_S / 2) :].astype(np.float32)
    blocks = late[: len(late) // BLOCK * BLOCK].reshape(-1, BLOCK)
    quiet = int(np.argmin(np.mean(blocks**2, axis=1)))
    return (len(samples) - len(late) + quiet * BLOCK + BLOCK // 2) * 2
