"""A daemon that is spoken to again and again, and what it holds of the machine; for the long measurements."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from edge.audio.files import load
from edge.host import client
from tests.bench.realtime import Served
from tests.rig import RATE, Rig, Running, wait_for
from tests.signals import power_at

SPEECH = Path(__file__).parents[1] / "data/speech/livingroom_lamp.flac"
SPOKEN_S = (0.3, 1.5)  # of it: words, without the silence on either side
TURN_S = 15
REACTS_S = 0.25  # from the light to the first word; what the light tells meanwhile is seen
REPLY_HZ, AUDIBLE = 440.0, 0.002
LOUD = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds: resident MB, threads, file descriptors."""

    resident: float
    threads: int
    files: int


def held(pid: int) -> Held:
    """Of a process, now."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    [kilobytes] = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Rss:")]
    return Held(kilobytes / 1024, *(len(list(Path(f"/proc/{pid}/{what}").iterdir())) for what in ("task", "fd")))


class Attended:
    """A running daemon and its person."""

    def __init__(self, device: Running) -> None:
        self.device = device
        self.says(*SPOKEN_S)

    def says(self, begin: float, end: float) -> None:
        """What they will say from now on: this part of the recording (s)."""
        words = load(SPEECH)[round(begin * 16_000) : round(end * 16_000)]
        self.words = np.asarray(soxr.resample(words.astype(np.float32) / 32768, 16_000, RATE))

    def command(self, name: str, argument: object = None) -> dict[str, Any]:
        """A command without the command line's own start."""
        answer: dict[str, Any] = client.call(self.device.rig.run / "edge-voice" / "control.sock", name, argument)
        return answer

    def ask(self) -> None:
        """A typed turn, until it is over."""
        before = len(self.device.of("turn"))
        self.command("ask", "sing")
        self.device.wait_count("turn", before + 1, TURN_S)
        self.device.wait_state("idle", TURN_S)

    def talk(self) -> None:
        """A spoken turn, with the button held (a tap's turn ends by itself in a pause), until it is over.

        Raises Refused.
        """
        before, errors = len(self.device.of("turn")), len(self.device.of("error"))
        self.command("hold")
        wait_for(
            lambda: self._state() == "listening" or len(self.device.of("error")) > errors, TURN_S, "the light",
            self.device.text,
        )  # fmt: skip
        time.sleep(REACTS_S)
        if self._state() != "listening":
            self.command("release")
            raise Refused(self.device.text()[-300:])
        self.device.rig.play(self.words)
        time.sleep(len(self.words) / RATE)
        if self._state() != "listening":
            raise Refused(self.device.text()[-300:])
        self.command("release")
        self.device.wait_count("turn", before + 1, TURN_S)
        self.device.wait_state("idle", TURN_S)

    def _state(self) -> str:
        return str(self.device.of("state")[-1]["state"])

    # --- does it work -------------------------------------------------------------------------------

    def converse(self, served: Served, sink: str = "spk", *, offline: bool = False) -> float:
        """A spoken turn: the words reached the server, and its reply the loudspeaker. Seconds; raises Unheard.

        `offline`: whatever sounds is a reply, and what was heard is in it.
        """
        recorder = self.device.rig.record(sink)
        wait_for(lambda: recorder.blocks, 5, "the recorder")
        began = time.monotonic()
        try:
            self.talk()
            words = b"".join(chunk.pcm for chunk in list(served.fake.chunks) if chunk.at > began)
            loud = np.abs(np.frombuffer(words, np.int16)).max(initial=0)
            if loud < LOUD and not offline:
                raise Unheard(f"the server has heard {len(words) / 48_000:.1f} s of {loud} at most")
            wait_for(lambda: self._sounds(recorder.samples(), offline=offline), 2, "the reply to sound")
        except TimeoutError as error:
            raise Unheard(str(error)) from None
        finally:
            recorder.process.kill()
            recorder.process.wait()
        return time.monotonic() - began

    @staticmethod
    def _sounds(samples: NDArray[np.int16], *, offline: bool) -> bool:
        if offline:
            return int(np.abs(samples.astype(np.int32)).max(initial=0)) > LOUD
        return power_at(samples, REPLY_HZ, RATE) > AUDIBLE

    def ready(self, limit: float = TURN_S) -> float:
        """Seconds until a turn could be held."""
        began = time.monotonic()
        wait_for(self.is_ready, limit, "the device to be ready", self.device.text)
        return time.monotonic() - began

    def is_ready(self) -> bool:
        """What `status` says."""
        return bool(self.command("status")["ready"])


class Unheard(Exception):
    """A turn did not go as it should have."""


class Refused(Unheard):
    """The device has said that it does not listen, before the last word."""


def settings(sound: Rig, served: Served) -> dict[str, str]:
    """Of a daemon on the Realtime engine of this server."""
    return {
        "EDGE_VOICE_ENGINE__USE": "realtime",
        "EDGE_VOICE_REALTIME__URL": served.fake.url,
        "OPENAI_API_KEY": "bench",
        "EDGE_VOICE_CONVERSATION__FOLLOW_UP_S": "0",
        "STATE_DIRECTORY": str(sound.run / "state"),
    }


@contextmanager
def attended(sound: Rig, served: Served, **env: str) -> Iterator[Attended]:
    """A daemon on the Realtime engine of this server."""
    device = Running(sound, **settings(sound, served) | env)
    device.wait_ready()
    yield Attended(device)
    device.process.terminate()
    device.process.wait(5)
