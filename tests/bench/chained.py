"""The chained engine against servers with the latencies of a good day, through virtual sound cards, in real time.

Transcript 100 ms, first token 300 ms, first sound 100 ms: what is above their sum is ours.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from edge.config.places import models_home
from edge.host import client
from tests.bench.clips import Clip, english
from tests.bench.resources import cpu, memory
from tests.bench.table import median, percentile, show
from tests.rig import Recorder, Rig, Running, rig
from tests.vendors import LLM_S, STT_S, TTS_S, Vendors

WORDS = ("what time", "is it")  # the last of them complete with the end of speech
BEFORE_S = 0.5 + 0.3 + 0.05  # of a session's audio before the recording: pre-roll, wait, the sound cards' own delay
SILENT, REFUSED = "is silent", "refuses the key"
TIMES = 5


@contextmanager
def _running(sound: Rig, vendors: Vendors, **env: str) -> Iterator[tuple[Running, float]]:
    device = Running(sound, STATE_DIRECTORY=str(sound.run / "state"), **vendors.env(**env))
    ready = device.wait_ready()
    time.sleep(1.0)
    yield device, ready
    device.process.terminate()
    device.process.wait(5)


def _command(device: Running, name: str, argument: object = None) -> float:
    began = time.monotonic()
    client.call(device.rig.run / "edge-voice" / "control.sock", name, argument)
    return began


def _turn(vendors: Vendors, device: Running, recorder: Recorder, clip: Clip) -> tuple[float, dict[str, int]]:
    """Milliseconds from the labelled end of speech to the first sound, and the daemon's own stages."""
    end_s = clip.speech[-1][1]
    for ears in (vendors.ears, vendors.spares[0]):
        ears.script = ((end_s + BEFORE_S - 0.5, WORDS[0]), (end_s + BEFORE_S - 0.02, WORDS[1]))
    count = len(device.of("turn"))
    _command(device, "press")
    device.wait_state("listening")
    time.sleep(0.3)
    began, _ = device.rig.speak(clip.path)
    device.wait_count("turn", count + 1, 30)
    time.sleep(0.3)
    sound = recorder.first_sound(began + end_s)
    _command(device, "press")  # interrupts what is left of it
    device.wait_state("listening")
    _command(device, "press")
    device.wait_state("idle")
    return ((sound or 0.0) - began - end_s) * 1000, device.of("turn")[-1]["latency_ms"]


def _turns(vendors: Vendors, device: Running, recorder: Recorder, clips: list[Clip]) -> tuple[list[float], list[float]]:
    """From the labelled end of speech, and from the end of the turn, to the first sound (ms)."""
    found = [_turn(vendors, device, recorder, clip) for clip in clips]
    return [ms for ms, _ in found], [float(stages["first_sound"] - stages["turn_end"]) for _, stages in found]


def _interruptions(vendors: Vendors, device: Running) -> list[float]:
    """Milliseconds from a press during the reply until the model and the voice know (the ears are done by then)."""
    taken = []
    vendors.mind.faults.token_ms = 150  # it still writes when it is interrupted
    for _ in range(TIMES):
        asked = len(vendors.mind.asked)
        _command(device, "ask", "Tell me.")
        device.wait_state("speaking")
        time.sleep(0.2)
        pressed = _command(device, "press")
        while not vendors.mind.asked[asked].left or _speaking(vendors):
            assert time.monotonic() < pressed + 5
            time.sleep(0.0005)
        taken.append((time.monotonic() - pressed) * 1000)
        _command(device, "press")
        device.wait_state("idle")
    vendors.mind.faults.token_ms = 8
    return taken


def _speaking(vendors: Vendors) -> bool:
    last = [message for message in vendors.voice.sent if "text" in message or "close_context" in message][-1]
    return not last.get("close_context")


def _failovers(vendors: Vendors, sound: Rig, recorder: Recorder, clip: Clip) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for what in ("stt", "llm", "tts"):
        for trouble in (REFUSED, SILENT):
            with _running(sound, vendors, **vendors.with_spares()) as (device, _):
                _fault(vendors, what, trouble)
                ms, stages = _turn(vendors, device, recorder, clip)
                problems = [event["message"] for event in device.of("error")]
                _mend(vendors)
            rows.append((f"{what} {trouble}", round(stages["first_sound"] - stages["turn_end"]), round(ms),
                         problems[0] if problems else "-"))  # fmt: skip
    offline = {"EDGE_VOICE_ENGINE__USE": "chained,local", "EDGE_VOICE_LOCAL__MODELS_DIR": str(models_home())}
    with _running(sound, vendors, **offline) as (device, _):
        time.sleep(25)  # the offline engine is loaded by then
        for what in ("stt", "llm", "tts"):
            _fault(vendors, what, SILENT)
        ms, stages = _turn(vendors, device, recorder, clip)
        _mend(vendors)
        rows.append(("all silent -> offline", round(stages["first_sound"] - stages["turn_end"]), round(ms),
                     device.status()["engine"].get("engine", "")))  # fmt: skip
    return rows


def _fault(vendors: Vendors, what: str, trouble: str) -> None:
    fake: Any = {"stt": vendors.ears, "llm": vendors.mind, "tts": vendors.voice}[what]
    if trouble == SILENT:
        fake.faults.silent = True
    else:
        fake.faults.status = 401


def _mend(vendors: Vendors) -> None:
    for fake in (vendors.ears, vendors.mind, vendors.voice):
        fake.faults.silent, fake.faults.status = False, 0


def _open_sockets(pid: int) -> int:
    found = psutil.Process(pid).net_connections("tcp")
    return sum(1 for one in found if one.status == psutil.CONN_ESTABLISHED and one.family == socket.AF_INET)


def _row(what: str, values: list[float]) -> tuple[object, ...]:
    return what, len(values), round(median(values)), round(percentile(values, 0.95)), round(max(values))


def run() -> None:
    """All of it, in about five minutes."""
    total = round((STT_S + LLM_S + TTS_S) * 1000)
    clips = [clip for clip in english() if len(clip.speech) == 1][:12]
    with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound:
        vendors, recorder, rows = Vendors(), sound.record(), list[tuple[object, ...]]()
        with _running(sound, vendors) as (device, ready):
            from_speech, from_end = _turns(vendors, device, recorder, clips)
            rows += [_row("end of speech -> first sound", from_speech), _row("end of turn -> first sound", from_end)]
            rows.append(_row("press -> model and voice told to stop", _interruptions(vendors, device)))
            time.sleep(25)
            idle = (round(ready, 2), memory(device.process.pid)[0], cpu(device.process.pid, 10),
                    _open_sockets(device.process.pid))  # fmt: skip
        plain = {"EDGE_VOICE_CONVERSATION__EAGER_SILENCE_MS": "540"}
        with _running(sound, vendors, **plain) as (device, _):
            from_speech, from_end = _turns(vendors, device, recorder, clips)
            rows += [_row("without an eager end: end of speech -> first sound", from_speech),
                     _row("without an eager end: end of turn -> first sound", from_end)]  # fmt: skip
        service = {"EDGE_VOICE_STT__DEEPGRAM__TURNS": "service", "EDGE_VOICE_STT__DEEPGRAM__END_CONFIDENCE": "0.5",
                   "EDGE_VOICE_STT__DEEPGRAM__EAGER_CONFIDENCE": "0.3"}  # fmt: skip
        with _running(sound, vendors, **service) as (device, _):
            rows.append(_row("Flux finds the end (eager 0.3 s, end 0.5 s): end of speech -> first sound",
                             _turns(vendors, device, recorder, clips)[0]))  # fmt: skip
        failovers = _failovers(vendors, sound, recorder, clips[0])
        vendors.close()
    show(f"Chained engine, ms (stages alone: {total})", ("what", "n", "median", "p95", "most"), rows)
    show("When a service fails (ms)", ("what", "end of turn -> sound", "end of speech -> sound", "told"), failovers)
    show("At rest", ("start -> ready (s)", "resident (MB)", "CPU (% of a core)", "sockets open"), [idle])
