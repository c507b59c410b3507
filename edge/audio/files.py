"""Sound files as microphone and loudspeaker, at the pace of real ones or as fast as a test steps them."""

from __future__ import annotations

import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soxr

from edge.audio.arrays import Roles
from edge.audio.convert import CORE_RATE, FRAME, Format, Samples
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.errors import AudioError
from edge.ports import Clock

MOST_S = 900.0  # a quarter of an hour of speech; more is a wrong file
OUT_RATE = 24_000
RING_S = 10.0
BLOCK_S = 0.01
GAP_S = 0.5  # silence kept between two replies in the written file


def load(path: Path) -> Samples:
    """Any WAV, FLAC, OGG, MP3 (any rate, channels, sample type) as 16 kHz mono int16."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            if file.frames > MOST_S * file.samplerate:
                raise AudioError(f"{path} is {file.frames / file.samplerate / 60:.0f} minutes long; 15 is the most.")
            table = file.read(dtype="float32", always_2d=True)
            rate = file.samplerate
    except soundfile.LibsndfileError as error:
        raise AudioError(why_unreadable(path, error.error_string)) from None
    except TypeError:  # NAME.raw: soundfile wants to be told its rate and channels
        raise AudioError(why_unreadable(path, "raw samples without a header")) from None
    if len(table) == 0:
        raise AudioError(f"{path} has no sound in it.")
    mono = soxr.resample(table.mean(axis=1), rate, CORE_RATE, quality="HQ")
    return np.asarray(np.clip(np.nan_to_num(mono) * 32767, -32768, 32767), np.int16)


def why_unreadable(path: Path, reason: str) -> str:
    """What is wrong with a file that `soundfile` refuses, for its owner."""
    if not path.exists():
        return f"{path} does not exist."
    if path.is_dir():
        return f"{path} is a folder, not a sound file."
    if path.stat().st_size == 0:
        return f"{path} is empty (0 bytes), not a sound file."
    return f"{path} is not a sound file that can be read (WAV, FLAC, OGG, MP3): {reason.strip().rstrip('.')}."


class Paced:
    """Calls `step` once every BLOCK_S, never early, catching up when late, in a thread."""

    def __init__(self, step: Callable[[float], None], name: str) -> None:
        self._step = step
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        start, count = time.monotonic(), 0
        while not self._end.wait(max(0.0, start + count * BLOCK_S - time.monotonic())):
            self._step(time.monotonic())
            count += 1

    def close(self) -> None:
        """End the thread. Idempotent."""
        self._end.set()
        self._thread.join(1.0)


class FileSource:
    """A microphone in a silent room where the recordings are played one after the other, on cue."""

    def __init__(self, recordings: list[Samples], name: str, *, paced: bool = True) -> None:
        self._waiting = list(recordings)
        self._now: Samples = np.zeros(0, np.int16)
        self._at = 0
        self._paced = paced
        self._pace: Paced | None = None
        self.name, self.overruns, self.gate = name, 0, True
        self.roles: Roles | None = None
        self.form = Format(CORE_RATE, 1)
        self.ring = Ring(CORE_RATE, 2, RING_S)

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`."""
        return self._pace is not None

    def open(self) -> None:
        """Begin to run; as with a sound card, nothing is left of what was heard before."""
        self.ring = Ring(CORE_RATE, 2, RING_S)
        if self._paced:
            self._pace = Paced(self.step, "file-microphone")

    def close(self) -> None:
        """Stop. Idempotent."""
        pace, self._pace = self._pace, None
        if pace is not None:
            pace.close()

    def stalled(self) -> bool:
        """A file never stalls."""
        return False

    @property
    def left(self) -> int:
        """Recordings not yet begun."""
        return len(self._waiting)

    @property
    def playing(self) -> bool:
        """Whether a recording is being heard."""
        return self._at < len(self._now)

    def append(self, recording: Samples) -> None:
        """One more recording."""
        self._waiting.append(recording)

    def cue(self) -> bool:
        """Play the next recording now; False when there is none left."""
        if not self._waiting:
            return False
        self._at, self._now = 0, self._waiting.pop(0)
        return True

    def step(self, now: float) -> None:
        """The next 10 ms."""
        block = self._now[self._at : self._at + FRAME]
        self._at += len(block)
        frame = np.zeros(FRAME, np.int16)
        frame[: len(block)] = block
        if self.gate:
            self.ring.write(frame.tobytes(), now)


class FileSink:
    """A loudspeaker that writes what it plays to a WAV file, pauses between replies cut short."""

    def __init__(self, speaker: QueueSpeaker, path: Path | None, clock: Clock, *, paced: bool = True) -> None:
        self._speaker, self.path, self._clock, self._paced = speaker, path, clock, paced
        self._file: wave.Wave_write | None = None
        self._pace: Paced | None = None
        self._quiet_s = GAP_S
        self.seconds = 0.0
        self.problem = ""

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`."""
        return self._pace is not None

    def open(self) -> None:
        """Create the file (when there is something to write) and begin to pull."""
        self._speaker.opened(str(self.path or "nowhere"), OUT_RATE, 0.0)
        if self._paced:
            self._pace = Paced(self.step, "file-speaker")

    def stalled(self) -> bool:
        """A file never stalls."""
        return False

    def step(self, now: float) -> None:
        """The next 10 ms."""
        samples = self._speaker.render(round(OUT_RATE * BLOCK_S), now)
        self._quiet_s = 0.0 if samples.any() else self._quiet_s + BLOCK_S
        if self.path is not None and self._quiet_s < GAP_S and not self.problem:
            self._write(self.path, samples)

    def _write(self, path: Path, samples: Samples) -> None:
        try:
            if self._file is None:
                self._file = create(path)
            self._file.writeframesraw(samples.tobytes())
            self.seconds += BLOCK_S
        except OSError as error:
            self.problem = f"{path} cannot be written: {error.strerror}."

    def close(self) -> None:
        """Stop pulling; the file stays open for more. Idempotent."""
        pace, self._pace = self._pace, None
        if pace is not None:
            pace.close()

    def finish(self) -> None:
        """Complete the file. Idempotent."""
        self.close()
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self.problem = f"{self.path} cannot be written: {error.strerror}."


def create(path: Path) -> wave.Wave_write:
    """A WAV file to be written to, mono int16."""
    path.open(
        "wb"
    ).close()  # raises what is wrong; wave would leave half an object behind, which complains when it goes
    file = wave.open(str(path), "wb")  # noqa: SIM115  stays open for later replies
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(OUT_RATE)
    return file
