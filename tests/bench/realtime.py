"""The Realtime engine against the fake server (60 ms round trip), through virtual sound cards, in real time."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from edge.host import client
from tests.bench.resources import cpu, memory
from tests.bench.table import median, percentile, show
from tests.fakes.realtime.config import Settings
from tests.fakes.realtime.script import Pace, Reply, Request
from tests.fakes.realtime.server import FakeRealtime
from tests.rig import RATE, Recorder, Rig, Running, rig, wait_for
from tests.signals import tone

T = TypeVar("T")
RTT_S = 0.06
TIMES = 12
LONG_S, SHORT_S = 6.0, 1.5
BURSTS = Pace(burst_ms=400, speed=2.0)
SLOW = Pace(speed=1.2, jitter_ms=200)


class Served:
    """The fake server, running in a thread of its own."""

    def __init__(self) -> None:
        self.pace, self.seconds, self.think_ms = Pace(), SHORT_S, 300
        self.fake = FakeRealtime(self._reply, settings=Settings(rtt_ms=RTT_S * 1000))
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.do(self.fake.up())

    def _reply(self, _request: Request) -> Reply:
        return Reply("la", tone(self.seconds, 440.0, 24_000).tobytes(), think_ms=self.think_ms, pace=self.pace)

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """In the server's own thread."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    def drop(self) -> None:
        """Every connection, and no new ones."""

        async def drop() -> None:
            await self.fake.down()
            self.fake.faults.drop_all()

        self.do(drop())

    def times(self, kind: str, direction: str, after: float) -> list[float]:
        """When frames of a kind passed the socket."""
        return [
            seen.at
            for seen in self.fake.record.seen
            if (seen.kind, seen.direction) == (kind, direction) and seen.at > after
        ]

    def next(self, kind: str, direction: str, after: float) -> float:
        """The first of them."""
        wait_for(lambda: self.times(kind, direction, after), 15, f"{kind} on the wire")
        return self.times(kind, direction, after)[0]


@contextmanager
def _running(sound: Rig, served: Served, **env: str) -> Iterator[Running]:
    device = Running(
        sound, EDGE_VOICE_ENGINE__USE="realtime", EDGE_VOICE_REALTIME__URL=served.fake.url, OPENAI_API_KEY="bench",
        EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0", STATE_DIRECTORY=str(sound.run / "state"), **env,
    )  # fmt: skip
    device.wait_ready()
    time.sleep(0.5)
    yield device
    device.process.terminate()
    device.process.wait(5)


def _command(device: Running, name: str, argument: object = None) -> float:
    """A command without the command line's own start; returns when it was sent."""
    began = time.monotonic()
    client.call(device.rig.run / "edge-voice" / "control.sock", name, argument)
    return began


def _press_to_wire(served: Served, device: Running) -> list[float]:
    """Milliseconds from the press to the first audio at the server's socket."""
    taken = []
    for _ in range(TIMES):
        pressed = _command(device, "press")
        taken.append((served.next("input_audio_buffer.append", "in", pressed) - pressed) * 1000)
        time.sleep(0.2)
        _command(device, "press")
        device.wait_state("idle")
        time.sleep(0.3)
    return taken


def _cold_press(served: Served, device: Running) -> tuple[list[float], list[float]]:
    """Milliseconds from the press to the session, and from there (a round trip later) to the first audio."""
    connect, first = [], []
    for _ in range(3):
        wait_for(lambda: not device.status()["engine"]["online"], 30, "the line to be closed")
        pressed = _command(device, "press")
        ready = served.next("session.updated", "out", pressed)
        connect.append((ready - pressed) * 1000)
        first.append((served.next("input_audio_buffer.append", "in", ready) - ready) * 1000)
        _command(device, "press")
        device.wait_state("idle")
    return connect, first


def _played(recorder: Recorder, after: float) -> tuple[float, float, int]:
    """When the tone of a reply began, for how long it sounded (s), and how many gaps of 3 ms or more were in it."""
    samples, start = recorder.samples(), recorder.start()
    skip = max(0, int((after - start) * RATE))
    loud = np.flatnonzero(np.abs(samples[skip:].astype(np.int32)) > 200)  # -44 dBFS
    holes = np.diff(loud)
    gaps = holes[holes > 0.003 * RATE]
    sounding = (loud[-1] - loud[0] - int(gaps.sum())) / RATE
    return start + (skip + int(loud[0])) / RATE, float(sounding), len(gaps)


def _replies(
    served: Served, device: Running, recorder: Recorder, times: int
) -> tuple[list[float], list[float], list[int]]:
    """Milliseconds from the first delta to the loudspeaker; milliseconds lost of each reply; gaps in each."""
    first, lost, gaps = [], [], []
    for _ in range(times):
        asked = _command(device, "ask", "sing")
        delta = served.next("response.output_audio.delta", "out", asked)
        device.wait_state("speaking")
        device.wait_state("idle")
        time.sleep(0.5)
        began, sounded, holes = _played(recorder, asked)
        first.append((began - delta) * 1000)
        lost.append((served.seconds - sounded) * 1000)
        gaps.append(holes)
    return first, lost, gaps


def _truncations(served: Served, device: Running, recorder: Recorder) -> list[float]:
    """Milliseconds by which more was claimed to be heard than was."""
    errors, served.seconds = [], LONG_S
    for number in range(TIMES):
        asked = _command(device, "ask", "sing")
        device.wait_state("speaking")
        time.sleep(0.7 + 0.11 * number)
        _command(device, "press")
        served.next("conversation.item.truncate", "in", asked)
        _command(device, "press")
        device.wait_state("idle")
        time.sleep(0.4)
        claimed = [seen.event for seen in served.fake.events("conversation.item.truncate", "in")][-1]["audio_end_ms"]
        errors.append(claimed - _played(recorder, asked)[1] * 1000)
    served.seconds = SHORT_S
    return errors


def _recoveries(served: Served) -> list[float]:
    """Seconds from the server being back to a new session."""
    taken = []
    for outage in (0.5, 2.0, 5.0, 5.0):
        served.drop()
        time.sleep(outage)
        back = time.monotonic()
        served.do(served.fake.up())
        taken.append(served.next("session.updated", "out", back) - back)
        time.sleep(6)
    return taken


def _row(what: str, values: list[float]) -> tuple[object, ...]:
    return what, len(values), median(values), percentile(values, 0.95), min(values), max(values)


def run() -> None:
    """All of it once, in about three minutes."""
    with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound:
        served = Served()
        recorder = sound.record()
        rows: list[tuple[object, ...]] = []
        with _running(sound, served) as device:
            idle, size = cpu(device.process.pid, 15), memory(device.process.pid)[0]
            rows.append(_row("press -> first audio at the server, warm (ms)", _press_to_wire(served, device)))
            first, lost, gaps = _replies(served, device, recorder, TIMES)
            rows += [_row("first delta -> loudspeaker (ms)", first), _row("lost of a reply (ms)", lost)]
            for name, pace in (("bursts of 400 ms", BURSTS), ("1.2 x real time, 200 ms jitter", SLOW)):
                served.pace, served.seconds = pace, 4.0
                _, lost, gaps = _replies(served, device, recorder, 6)
                rows += [_row(f"gaps, {name}", [float(g) for g in gaps]), _row(f"lost, {name} (ms)", lost)]
            served.pace, served.seconds = Pace(), SHORT_S
            rows.append(_row("claimed - heard at an interruption (ms)", _truncations(served, device, recorder)))
            rows.append(_row("network back -> session (s)", _recoveries(served)))
        cold = {"EDGE_VOICE_REALTIME__CONNECTION": "cold", "EDGE_VOICE_REALTIME__IDLE_S": "5"}
        with _running(sound, served, **cold) as device:
            connect, after = _cold_press(served, device)
            rows += [_row("cold: press -> session at the server (ms)", connect),
                     _row("... -> first audio, a round trip included (ms)", after)]  # fmt: skip
    show("Realtime engine, 60 ms round trip", ("what", "n", "median", "p95", "least", "most"), rows)
    show("Idle with a warm connection", ("CPU (% of a core)", "resident (MB)"), [(idle, size)])
