"""A machine's sound without sound cards: PulseAudio null sinks that PortAudio sees as ALSA devices.

`Rig` starts a private server; `speak` plays a recording into the microphone at its real pace, and
`Recorder` keeps what comes out of the speaker, on the same monotonic clock.
"""

from __future__ import annotations

import bisect
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import soxr
from numpy.typing import NDArray

from edge.audio.files import load

RATE = 48_000
AROUND_S = 5.0  # blocks on either side that place a sample: a null sink's clock may run 400 ppm fast
NEEDED = ("pulseaudio", "pacat", "parec", "pactl")
INTO_MICROPHONE = ("pacat", "-d", "micfeed", f"--rate={RATE}", "--channels=1", "--format=s16le", "--raw")
FIRST = ("chrt", "--rr", "5")  # which root may do
# norewinds: without it an output stream stalls for two seconds at its start.
SERVER = """
load-module module-native-protocol-unix auth-anonymous=1 socket={run}/native
load-module module-cli-protocol-unix socket={run}/cli
load-module module-null-sink sink_name=spk rate=48000 channels=1 format=s16le norewinds=1
load-module module-null-sink sink_name=micfeed rate=48000 channels=1 format=s16le norewinds=1
load-module module-remap-source source_name=mic master=micfeed.monitor
"""
DEVICES = """
</usr/share/alsa/alsa.conf>
pcm.usbmic { type pulse device mic hint { show on description "USB Mic Array" } }
pcm.usbspk { type pulse device spk hint { show on description "USB Speaker" } }
"""


def missing() -> list[str]:
    """The programs that this machine lacks."""
    return [name for name in NEEDED if shutil.which(name) is None]


@dataclass
class Recorder:
    """What one sink plays; `time_of` maps a sample to the clock by the least delayed block."""

    process: subprocess.Popen[bytes]
    blocks: list[tuple[float, bytes]] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)  # how many bytes there are with each block

    def read(self) -> None:
        """Runs in a thread."""
        assert self.process.stdout is not None
        count = 0
        while data := self.process.stdout.read(1920):
            count += len(data)
            self._ends.append(count)
            self.blocks.append((time.monotonic(), data))

    def between(self, begin: float, end: float) -> NDArray[np.int16]:
        """What was played from one time to another, as far as it has been; placed by the blocks around `begin`."""
        arrived = [at for at, _ in list(self.blocks)]
        low, high = (bisect.bisect(arrived, begin + late) for late in (-AROUND_S, AROUND_S))
        if low == high:
            return np.zeros(0, np.int16)
        zero = min(arrived[n] - self._ends[n] / 2 / RATE for n in range(low, high))
        first, last = (max(0, round((at - zero) * RATE)) * 2 for at in (begin, end))
        one, other = bisect.bisect(self._ends, first), bisect.bisect(self._ends, last)
        skipped = self._ends[one - 1] if one else 0
        raw = b"".join(data for _, data in self.blocks[one : other + 1])[first - skipped : last - skipped]
        return np.frombuffer(raw[: len(raw) // 2 * 2], np.int16)

    def samples(self) -> NDArray[np.int16]:
        """Everything so far."""
        raw = b"".join(data for _, data in list(self.blocks))
        return np.frombuffer(raw[: len(raw) // 2 * 2], np.int16)

    def start(self) -> float:
        """When the first sample was played."""
        count, best = 0, float("inf")
        for at, data in list(self.blocks):
            count += len(data) // 2
            best = min(best, at - count / RATE)
        return best

    def first_sound(self, after: float, level: int = 300) -> float | None:
        """When the first sample above `level` after a time was played."""
        samples, start = self.samples(), self.start()
        skip = max(0, int((after - start) * RATE))
        loud = np.flatnonzero(np.abs(samples[skip:].astype(np.int32)) > level)
        return start + (skip + int(loud[0])) / RATE if len(loud) else None

    def last_sound(self, level: int = 300) -> float | None:
        """When the last sample above `level` was played."""
        loud = np.flatnonzero(np.abs(self.samples().astype(np.int32)) > level)
        return self.start() + int(loud[-1]) / RATE if len(loud) else None

    def heard(self, after: float = 0.0) -> NDArray[np.int16]:
        """What was played after a time, at 16 kHz."""
        skip = max(0, int((after - self.start()) * RATE)) if after else 0
        return np.asarray(soxr.resample(self.samples()[skip:], RATE, 16_000), np.int16)


class Rig:
    """One private sound server; a context manager. `steady`: it goes before all else, as a sound card would."""

    def __init__(self, folder: Path, *, steady: bool = False) -> None:
        self._first = [*FIRST] if steady and subprocess.run([*FIRST, "true"], check=False).returncode == 0 else []
        self.run = folder / "sound"
        self.run.mkdir(parents=True)
        (self.run / "default.pa").write_text(SERVER.format(run=self.run))
        (self.run / "asound.conf").write_text(DEVICES)
        # libpulse 16 waits for itself for ever when its shared memory's server ends at the wrong moment
        (self.run / "client.conf").write_text("enable-shm = no\nautospawn = no\n")
        self._children: list[subprocess.Popen[bytes]] = []

    def env(self, **more: str) -> dict[str, str]:
        """The environment in which programs see these devices."""
        run = str(self.run)
        sound = {"XDG_RUNTIME_DIR": run, "PULSE_RUNTIME_PATH": run, "PULSE_STATE_PATH": run,
                 "XDG_STATE_HOME": f"{run}/state", "PULSE_SERVER": f"unix:{run}/native",
                 "PULSE_CLIENTCONFIG": f"{run}/client.conf",
                 "ALSA_CONFIG_PATH": f"{run}/asound.conf",
                 "EDGE_VOICE_AUDIO__INPUT": "usbmic", "EDGE_VOICE_AUDIO__OUTPUT": "usbspk",
                 # what sounds is a reply, unless a test wants it otherwise
                 "EDGE_VOICE_SOUNDS__THINKING": "false", "EDGE_VOICE_SOUNDS__REPORTS": "false",
                 "EDGE_VOICE_SOUNDS__ERROR": "false", "EDGE_VOICE_SOUNDS__OFFLINE": "false",
                 "EDGE_VOICE_SOUNDS__MUTE": "false"}  # fmt: skip
        return {**os.environ, **sound, **more}

    def __enter__(self) -> Self:
        self.serve()
        return self

    def serve(self) -> None:
        """Start the sound server, also again after its end."""
        for name in ("native", "cli"):
            (self.run / name).unlink(missing_ok=True)
        command = [*self._first, "pulseaudio", "-n", "-F", str(self.run / "default.pa"), "--daemonize=no",
                   "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no", "--high-priority=no"]  # fmt: skip
        self.server = self.child(command, stderr=subprocess.DEVNULL)
        wait_for(lambda: (self.run / "native").exists() and not self.pactl("info"), 10, "the sound server")

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
        for child in reversed(self._children):
            try:
                child.wait(3)
            except subprocess.TimeoutExpired:
                child.kill()

    def child(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """A program in this environment, ended with the rig."""
        options.setdefault("env", self.env())
        process: subprocess.Popen[bytes] = subprocess.Popen(command, **options)
        self._children.append(process)
        return process

    def pactl(self, *words: str) -> int:
        """Tell the sound server something."""
        quiet = subprocess.DEVNULL
        return subprocess.run(
            ["pactl", *words], env=self.env(), stdout=quiet, stderr=quiet, timeout=5, check=False
        ).returncode

    def record(self, sink: str = "spk") -> Recorder:
        """Begin to record what is played to a sink."""
        command = ["parec", "-d", f"{sink}.monitor", f"--rate={RATE}", "--channels=1", "--format=s16le",
                   "--latency-msec=10", "--raw"]  # fmt: skip
        recorder = Recorder(self.child(command, stdout=subprocess.PIPE, bufsize=0))
        threading.Thread(target=recorder.read, daemon=True).start()
        return recorder

    @contextmanager
    def echo(self, gain_db: float, delay_ms: int = 40) -> Iterator[None]:
        """What the speaker plays comes back by the microphone, so much louder and about so much later."""
        words = ("source=spk.monitor", "sink=micfeed", f"latency_msec={delay_ms}", "adjust_time=0")
        module = self.ask("load-module", "module-loopback", *words).strip()
        try:
            lines = self.ask("list", "short", "sink-inputs").splitlines()
            [stream] = [line.split()[0] for line in lines if "module-loopback" in line]
            self.ask("set-sink-input-volume", stream, f"{round(65536 * 10 ** (gain_db / 60))}")  # it is cubic
            yield
        finally:
            self.ask("unload-module", module)

    def ask(self, *words: str) -> str:
        return subprocess.run(
            ["pactl", *words], env=self.env(), capture_output=True, text=True, timeout=5, check=True
        ).stdout

    def noise(self, level_db: float) -> None:
        """Fill the microphone's room with white noise, from now on."""
        file = self.run / "noise.raw"
        heard = np.random.default_rng(0).standard_normal(10 * RATE) * 32767 * 10 ** (level_db / 20)
        file.write_bytes(np.clip(np.rint(heard), -32768, 32767).astype("<i2").tobytes())
        again = self.child(["sh", "-c", f"while cat {file}; do :; done"], stdout=subprocess.PIPE)
        self.child([*INTO_MICROPHONE, "--latency-msec=200"], stdin=again.stdout)

    def play(self, sound: NDArray[np.floating]) -> float:
        """Play samples at 48 kHz, 1.0 being full scale, into the microphone, from the server's own memory.

        Returns a time shortly before the first of them is heard: find it in what `record("micfeed")` has.
        """
        path = self.run / "play.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(np.clip(np.rint(sound * 32767), -32768, 32767).astype("<i2").tobytes())
        self.ask("upload-sample", str(path), "near")
        at = time.monotonic()
        self.ask("play-sample", "near", "micfeed")
        return at

    def speak(self, recording: Path, gain: float = 1.0) -> tuple[float, float]:
        """Play a recording into the microphone; returns the clock times of its first and last sample."""
        samples = load(recording).astype(np.float32) * gain
        wide = np.clip(soxr.resample(samples, 16_000, RATE), -32768, 32767).astype(np.int16)
        player = self.child([*INTO_MICROPHONE, "--latency-msec=20"], stdin=subprocess.PIPE, bufsize=0)
        assert player.stdin is not None
        start = time.monotonic()
        for at in range(0, len(wide), 960):  # 20 ms at a time on the clock, so that the times are known
            pause = start + at / RATE - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            player.stdin.write(wide[at : at + 960].tobytes())
        player.stdin.close()
        return start, start + len(wide) / RATE


class Running:
    """A daemon on a rig, with its events as they happen."""

    def __init__(self, rig: Rig, *arguments: str, **env: str) -> None:
        self.rig, self.env = rig, rig.env(**env)
        self.log = (rig.run / "daemon.log").open("ab")
        self.began = time.monotonic()
        self.process = rig.child([sys.executable, "-m", "edge", "run", *arguments], env=self.env, stderr=self.log)
        self.events: list[tuple[float, dict[str, Any]]] = []

    def wait_ready(self, limit: float = 60) -> float:
        """Until `status` says so; returns the seconds since the start."""
        wait_for(lambda: self.call("status").returncode == 0, limit, "the daemon to be ready", self.text)
        took = time.monotonic() - self.began
        watcher = self.rig.child([sys.executable, "-m", "edge", "watch"], env=self.env, stdout=subprocess.PIPE)
        threading.Thread(target=self._read, args=(watcher,), daemon=True).start()
        wait_for(lambda: bool(self.events), 10, "the first event")
        return took

    def _read(self, watcher: subprocess.Popen[bytes]) -> None:
        assert watcher.stdout is not None
        for line in watcher.stdout:
            self.events.append((time.monotonic(), json.loads(line)))

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command of the command line."""
        command = [sys.executable, "-m", "edge", *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=20, check=False)

    def status(self) -> dict[str, Any]:
        """The daemon's own view."""
        status: dict[str, Any] = json.loads(self.call("status", "--json").stdout)
        return status

    def of(self, name: str) -> list[dict[str, Any]]:
        """All events of one kind so far."""
        return [event for _, event in list(self.events) if event["event"] == name]

    def wait_state(self, state: str, limit: float = 30) -> None:
        """Until the last state published is this one."""

        def there() -> bool:
            states = self.of("state")
            return bool(states) and states[-1]["state"] == state

        wait_for(there, limit, f"state {state}", self.text)

    def wait_count(self, name: str, count: int, limit: float = 30) -> None:
        """Until so many events of a kind have come."""
        wait_for(lambda: len(self.of(name)) >= count, limit, f"{count} x {name}", self.text)

    def text(self) -> str:
        """Its log."""
        return (self.rig.run / "daemon.log").read_text()


def wait_for(done: Any, limit: float, what: str, more: Any = None) -> None:
    """Poll until something is so; raises TimeoutError that says what it waited for."""
    end = time.monotonic() + limit
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {limit} s for {what}. {more() if more else ''}")
        time.sleep(0.02)


@contextmanager
def rig(folder: Path, *, steady: bool = False) -> Iterator[Rig]:
    """A started rig."""
    with Rig(folder, steady=steady) as started:
        yield started
