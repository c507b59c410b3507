"""A single-writer, single-reader ring of raw device frames, without a lock.

The writer is the sound card's callback: it may never wait, so it overwrites the oldest frames and the
reader finds out from the positions. Positions count frames since the ring was made and never wrap.
Under the interpreter lock an attribute assignment is atomic, so publishing `stamp` after the copy is
all the ordering that is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Raw = NDArray[np.uint8]
FOLLOW = 0.05  # share of its lateness by which a second of stamps moves the clock later: follows a drifting card
HOLE_S = 0.25  # later than that, frames were lost (overrun, suspend); a merely late callback is put right by the next


class Ring:
    """`seconds` of frames of `frame_bytes` each at `rate` frames a second."""

    def __init__(self, rate: int, frame_bytes: int, seconds: float) -> None:
        self.rate = rate
        self.capacity = int(rate * seconds)
        self._data = np.zeros((self.capacity, frame_bytes), np.uint8)
        self._bytes = self._data.reshape(-1).data
        self._floor = 0
        self.written = 0
        self.stamp: tuple[int, float] = (0, 0.0)  # (position, time just after its last frame)
        self._offset: float | None = None

    def write(self, raw: bytes | memoryview | Raw, now: float) -> None:
        """Append whole frames that ended about `now`. Called by the sound card's thread only."""
        # bytes, not arrays: a fifth of the price for a small piece
        wide = self._data.shape[1]
        block = memoryview(raw.data if isinstance(raw, np.ndarray) else raw).cast("B")[-self.capacity * wide :]
        at = self.written % self.capacity * wide
        head = min(len(block), len(self._bytes) - at)
        self._bytes[at : at + head] = block[:head]
        if head < len(block):
            self._bytes[: len(block) - head] = block[head:]
        self._publish(self.written + len(block) // wide, now)

    def _publish(self, position: int, now: float) -> None:
        offset = now - position / self.rate
        # Callbacks are late by chance and never early, so the earliest arrival tells the card's true time.
        if self._offset is None or offset < self._offset or offset > self._offset + HOLE_S:
            self._offset = offset
        else:
            share = min(1.0, FOLLOW * (position - self.written) / self.rate)
            self._offset += share * (offset - self._offset)
        self.written = position
        self.stamp = (position, position / self.rate + self._offset)

    def time_of(self, position: int) -> float:
        """When the frame before `position` ended, on the daemon's clock."""
        last, at = self.stamp
        return at - (last - position) / self.rate

    def position_at(self, time: float) -> int:
        """The position of a time: at most what is written, at least what is still there."""
        last, at = self.stamp
        return max(self.oldest(), min(last, last - round((at - time) * self.rate)))

    def oldest(self) -> int:
        """The first position that can still be read; a margin keeps clear of the writer."""
        return max(self._floor, self.written - self.capacity + self.rate // 10)

    def read(self, start: int, most: int) -> tuple[Raw, int]:
        """Up to `most` frames from `start`, and how many were lost because they are overwritten."""
        begin = max(start, self.oldest())
        count = max(0, min(self.written - begin, most))
        at = begin % self.capacity
        head = self._data[at : at + count]
        whole = head.copy() if len(head) == count else np.concatenate([head, self._data[: count - len(head)]])
        return whole, begin - start

    def last(self, start: int) -> memoryview:
        """The bytes of the newest frames from `start` on, in place; at the ring's seam only those behind it."""
        end, wide = self.written, self._data.shape[1]
        stop = (end - 1) % self.capacity + 1
        return self._bytes[max(0, stop - (end - start)) * wide : stop * wide]

    def wipe(self) -> None:
        """Nothing recorded so far may be read any more (mute). The writer must have stopped."""
        self._floor = self.written
        self._data[:] = 0
