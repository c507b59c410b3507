"""The audio of one turn and what was read from it, long turns in pieces while they are still spoken.

Pieces fit Whisper's short window, for two reasons: what is read before the turn ends does not have to
be waited for, and a 30 s window full of speech sometimes skips a whole sentence (2 of 8 in a
five-minute recording; none with pieces). They end in a pause of the speaker where there is one.
"""

from __future__ import annotations

import asyncio

import numpy as np

from edge.agents.local.child import Child, WorkerGone
from edge.agents.local.understanding.made_up import is_hallucination

BYTES_PER_S = 32_000
PIECE_S = 9.0  # the short window without its margin
CUT_WITHIN_S = 4.0  # without a pause the piece is cut at the quietest moment of its last seconds
KEEP_S = 4.0  # a piece that ends in a pause is kept from this length on; shorter ones need their context
BLOCK = 1600  # 100 ms: shorter dips are inside words
TRIES = 3
WORKER_S = 25.0  # a restart with loading took 2 s here; a Pi gets ten times that


class Hearing:
    """`add` audio as it comes, tell of pauses; `read` gives the text. All audio stays until the turn is over."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._pcm = bytearray()
        self._cut = 0
        self._pieces: list[asyncio.Task[str]] = []
        self._pause: tuple[int, asyncio.Task[str]] | None = None  # (where, what was said before it)

    def add(self, pcm: bytes) -> None:
        """The next audio of the turn."""
        self._pcm += pcm
        if self._pause is None and len(self._pcm) - self._cut > PIECE_S * BYTES_PER_S:
            end = self._cut + _quietest(bytes(self._pcm[self._cut :]))
            self._keep(end, self._reading(end))

    @property
    def pcm(self) -> bytes:
        """All of it so far."""
        return bytes(self._pcm)

    def paused(self) -> None:
        """The speaker has paused: read what was said, it may be all."""
        self._forget_pause()
        self._pause = (len(self._pcm), self._reading(len(self._pcm)))

    def resumed(self) -> None:
        """It was only a pause: what was read before it is kept, if it was more than a few words."""
        if self._pause is not None and self._pause[0] - self._cut >= KEEP_S * BYTES_PER_S:
            self._keep(*self._pause)
            self._pause = None
        self._forget_pause()

    async def read(self) -> str:
        """What was said in everything added so far; "" when it was no speech."""
        last = self._pause[1] if self._pause is not None else self._reading(len(self._pcm))
        # Shielded: whoever waits here may be cancelled, and the reading may be wanted again.
        texts = [await asyncio.shield(piece) for piece in (*self._pieces, last)]
        return " ".join(text for text in texts if text)

    def close(self) -> None:
        """Stop reading. Idempotent."""
        self._forget_pause()
        for piece in self._pieces:
            piece.cancel()

    def _keep(self, end: int, reading: asyncio.Task[str]) -> None:
        self._pieces.append(reading)
        self._cut = end

    def _forget_pause(self) -> None:
        pause, self._pause = self._pause, None
        if pause is not None:
            pause[1].cancel()

    def _reading(self, end: int) -> asyncio.Task[str]:
        return asyncio.ensure_future(self._read(bytes(self._pcm[self._cut : end])))

    async def _read(self, pcm: bytes) -> str:
        """One piece; again if the worker dies under it, for the audio is still here. Not for ever: it may be why."""
        tries = 0
        while True:
            await asyncio.wait_for(self._child.ready.wait(), WORKER_S)
            try:
                head, _ = await self._child.once("read", pcm)
            except WorkerGone:
                tries += 1
                if tries == TRIES:
                    raise
            else:
                return _accepted(head)


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
