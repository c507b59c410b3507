"""The worker's own logic with small models: jobs, cancelling, and what happens when a part cannot be loaded."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from edge.agents.local import wire
from edge.agents.local.worker import jobs
from edge.agents.local.worker.jobs import Worker
from edge.errors import ModelError

LOAD: dict[str, Any] = {
    "request": "load", "whisper": "/w", "language": "en", "threads": 1, "speed": 1.0, "llm": "/m", "llm_reason": "off",
}  # fmt: skip
LITTLE_MEMORY = "500 MB of memory are free and the language model needs 900"


class Out(io.BytesIO):
    """What the worker has written, as messages; `until` waits for one."""

    def __init__(self) -> None:
        super().__init__()
        self.news = threading.Condition()

    def flush(self) -> None:
        with self.news:
            self.news.notify_all()

    def messages(self) -> list[wire.Message]:
        stream, found = io.BytesIO(self.getvalue()), []
        while (message := wire.read(stream.read)) is not None:
            found.append(message)
        return found

    def until(self, event: str, job: int = 0) -> dict[str, Any]:
        def last() -> dict[str, Any] | None:
            return next((h for h, _ in self.messages() if h["event"] == event and h.get("job", 0) == job), None)

        with self.news:
            assert self.news.wait_for(last, 10), self.messages()
        return last() or {}


class Ears:
    def __init__(self, path: Path, language: str, threads: int) -> None:
        if language == "xx":
            raise ModelError("The speech model does not know that language.")

    def read(self, pcm: bytes) -> SimpleNamespace:
        if pcm == b"bad!":
            raise RuntimeError("bad audio")
        return SimpleNamespace(text=f"{len(pcm)} bytes", score=-0.1, no_speech=0.0, seconds=1.0)


class Voice:
    gate = threading.Event()

    def __init__(self, speed: float) -> None:
        self.speed = speed

    def speak(self, text: str) -> Iterator[bytes]:
        for word in text.split():
            yield word.encode()
            if word == "wait":
                self.gate.wait(10)


class Mind:
    def __init__(self, path: Path, socket: Path, threads: int) -> None:
        if str(path) == "/broken":
            raise ModelError("The language model broken cannot be loaded: bad magic.")

    def answer(self, messages: list[dict[str, str]], most: int, token: Callable[[str], bool]) -> None:
        for n in range(most):
            if not token(f"{n} "):
                return


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Out:
    """A worker's output; the worker is `out.worker`."""
    parts: dict[str, dict[str, object]] = {"whisper": {"Whisper": Ears}, "voice": {"Voice": Voice},
             "llm": {"Mind": Mind, "MEMORY_MB": 100}}  # fmt: skip
    for name, contents in parts.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, f"edge.agents.local.worker.{name}", module)
    monkeypatch.setattr(jobs, "memory_available_mb", lambda: 500)
    made = Out()
    made.worker = Worker(made, tmp_path / "socket")  # type: ignore[attr-defined]
    return made


def take(out: Out, head: dict[str, Any], body: bytes = b"") -> None:
    out.worker.take(head, body)  # type: ignore[attr-defined]


def loaded(out: Out, *parts: str, **changes: object) -> None:
    for part in parts:
        take(out, {**LOAD, "part": part, **changes})
    for _ in parts:
        out.until("loaded")


def test_every_part_loads_and_says_so(out: Out) -> None:
    for part in ("ears", "voice", "mind"):
        take(out, {**LOAD, "part": part})
    take(out, {"request": "read", "job": 1}, b"1234")
    assert out.until("text", 1)["text"] == "4 bytes"
    out.until("done", 1)
    take(out, {"request": "speak", "job": 2, "text": "hello there"})
    out.until("done", 2)
    assert [body for head, body in out.messages() if head.get("job") == 2] == [b"hello", b"there", b""]
    take(out, {"request": "think", "job": 3, "messages": [], "most": 3})
    out.until("done", 3)
    assert [h["text"] for h, _ in out.messages() if h["event"] == "token"] == ["0 ", "1 ", "2 "]


def test_a_language_model_that_cannot_be_loaded_costs_only_itself(out: Out) -> None:
    """It is not needed for a turn, so it must not read as if the engine were broken."""
    take(out, {**LOAD, "part": "mind", "llm": "/broken"})
    told = out.until("loaded")
    assert (told["part"], told["ok"]) == ("mind", False)
    assert "bad magic" in told["reason"]


def test_ears_that_cannot_be_loaded_are_a_failure(out: Out) -> None:
    take(out, {**LOAD, "part": "ears", "language": "xx"})
    assert out.until("failed")["message"] == "The speech model does not know that language."


@pytest.mark.parametrize(("change", "reason"), [({"llm": ""}, "off"), ({}, LITTLE_MEMORY)])
def test_why_there_is_no_language_model(out: Out, change: dict[str, str], reason: str) -> None:
    vars(sys.modules["edge.agents.local.worker.llm"])["MEMORY_MB"] = 900
    take(out, {**LOAD, "part": "mind", **change})
    told = out.until("loaded")
    assert (told["ok"], told["reason"]) == (False, reason)


def test_an_error_in_a_job_is_told_and_the_next_one_is_done(out: Out) -> None:
    loaded(out, "ears")
    take(out, {"request": "read", "job": 1}, b"bad!")
    take(out, {"request": "read", "job": 2}, b"good")
    assert out.until("failed", 1)["message"] == "bad audio"
    assert out.until("text", 2)["text"] == "4 bytes"


def test_work_before_its_model_is_there_is_a_failure_and_no_crash(out: Out) -> None:
    take(out, {"request": "read", "job": 1}, b"1234")
    out.until("failed", 1)


def test_a_cancelled_job_stops_at_the_next_sentence_and_a_waiting_one_is_not_begun(out: Out) -> None:
    loaded(out, "voice")
    Voice.gate.clear()
    take(out, {"request": "speak", "job": 1, "text": "wait never"})
    take(out, {"request": "speak", "job": 2, "text": "nor this"})
    out.until("sound", 1)
    take(out, {"request": "cancel", "job": 1})
    take(out, {"request": "cancel", "job": 2})
    Voice.gate.set()
    take(out, {"request": "speak", "job": 3, "text": "but this"})
    out.until("done", 3)
    assert [body for head, body in out.messages() if head["event"] == "sound"] == [b"wait", b"but", b"this"]
    assert out.worker._cancelled == set()  # type: ignore[attr-defined]
