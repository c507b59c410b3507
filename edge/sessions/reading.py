"""Recordings that are complete (a zip file) or were cut short (the tar file of `writer`), as one thing."""

from __future__ import annotations

import io
import json
import tarfile
import wave
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from edge.audio.convert import FRAME, Samples
from edge.core.notation import Plain
from edge.errors import AudioError

FORMAT = 1
SOUNDS = ("sound.flac", "sound.wav")


@dataclass(frozen=True, slots=True)
class Session:
    """`sound` is samples by channels (near end, far end, perhaps an array's reference) at 16 kHz, of all frames."""

    header: Plain
    lines: list[Plain]
    sound: Samples


def read(path: Path) -> Session:
    """A recording, as far as it goes; raises AudioError for what is none."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            header, text, sound = _zip(file) if start[:2] == b"PK" else _tar(file)
        lines = [json.loads(line) for line in text.splitlines() if line.strip()]
        if header["format"] != FORMAT:
            raise AudioError(f"{path} was recorded by another version of edge-voice (format {header['format']}).")
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError, EOFError, tarfile.TarError, zipfile.BadZipFile, wave.Error) as error:
        raise AudioError(f"{path} is not a recording of edge-voice, or damaged ({error}).") from None
    return Session(header, _sounded(lines, len(sound) // FRAME), sound)


def _sounded(lines: list[Plain], frames: int) -> list[Plain]:
    """Up to where there is sound: of a file that was cut off, the last lines may be without."""
    for n, line in enumerate(lines):
        frames -= line.get("count", 0)
        if frames < 0:
            return lines[:n]
    return lines


def _zip(file: IO[bytes]) -> tuple[Plain, str, Samples]:
    with zipfile.ZipFile(file) as archive:
        name = next(name for name in (*SOUNDS, "none") if name in archive.namelist() or name == "none")
        sound = np.zeros((0, 2), np.int16) if name == "none" else _sound(name, archive.read(name))
        return json.loads(archive.read("session.json")), archive.read("events.jsonl").decode(), sound


def _sound(name: str, data: bytes) -> Samples:
    if name.endswith(".wav"):
        return samples(data)
    try:
        import soundfile
    except ImportError:
        raise AudioError('Recordings in FLAC need another package: pip install "edge-voice[talk]".') from None
    table: Samples = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)[0]
    return table


def samples(data: bytes) -> Samples:
    """Those of a WAV file of ours."""
    with wave.open(io.BytesIO(data)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, file.getnchannels())


def _tar(file: IO[bytes]) -> tuple[Plain, str, Samples]:
    header: Plain = {}
    texts, sounds = list[str](), list[Samples]()
    for name, data in members(file):
        if name == "session.json":
            header = json.loads(data)
        elif name.endswith(".wav"):
            sounds.append(samples(data))
        else:
            texts.append(data.decode())
    if not header:
        raise ValueError("nothing of it has been written")
    return header, "".join(texts), np.concatenate(sounds) if sounds else np.zeros((0, 2), np.int16)


def members(file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Name and contents of all that is complete; ends where the file was cut off."""
    while len(block := file.read(tarfile.BLOCKSIZE)) == tarfile.BLOCKSIZE and any(block):
        info: Any = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        padded = file.read(-(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
        if len(padded) < info.size:
            return
        yield info.name, padded[: info.size]
