"""The folder of recordings: names, space, packing what is complete, and wiping."""

from __future__ import annotations

import os
import wave
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol

from edge.audio.convert import CORE_RATE, Samples
from edge.sessions.reading import members, samples

PART, WHOLE = ".part.tar", ".zip"


class Shelf:
    """Recordings are of the daemon's user alone. Nothing here raises but `place`, and that only OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self) -> Path:
        """A new file to write to, which does not exist yet; its folder does."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        names = (f"{stem}{again}{PART}" for again in ("", *(f"-{n}" for n in range(2, 100))))
        taken = {path.name.removesuffix(PART).removesuffix(WHOLE) for path in self.files()}
        return self.folder / next(name for name in names if name.removesuffix(PART) not in taken)

    def files(self) -> list[Path]:
        """All recordings, the oldest first."""
        with suppress(OSError):
            return sorted(path for path in self.folder.iterdir() if path.name.endswith((PART, WHOLE)))
        return []

    def used(self) -> int:
        """Bytes of all of them."""
        total = 0
        for path in self.files():
            with suppress(OSError):
                total += path.stat().st_size
        return total

    def wipe(self) -> int:
        """Remove them all; returns how many there were."""
        count = 0
        for path in self._everything():
            with suppress(OSError):
                path.unlink()
                count += path.name.endswith((PART, WHOLE))
        return count

    def _everything(self) -> list[Path]:
        with suppress(OSError):
            return [path for path in self.folder.iterdir() if path.is_file()]
        return []

    def pack(self, parts: list[Path]) -> None:
        """Make a zip file of each of these that nobody writes to any more. Work for a thread."""
        for part in parts:
            with suppress(OSError, ValueError):
                packed(part)


def is_part(path: Path) -> bool:
    """Whether a recording is as it was written."""
    return path.name.endswith(PART)


def whole_name(part: Path) -> Path:
    """Where a recording will be when it is packed."""
    return part.with_name(part.name.removesuffix(PART) + WHOLE)


def packed(part: Path) -> Path:
    """Make one zip file of it: session.json, events.jsonl, and the sound as FLAC, or WAV where that cannot be made."""
    whole = whole_name(part)
    making = whole.with_suffix(".making")
    sound = whole.with_suffix(".sound")
    try:
        with os.fdopen(os.open(making, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            _fill(part, out, sound)
            out.flush()
            os.fsync(out.fileno())
        making.rename(whole)
        try:
            part.unlink()
        except FileNotFoundError:  # it was wiped meanwhile
            whole.unlink(missing_ok=True)
            raise
    finally:
        making.unlink(missing_ok=True)
        sound.unlink(missing_ok=True)
    return whole


def _fill(part: Path, out: IO[bytes], sound: Path) -> None:
    """Piece by piece: an hour of sound is more than some devices have of memory."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, part.open("rb") as file:
        writer: SoundFile | None = None
        with archive.open("events.jsonl", "w") as events:
            header = b"{}"
            for name, data in members(file):
                if name == "session.json":
                    header = data
                elif name.endswith(".wav"):
                    pieces = samples(data)
                    writer = writer or _sound_file(sound, pieces.shape[1])
                    writer.write(pieces)
                else:
                    events.write(data)
        archive.writestr("session.json", header)
        if writer is not None:
            writer.close()
            archive.write(sound, writer.name, zipfile.ZIP_STORED)


class SoundFile(Protocol):
    """What the sound is written to."""

    name: str

    def write(self, pieces: Samples) -> object:
        """The next samples, by channels."""

    def close(self) -> None:
        """Complete it."""


class _Flac:
    name = "sound.flac"

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, pieces: Samples) -> None:
        self._file.write(pieces)

    def close(self) -> None:
        self._file.close()


class _Wav:
    name = "sound.wav"

    def __init__(self, path: Path, channels: int) -> None:
        self._file = wave.open(str(path), "wb")  # noqa: SIM115  open for as long as the sound lasts
        self._file.setnchannels(channels)
        self._file.setsampwidth(2)
        self._file.setframerate(CORE_RATE)

    def write(self, pieces: Samples) -> None:
        self._file.writeframesraw(pieces.tobytes())

    def close(self) -> None:
        self._file.close()


def _sound_file(path: Path, channels: int) -> SoundFile:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        import soundfile
    except ImportError:  # a device without the extra `talk`
        return _Wav(path, channels)
    return _Flac(soundfile.SoundFile(path, "w", CORE_RATE, channels, "PCM_16", format="FLAC"))
