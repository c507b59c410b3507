"""A recording while it is made: a tar file that grows by a second at a time, so that what is written can be read.

Each second is two members, NNNNNN.wav and NNNNNN.jsonl; session.json is the first of all. Whatever ends the process,
all but the last second is there.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import threading
import time
import wave
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.audio.convert import CORE_RATE, Samples
from edge.core.notation import Plain

CHUNK_S = 1.0
SYNC_EVERY = 5  # chunks; a power cut may cost as many seconds
MOST_WAITING = 20_000  # lines: a minute, in which a card may be busy with itself
JOIN_S = 10.0
MB = 1_000_000

Line = Callable[[], Plain]  # made where there is time for it


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes that this recording may have, and that the disk must have free beside as many again to pack it."""

    most: int
    keep_free: int


class Writer:
    """`put` lines and sound from any thread; `failed(why)` is called once by its own, and nothing is taken then."""

    def __init__(self, path: Path, header: Plain, limits: Limits, failed: Callable[[str], None]) -> None:
        self.path, self._header, self._limits, self._failed = path, header, limits, failed
        self._waiting: deque[tuple[Line, Samples | None]] = deque()
        self._closed = False
        self._wake = threading.Event()
        self._chunks = 0
        self.bytes = self.lines = 0
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, line: Line, sound: Samples | None = None) -> None:
        """The next line, and the samples by channels that belong to it. Never waits."""
        if not self._closed:
            self._waiting.append((line, sound))

    def close(self, last: Plain | None = None) -> None:
        """Take no more and write what there is, and a last line. Idempotent; waits for the disk, but not for ever."""
        if last is not None:
            self.put(lambda: last)
        self._closed = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)

    # --- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        why = ""
        try:
            self._member("session.json", json.dumps(self._header, indent=1).encode())
            why = self._write_all()
        except OSError as error:
            why = f"{self.path.parent} cannot be written to: {error.strerror}"
        with suppress(OSError):
            self._file.write(bytes(2 * tarfile.BLOCKSIZE))
            os.fsync(self._file.fileno())
        with suppress(OSError):
            self._file.close()
        if why:
            self._closed = True
            self._failed(why)

    def _write_all(self) -> str:
        """Until it is closed, or cannot go on; then the reason."""
        due = time.monotonic()
        while not self._closed:
            due = max(due + CHUNK_S, time.monotonic())
            self._wake.wait(due - time.monotonic())
            if len(self._waiting) > MOST_WAITING:
                return "the disk is too slow"
            self._chunk()
            if why := self._over():
                return why
        self._chunk()
        return ""

    def _over(self) -> str:
        if self.bytes > self._limits.most:
            return "the space for recordings is used up ([record] most_mb)"
        if shutil.disk_usage(self.path.parent).free < self._limits.keep_free + self.bytes:
            return "the disk is nearly full ([record] keep_free_mb)"
        return ""

    def _chunk(self) -> None:
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not taken:
            return
        self._chunks += 1
        sounds = [sound for _, sound in taken if sound is not None]
        if sounds:
            self._member(f"{self._chunks:06}.wav", _wav(np.concatenate(sounds)))
        text = "".join(json.dumps(line(), separators=(",", ":"), ensure_ascii=False) + "\n" for line, _ in taken)
        self._member(f"{self._chunks:06}.jsonl", text.encode())
        self.lines += len(taken)
        if self._chunks % SYNC_EVERY == 0:
            os.fsync(self._file.fileno())

    def _member(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = len(data), int(time.time()), 0o600
        block = info.tobuf() + data + bytes(-len(data) % tarfile.BLOCKSIZE)
        written = 0
        while written < len(block):
            written += self._file.write(block[written:])
        self.bytes += len(block)


def _wav(sound: Samples) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(CORE_RATE)
        file.writeframes(np.ascontiguousarray(sound).tobytes())
    return out.getvalue()
