"""The offline worker dies, hangs or takes too much memory: only the worker, and the person is answered or told."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import rig as sound
from tests.speech import models_present

LAMP = Path(__file__).parents[1] / "data/speech/livingroom_lamp.flac"
BACK_S = 10  # 3 on a quiet machine
pytestmark = [
    pytest.mark.pulse,
    pytest.mark.long,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
    pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch"),
]


class Device:
    """A daemon with the offline engine, and its worker."""

    def __init__(self, running: sound.Running) -> None:
        self.running = running

    @property
    def worker(self) -> int:
        return int(self.running.status()["engine"]["worker_pid"] or 0)

    def asks(self) -> None:
        """A question is spoken."""
        self.running.call("press")
        self.running.wait_state("listening")
        self.running.rig.speak(LAMP)

    def another_worker(self, old: int) -> None:
        sound.wait_for(
            lambda: self.worker not in {0, old} and self.running.status()["ready"], BACK_S, "another worker",
            self.running.text,
        )  # fmt: skip

    def answers(self) -> None:
        """A turn works."""
        before = len(self.running.of("turn"))
        self.asks()
        self.running.wait_count("turn", before + 1, 20)
        self.running.wait_state("idle")
        assert "living" in self.running.of("user_transcript")[-1]["text"].lower()
        assert self.running.process.poll() is None


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """One for the module."""
    with sound.rig(tmp_path_factory.mktemp("rig")) as rig:
        env = {"EDGE_VOICE_ENGINE__USE": "local", "EDGE_VOICE_LOCAL__LLM": "off"}
        running = sound.Running(rig, **env, EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0")
        running.wait_ready()
        yield Device(running)
        assert "Traceback" not in running.text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=["killed", "faulty"])
def test_a_worker_that_dies_at_rest_is_replaced(device: Device, number: signal.Signals) -> None:
    old = device.worker
    os.kill(old, number)
    device.another_worker(old)
    device.answers()


def test_a_worker_that_dies_while_it_speaks_is_replaced_and_all_is_said_or_it_is_told(device: Device) -> None:
    errors, old, before = len(device.running.of("error")), device.worker, len(device.running.of("reply_transcript"))
    text = "one two three four five six seven eight nine ten. " * 6  # not all of it made yet when the first is heard
    device.running.call("say", text)
    device.running.wait_state("speaking")
    os.kill(old, signal.SIGKILL)
    device.another_worker(old)
    device.running.wait_state("idle", 90)
    said = "".join(event["text"] for event in device.running.of("reply_transcript")[before:])
    assert said.split() == text.split() or len(device.running.of("error")) > errors
    device.answers()


def test_a_worker_that_wants_too_much_memory_dies_alone(device: Device) -> None:
    """Nothing more is to be had, as at the limit of its control group."""
    old = device.worker
    subprocess.run(["prlimit", f"--pid={old}", "--as=4096", "--data=4096"], check=True)
    device.asks()
    device.running.wait_state("idle", 40)
    time.sleep(0.5)
    if device.worker == old:  # it has said so, and lives: then it is the next one that has no limit
        os.kill(old, signal.SIGKILL)
    device.another_worker(old)
    device.answers()


def test_the_kernel_takes_the_worker_first(device: Device) -> None:
    """When the machine has no memory left."""
    score = Path(f"/proc/{device.worker}/oom_score_adj")
    assert int(score.read_text()) > int(Path(f"/proc/{device.running.process.pid}/oom_score_adj").read_text())


def test_a_worker_that_hangs_is_replaced(device: Device) -> None:
    """The question meanwhile is answered by the next one, or its failure is told."""
    old = device.worker
    os.kill(old, signal.SIGSTOP)
    errors, turns = len(device.running.of("error")), len(device.running.of("turn"))
    device.asks()
    device.running.wait_state("idle", 60)
    assert len(device.running.of("turn")) > turns or len(device.running.of("error")) > errors
    device.another_worker(old)
    device.answers()
