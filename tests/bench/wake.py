"""Wake word and stop word: hits, false alarms, processor time, and how soon the device listens.

The people say "alexa"; the other words are said by the offline engine's voice, and by flite and espeak-ng where they
are installed, which no model's author had in mind. EDGE_VOICE_STOP_MODEL names the .json file of a model of "stop".
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge.audio.convert import FRAME, SILENCE
from edge.audio.files import load as load_file
from edge.audio.wake import Pair, load
from edge.config import Wake
from edge.config.wake import BUILT_IN, EASES
from edge.core.effects import Ears
from edge.core.events import Event
from edge.core.speech import NoiseFloor
from tests.audio.room import Room
from tests.audio.test_wake import PEOPLE, Attentive
from tests.bench.clips import DATA, clips
from tests.bench.resources import cpu
from tests.bench.table import median, percentile, show
from tests.rig import Rig, Running, rig
from tests.signals import Int16, noise, recording
from tests.voices import spoken

SPEEDS = (0.85, 1.0, 1.15)
FLITE = ("slt", "rms", "awb", "kal16")
ESPEAK = ("en-us", "en-us+f3", "en-gb", "en-gb+m3")
GAINS = (1.0, 0.1)
CALLS = 8  # through cards
SECONDS = 20.0
ECHOES_DB = (-40.0, -20.0, -12.0, -6.0, 0.0)
REPLY = "This is a sentence that goes on for quite a while, so that somebody may well interrupt it. "
LONG = DATA / "speech/libri_2412_0000.flac"


def _said(text: str) -> Iterator[tuple[str, Int16]]:
    for speed in SPEEDS:
        yield "hibari", spoken(text, speed)
    for program, voices in (("flite", FLITE), ("espeak-ng", ESPEAK)):
        if shutil.which(program):
            yield from ((program, _by(program, voice, text)) for voice in voices)


def _by(program: str, voice: str, text: str) -> Int16:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "said.wav"
        words = ["-voice", voice, "-t", text, "-o"] if program == "flite" else ["-v", voice, text, "-w"]
        subprocess.run([program, *words, str(file)], check=True, capture_output=True)
        sound = load_file(file)
    return (sound * (9000 / np.abs(sound.astype(float)).max())).astype(np.int16)


def heard(wake: Wake, sounds: list[Int16], ears: Ears = Ears.AWAIT) -> int:
    """How many words are heard in all of them."""
    events: list[Event] = []
    room = Room()
    room.front.words = load(wake, events.append)
    room.ears(ears)
    room.play(noise(2.0, loudness=0.0005))
    for sound in sounds:
        room.play(sound)
        room.play(noise(1.2, loudness=0.0005))
    return len(events)


def _hits() -> None:
    rows: list[tuple[object, ...]] = []
    people = [recording(clip.path) for clip in clips("speech") if clip.name.startswith("kw_alexa")]
    for word in BUILT_IN:
        by: dict[str, list[Int16]] = {"people": people} if word == "alexa" else {}
        for who, sound in _said(word.replace("_", " ")):
            by.setdefault(who, []).append(sound)
        for who, sounds in by.items():
            all_ = [(sound * gain).astype(np.int16) for gain in GAINS for sound in sounds]
            found = [sum(heard(Wake(word=word, sensitivity=ease), [one]) > 0 for one in all_) for ease in EASES]
            rows.append((word, who, len(all_), *found))
    show(f"Heard, each loud and 20 dB softer, by sensitivity ({', '.join(EASES)})", ("word", "by", "of", *EASES), rows)


def _false() -> None:
    sounds = [recording(clip.path) for folder in ("speech", "turns", "noise") for clip in clips(folder)
              if not clip.name.startswith("kw_alexa")]  # fmt: skip
    minutes = sum(map(len, sounds)) / 16_000 / 60
    rows = [(word, *(heard(Wake(word=word, sensitivity=ease), sounds) for ease in EASES)) for word in BUILT_IN]
    show(f"False alarms in {minutes:.1f} minutes of other speech and noise, by sensitivity", ("word", *EASES), rows)


def _stop() -> None:
    """Another stop word's model, said alone and in front of a question, and over everything else."""
    path = os.environ.get("EDGE_VOICE_STOP_MODEL", "")
    if not path:
        return
    alone, first = ([sound for _, sound in _said(text)] for text in ("stop!", "stop, what time is it?"))
    sounds = [recording(clip.path) for folder in ("speech", "turns", "noise") for clip in clips(folder)]
    rows = []
    for ease in EASES:
        wake = Wake(stop_word=path, stop_sensitivity=ease)
        found = [sum(heard(wake, [one], Ears.WATCH) > 0 for one in ones) for ones in (alone, first)]
        rows.append((ease, *(f"{n} of {len(alone)}" for n in found), heard(wake, sounds, Ears.WATCH)))
    show("Stop word", ("sensitivity", '"stop!"', '"stop, what ..."', "false alarms"), rows)


def _over() -> None:
    """The word over a reply that comes back by the microphone 40 ms later, so loud, and that nothing cancels."""
    reply, rows = np.tile(spoken(REPLY), 3), []
    for echo_db in ECHOES_DB:
        found = [sum(_stopped(recording(one.path), reply, echo_db, ease) for one in PEOPLE) for ease in EASES]
        rows.append((f"{echo_db:.0f}", *(f"{n} of {len(PEOPLE)}" for n in found)))
    show("People's stop word over uncancelled echo, by sensitivity", ("echo of the reply (dB)", *EASES), rows)


def _stopped(word: Int16, reply: Int16, echo_db: float, ease: str) -> bool:
    """Whether it is heard three seconds into the reply."""
    room = Attentive(Wake(stop_word="alexa", stop_sensitivity=ease), guarded=True)
    room.ears(Ears.GUARD)
    near = np.concatenate([np.zeros(3 * 16_000, np.int16), word, np.zeros(8000, np.int16)])
    late = np.concatenate([np.zeros(640, np.int16), reply])[: len(near)]
    room.over(np.clip(near + late * 10 ** (echo_db / 20), -32768, 32767).astype(np.int16), reply)
    return bool(room.heard)


def _cost(wake: Wake, ears: Ears, sound: Int16) -> float:
    """Processor time in ms for a second of sound."""
    words, floor = load(wake, lambda _: None), NoiseFloor()
    words.arm(ears, 0.0)
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    far = frames if ears is Ears.GUARD else np.tile(SILENCE, (len(frames), 1))
    loud = [20 * np.log10(np.abs(frame.astype(float)).mean() / 32768 + 1e-6) for frame in frames]
    began = time.thread_time()
    for n, frame in enumerate(frames):
        words.push(Pair(frame, far[n], 0.01 * n), loud=loud[n] >= floor.update(loud[n]) + 6)
    return 1000 * (time.thread_time() - began) / (len(frames) / 100)


def _costs() -> None:
    quiet, talk = noise(20.0, loudness=0.0005), np.tile(recording(LONG), 2)
    one, both = Wake(word="hey_jarvis"), Wake(word="hey_jarvis", stop_word="alexa")
    show("Processor time of the words alone (ms for a second of sound; 10 is 1 % of a core)", ("what", "ms"), [
        ("at rest, a quiet room", _cost(one, Ears.AWAIT, quiet)),
        ("at rest, somebody talks", _cost(one, Ears.AWAIT, talk)),
        ("while it speaks, stop word", _cost(Wake(stop_word="alexa"), Ears.GUARD, talk)),
        ("while it speaks, both words", _cost(both, Ears.GUARD, talk))])  # fmt: skip


def _daemon(sound: Rig, **env: str) -> Running:
    device = Running(sound, EDGE_VOICE_ENGINE__USE="none", **env)
    device.wait_ready()
    time.sleep(1.0)
    return device


def _cards() -> None:
    rows: list[tuple[object, ...]] = []
    late: list[float] = []
    with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound:
        talk = sound.run / "talk.wav"
        _write(talk, np.tile(recording(LONG), round(SECONDS / 10)))
        for name, env in (("without", {}), ("with", {"EDGE_VOICE_WAKE__WORD": "hey_jarvis"})):
            device = _daemon(sound, **env)
            quiet = cpu(device.process.pid, SECONDS)
            speaker = sound.child(["sh", "-c", f"while paplay -d micfeed {talk}; do :; done"])
            time.sleep(1.0)
            busy = cpu(device.process.pid, SECONDS)
            speaker.terminate()
            rows.append((name, quiet, busy))
            if env:
                late = list(_latencies(device, sound))
            device.process.terminate()
            device.process.wait(5)
    show(f"The daemon at rest, without and with a wake word (% of a core, {SECONDS:.0f} s)",
         ("wake word", "quiet room", "somebody talks"), rows)  # fmt: skip
    show(f'From the end of "hey jarvis" to listening, through cards ({len(late)} of {CALLS})', ("median ms", "p95 ms"),
         [(median(late), percentile(late, 0.95))])  # fmt: skip


def _write(path: Path, samples: Int16) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())


def _latencies(device: Running, sound: Rig) -> Iterator[float]:
    path = sound.run / "called.wav"
    for n in range(CALLS):
        words = spoken("hey jarvis", SPEEDS[n % len(SPEEDS)])
        end = (np.flatnonzero(np.abs(words) > np.abs(words).max() / 30)[-1] + 1) / 16_000  # -30 dB
        _write(path, words)
        seen = len(device.events)
        began, _ = sound.speak(path)
        time.sleep(1.0)
        told = [at for at, event in device.events[seen:] if event["event"] == "state" and event["state"] == "listening"]
        if told:
            yield 1000 * (told[0] - began - end)
            device.call("press")
        time.sleep(1.5)


def run() -> None:
    """All of it."""
    _hits()
    _false()
    _stop()
    _over()
    _costs()
    _cards()
