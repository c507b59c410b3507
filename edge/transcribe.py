"""`edge-voice transcribe`: what is said in recordings, when, and by whom."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from edge.agents.chained import lifecycle
from edge.agents.chained.recorded import Passage, Recording, recorder
from edge.audio.convert import CORE_RATE, Samples
from edge.audio.recording import flac, heard, read
from edge.config import Config, load
from edge.errors import ModelError

LOCAL = "local"
NARROWEST = 20  # columns of text, however narrow the terminal
PACKAGES = ("ctranslate2", "tokenizers")

Passages = Callable[[Samples], Iterator[Passage]]


def transcribe(options: argparse.Namespace) -> int:
    """Print it; returns the exit code. All files are read before anything is sent, so that none is paid for in vain."""
    config = load(options.config)
    hear = _offline(config) if options.engine == LOCAL else _by(config, options)
    recordings = [(path, read(path)) for path in options.files]
    if options.engine == LOCAL and options.speakers:
        print("edge-voice: The offline engine does not tell speakers apart.", file=sys.stderr)
    for number, (path, samples) in enumerate(recordings):
        if options.json:
            for passage in hear(samples):
                print(_line(path, passage), flush=True)
        else:
            if len(recordings) > 1:
                print(f"{path}:" if number == 0 else f"\n{path}:")
            _tell(samples, hear)
    return 0


def _tell(samples: Samples, hear: Passages) -> None:
    table = Table(len(samples) / CORE_RATE, _width())
    print(table.head())
    spoken = False
    for passage in hear(samples):
        print(table.row(passage), flush=True)
        spoken = True
    if not spoken:
        print("Nobody speaks in it.")


# --- who transcribes ---------------------------------------------------------------------------------


def _offline(config: Config) -> Passages:
    """Whisper in this process, passage by passage as they are read; raises ModelError where it is not there."""
    from edge.agents.local import models
    from edge.agents.local.setup import EARS, models_dir

    directory = models_dir(config.local)
    ears = next(model for model in models.load_manifest() if model.id == EARS)
    state = models.state_of(ears, directory)
    if state != "ok":
        raise ModelError(f"The offline speech model is {state} in {directory}; get it with: edge-voice models fetch")
    absent = [name for name in PACKAGES if find_spec(name) is None]
    if absent:
        raise ModelError(f"The offline engine is not installed ({', '.join(absent)} missing); "
                         "install edge-voice[local].")  # fmt: skip
    from edge.agents.local.understanding.made_up import is_hallucination
    from edge.agents.local.worker.whisper import Whisper

    whisper = Whisper(models.path_of(EARS, directory), config.local.language, config.local.threads)

    def hear(samples: Samples) -> Iterator[Passage]:
        for (start, end), audio in heard(samples):
            said = whisper.read(audio.tobytes())
            facts = {"score": said.score, "no_speech": said.no_speech, "seconds": said.seconds}
            if said.text and not is_hallucination(said.text, **facts):
                yield Passage(start / CORE_RATE, end / CORE_RATE, said.text)

    return hear


def _by(config: Config, options: argparse.Namespace) -> Passages:
    """A service; raises UsageError or ConfigError where there is none of this name, or no key for it."""
    service = recorder(config, options.engine, speakers=options.speakers)
    told = lifecycle.warning(service.model, datetime.now(UTC).date())
    if told:
        print(f"edge-voice: Warning: {told}.", file=sys.stderr)

    def hear(samples: Samples) -> Iterator[Passage]:
        yield from asyncio.run(service.transcribe(Recording(flac(samples), len(samples) / CORE_RATE)))

    return hear


# --- telling -----------------------------------------------------------------------------------------


def _line(path: Path, passage: Passage) -> str:
    """For programs: a value that is not known is null."""
    facts = {
        "file": str(path),
        "start": round(passage.start, 2),
        "end": round(passage.end, 2),
        "speaker": passage.speaker or None,
        "text": passage.text,
        "sentiment": passage.sentiment or None,
    }
    return json.dumps(facts, ensure_ascii=False)


class Table:
    """Start, end, speaker, text: aligned, and on a terminal as wide as that is."""

    def __init__(self, seconds: float, width: int | None) -> None:
        self._hours = seconds >= 3600  # noqa: PLR2004  of a clock
        self._width = width

    def head(self) -> str:
        """The names of the columns."""
        return self._row("start", "end", "speaker", "text")

    def row(self, passage: Passage) -> str:
        """One passage, in several lines where it has to be."""
        start, end = (_clock(time, hours=self._hours) for time in (passage.start, passage.end))
        text = f"{passage.text} ({passage.sentiment})" if passage.sentiment else passage.text
        return self._row(start, end, passage.speaker or "-", text)

    def _row(self, start: str, end: str, speaker: str, text: str) -> str:
        wide = 9 if self._hours else 7
        first = f"{start:>{wide}}  {end:>{wide}}  {speaker:<7}  "
        if self._width is None:
            return first + text
        room = max(NARROWEST, self._width - len(first))
        return first + f"\n{' ' * len(first)}".join(textwrap.wrap(text, room) or [""])


def _clock(seconds: float, *, hours: bool) -> str:
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    clock = f"{rest // 10:02}.{rest % 10}"
    return f"{minutes // 60}:{minutes % 60:02}:{clock}" if hours else f"{minutes}:{clock}"


def _width() -> int | None:
    """Of the terminal; None where the output goes elsewhere, which wraps nothing."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
