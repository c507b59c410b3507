"""The offline engine's worker process: models in, messages out. It may be killed at any time.

Started as `python -m edge.agents.local.worker`, it reads requests from stdin and ends with it. Each
kind of work has its own thread, so that speech is made while the language model still writes.
Requests: load (ears, voice, mind), read (speech to text), think, speak, cancel. Every job ends with `done` or `failed`.
"""

from __future__ import annotations

import os
import queue
import resource
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from edge.agents.local import wire
from edge.config.machine import memory_available_mb
from edge.errors import ModelError

Job = Callable[[], None]


class Worker:
    """Jobs by number; models by the thread that uses them."""

    def __init__(self, out: BinaryIO, socket: Path) -> None:
        self._out = out
        self._socket = socket
        self._lock = threading.Lock()
        self._cancelled: set[int] = set()
        self._models: dict[str, Any] = {}
        self._queues = {name: queue.SimpleQueue[Job]() for name in ("ears", "mind", "voice")}
        for name, jobs in self._queues.items():
            threading.Thread(target=self._run, args=(jobs,), name=name, daemon=True).start()

    def _run(self, jobs: queue.SimpleQueue[Job]) -> None:
        while True:
            jobs.get()()

    def send(self, event: str, body: bytes = b"", **fields: object) -> None:
        """One message to the daemon, whole."""
        with self._lock:
            self._out.write(wire.pack({"event": event, **fields}, body))
            self._out.flush()

    def take(self, head: dict[str, Any], body: bytes) -> None:
        """Obey one request."""
        request, job = head["request"], int(head.get("job", 0))
        if request == "cancel":
            self._cancelled.add(job)
        elif request == "load":
            part = head["part"]
            self._queues[part].put(partial(self._guard, 0, partial(getattr(self, f"_load_{part}"), head)))
        else:
            part = {"read": "ears", "think": "mind", "speak": "voice"}[request]
            work = partial(getattr(self, f"_{request}"), job, head, body)
            self._queues[part].put(partial(self._guard, job, work))

    def _guard(self, job: int, work: Job) -> None:
        """The thread's boundary: whatever goes wrong in a job is told, and the thread lives on."""
        try:
            if job not in self._cancelled:
                work()
        except Exception as error:  # noqa: BLE001  a thread's boundary
            self.send("failed", job=job, message=f"{error}")
        else:
            if job:
                self.send("done", job=job)
        self._cancelled.discard(job)

    # --- loading ------------------------------------------------------------------------------------

    def _load_ears(self, head: dict[str, Any]) -> None:
        from edge.agents.local.worker.whisper import Whisper

        ears = Whisper(Path(head["whisper"]), head["language"], int(head["threads"]))
        ears.read(b"\x00\x08" * 16_000)  # the first run allocates; let it not be a person's turn
        self._loaded("ears", ears)

    def _load_voice(self, head: dict[str, Any]) -> None:
        from edge.agents.local.worker.voice import Voice

        voice = Voice(float(head["speed"]))
        list(voice.speak("Ready."))
        self._loaded("voice", voice)

    def _load_mind(self, head: dict[str, Any]) -> None:
        reason = str(head["llm_reason"])
        if head["llm"]:
            try:
                mind = _mind(head, self._socket)
            except (ModelError, ImportError) as error:  # no turn needs it: only the reason is told
                reason = str(error)
            else:
                self._loaded("mind", mind)
                return
        self.send("loaded", part="mind", ok=False, reason=reason, rss_mb=_rss_mb())

    def _loaded(self, part: str, model: object) -> None:
        self._models[part] = model
        self.send("loaded", part=part, ok=True, reason="", rss_mb=_rss_mb())

    # --- jobs ---------------------------------------------------------------------------------------

    def _read(self, job: int, _head: dict[str, Any], body: bytes) -> None:
        r = self._models["ears"].read(body)
        self.send("text", job=job, text=r.text, score=r.score, no_speech=r.no_speech, seconds=r.seconds)

    def _think(self, job: int, head: dict[str, Any], _body: bytes) -> None:
        def token(text: str) -> bool:
            self.send("token", job=job, text=text)
            return job not in self._cancelled

        self._models["mind"].answer(head["messages"], int(head["most"]), token)

    def _speak(self, job: int, head: dict[str, Any], _body: bytes) -> None:
        for pcm in self._models["voice"].speak(head["text"]):
            if job in self._cancelled:
                return
            self.send("sound", pcm, job=job)


def _mind(head: dict[str, Any], socket: Path) -> object:
    from edge.agents.local.worker.llm import MEMORY_MB, Mind

    free = memory_available_mb()
    if free < MEMORY_MB:
        raise ModelError(f"{free} MB of memory are free and the language model needs {MEMORY_MB}")
    return Mind(Path(head["llm"]), socket, int(head["threads"]) or os.cpu_count() or 1)


def _rss_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Serve until stdin ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not end up in the messages
    with tempfile.TemporaryDirectory(prefix="edge-voice-") as private:
        worker = Worker(out, Path(private) / "llama.sock")
        while (message := wire.read(sys.stdin.buffer.read)) is not None:
            worker.take(*message)
    os._exit(0)  # the models' own threads are not worth waiting for
