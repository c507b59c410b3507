"""Pipecat on a rig, when a Python is there that has it: PIPECAT_PYTHON names one, or it is this one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig import Rig, wait_for

PROGRAM = Path(__file__).with_name("pipecat_program.py")
VERSION = "import pyaudio; from importlib.metadata import version; print(version('pipecat-ai'))"
TURN_S = 12.0  # its turns end 3 s after a voice at the latest, unless it hears another


def python() -> str:
    """The interpreter that may have Pipecat."""
    return os.environ.get("PIPECAT_PYTHON", sys.executable)


def version() -> str:
    """Of the Pipecat that would be measured; empty when there is none."""
    found = subprocess.run([python(), "-c", VERSION], capture_output=True, text=True, timeout=60, check=False)
    return found.stdout.strip() if found.returncode == 0 else ""


class Pipecat:
    """Told over its standard input; `told` is what it says of itself."""

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        self.name, self._process = name, process
        self.told: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.told.append(line.decode().strip())

    def begin(self, offset_s: float) -> None:
        self._tell(f"speak {offset_s}")

    def rest(self) -> None:
        self._tell("hush")
        wait_for(self._turn_is_over, TURN_S, "the end of Pipecat's turn")

    def _turn_is_over(self) -> bool:
        return self.told.count("turn") == self.told.count("turn_over")

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())


@contextmanager
def pipecat(sound: Rig, recording: bytes) -> Iterator[Pipecat]:
    """Ready to speak; `recording` is mono, s16le, 24 kHz."""
    file = sound.run / "recording.raw"
    file.write_bytes(recording)
    with (sound.run / "pipecat.log").open("wb") as log:
        process = sound.child(
            [python(), "-u", str(PROGRAM), str(file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0,
        )  # fmt: skip
        peer = Pipecat(process, f"Pipecat {version()}")
        wait_for(lambda: "ready" in peer.told, 30, "Pipecat", (sound.run / "pipecat.log").read_text)
        yield peer
        process.terminate()
        process.wait(5)
