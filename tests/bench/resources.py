"""Start-up time, memory and processor time of the daemon; jitter of the sound card's callbacks."""

from __future__ import annotations

import os
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from edge.audio.device import DeviceSource, rescan
from edge.errors import ControlError
from edge.host import client
from tests.bench.table import median, percentile, show
from tests.rig import Rig, Running, rig

STARTS = 7
SECONDS = 10.0


def _start(sound: Rig) -> tuple[Running, float]:
    """Seconds from starting the process to `status` telling that a turn could be held."""
    device = Running(sound, EDGE_VOICE_ENGINE__USE="none", EDGE_VOICE_CONVERSATION__NO_SPEECH_S="100")
    path = sound.run / "edge-voice" / "control.sock"
    while True:
        try:
            if path.exists() and client.call(path, "status")["ready"]:
                return device, time.monotonic() - device.began
        except ControlError:
            pass
        time.sleep(0.005)


def memory(pid: int) -> tuple[float, float]:
    """(resident, proportional) MB."""
    sizes = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return tuple(int(sizes[key].split()[0]) / 1024 for key in ("Rss", "Pss"))  # type: ignore[return-value]


def cpu(pid: int, seconds: float = SECONDS) -> float:
    """Percent of one core over a while."""

    def used() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before = used()
    time.sleep(seconds)
    return 100 * (used() - before) / os.sysconf("SC_CLK_TCK") / seconds


def _stop(device: Running) -> None:
    device.process.terminate()
    device.process.wait(5)


def _jitter() -> tuple[object, ...]:
    arrivals: list[float] = []
    source = DeviceSource("usbmic")
    source.open()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        before = source.ring.written
        source.pump()
        if source.ring.written > before:
            arrivals.append(time.monotonic())
        time.sleep(0.002)
    source.close()
    gaps = [(b - a) * 1000 for a, b in pairwise(arrivals)]
    return (len(gaps), median(gaps), percentile(gaps, 0.99), max(gaps), source.overruns)


def run() -> None:
    """The daemon alone (engine `none`), then with the offline engine; the arrival of the card's blocks."""
    with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound:
        starts = []
        for _ in range(STARTS):
            device, took = _start(sound)
            starts.append(took)
            _stop(device)
        device, _ = _start(sound)
        time.sleep(1)
        pid = device.process.pid
        rss, pss = memory(pid)
        idle = cpu(pid)
        device.call("press")
        time.sleep(0.5)
        listening = cpu(pid)
        _stop(device)
        show("Daemon without engine models", ("what", "value"), [
            (f"start -> ready, median of {STARTS} (s)", median(starts)), ("slowest (s)", max(starts)),
            ("resident / proportional (MB)", f"{rss:.0f} / {pss:.0f}"), ("CPU idle (% of a core)", idle),
            ("CPU listening (%)", listening)])  # fmt: skip
        _with_engine(sound)
        os.environ.update(sound.env())
        rescan()
        show(
            "Arrival of the microphone's blocks (20 ms periods, asked every 2 ms)",
            ("arrivals", "p50 ms", "p99 ms", "max ms", "overruns"),
            [_jitter()],
        )


def _with_engine(sound: Rig) -> None:
    began = time.monotonic()
    device = Running(sound)
    device.wait_ready()
    ready = time.monotonic() - began
    while device.status()["engine"]["language_model"] == "loading":
        time.sleep(0.2)
    loaded = time.monotonic() - began
    worker = device.status()["engine"]["worker_pid"]
    device.call("say", "one two three four five six seven eight nine ten. " * 12)
    device.wait_count("turn", 1)
    speaking = cpu(device.process.pid)
    show("Daemon with the offline engine", ("what", "value"), [
        ("start -> ready for a turn (s)", ready), ("... with the language model (s)", loaded),
        ("daemon resident (MB)", memory(device.process.pid)[0]), ("worker resident (MB)", memory(worker)[0]),
        ("worker proportional (MB)", memory(worker)[1]), ("CPU speaking, daemon only (% of a core)", speaking),
        ("worker idle CPU (%)", cpu(worker, 5))])  # fmt: skip
    _stop(device)
