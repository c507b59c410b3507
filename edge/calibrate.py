"""`edge-voice calibrate`: play a sound, hear it come back, say what that means."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from edge.audio.advice import Advice, advise
from edge.audio.arrays import wish
from edge.audio.calibration import Finding, Report, analyse
from edge.audio.loudness import finder, set_once
from edge.audio.measuring import Session
from edge.audio.profile import NAME, profile, save
from edge.audio.speaker import QueueSpeaker
from edge.audio.sweep import TOTAL_S
from edge.config import Config, load
from edge.config.places import daemon_state
from edge.core.events import Event
from edge.errors import ControlError, DeviceGone, EdgeVoiceError, UsageError
from edge.host import client
from edge.host.control import socket_path
from edge.panel.plot import RoomPicture, plot

MEASURED = {Finding.HEARD, Finding.FAINT, Finding.CANCELLED, Finding.GATED}


@dataclass(frozen=True, slots=True)
class Heard:
    """A measurement and what it was made with."""

    report: Report
    microphone: str
    speaker: str


def calibrate(options: argparse.Namespace) -> int:
    """Measure and tell; returns the exit code. Raises DeviceGone, UsageError and the like."""
    config = load(options.config)
    if options.png is not None and not options.png.parent.is_dir():
        raise UsageError(f"{options.png.parent} is no folder, so {options.png.name} cannot be written there.")
    _refuse_beside_a_daemon()
    _announce(sys.stderr if options.json else sys.stdout, ask=sys.stdin.isatty() and not options.yes)
    heard = measure(config)
    return tell(heard, options)


def _refuse_beside_a_daemon() -> None:
    """It would take the sweep for a person, and play into the measurement."""
    with suppress(ControlError):
        client.call(socket_path(), "status")
        raise DeviceGone("The daemon is running and uses the sound devices. Stop it first: systemctl stop edge-voice.")


def _announce(stream: TextIO, *, ask: bool) -> None:
    print(f"A sound will be played for {TOTAL_S:.0f} seconds; keep quiet meanwhile.", file=stream, flush=True)
    if ask:
        print("Enter starts it, Ctrl-C ends.", end=" ", file=stream, flush=True)
        sys.stdin.readline()


def measure(config: Config) -> Heard:
    """With the configured devices."""
    with measuring(config) as (session, names, volume):
        recording, lost = session.run()
    return Heard(analyse(recording, volume, lost=lost), *names)


@contextmanager
def measuring(config: Config) -> Iterator[tuple[Session, tuple[str, str], int]]:
    """The configured devices, opened: the session, their names, and the volume they play at. Raises AudioError."""
    from edge.audio.device import DeviceSink, DeviceSource

    audio = config.audio
    source = DeviceSource(audio.input, audio.input_rate, wish(audio))
    events: list[Event] = []
    speaker = QueueSpeaker(events.append, time.monotonic, audio.volume)
    sink = DeviceSink(speaker, audio.output, audio.output_rate)
    with ExitStack() as stack:
        for line in (source, sink):
            line.open()
            stack.callback(line.close)
        volume = set_once(speaker, finder(audio.mixer), audio.volume)
        yield Session(source, sink, speaker, events), (source.name, speaker.name), volume


# --- telling ------------------------------------------------------------------------------------------


def tell(heard: Heard, options: argparse.Namespace) -> int:
    """Print it, draw it, keep it."""
    report, advice = heard.report, advise(heard.report)
    picture = RoomPicture(report.levels_db, report.decay_db, report.bands_db)
    measured = report.finding in MEASURED
    kept = _keep(heard, advice) if measured else None
    if options.json:
        print(json.dumps(_facts(heard, advice), indent=1))
    else:
        print("\n".join(["", *_table(heard), "", *advice.sentences]))
        if options.plot and picture.bands_db:
            print("\n" + plot(picture))
        if kept is not None:
            print(f"\nKept in {kept}.")
    if options.png is not None and picture.bands_db:
        _draw(picture, options.png)
    return 0 if measured else 1


def _keep(heard: Heard, advice: Advice) -> Path | None:
    path = daemon_state() / NAME
    try:
        save(profile(heard.report, advice, heard.microphone, heard.speaker, datetime.now(UTC)), path)
    except OSError as error:
        sudo = " Run it with sudo." if isinstance(error, PermissionError) else ""
        print(f"edge-voice: The result cannot be kept in {path}: {error.strerror}.{sudo}", file=sys.stderr)
        return None
    return path


def _draw(picture: RoomPicture, path: Path) -> None:
    from edge.panel.chart import chart

    try:
        path.write_bytes(chart(picture))
    except OSError as error:
        raise EdgeVoiceError(f"{path} cannot be written: {error.strerror}.") from None


def _facts(heard: Heard, advice: Advice) -> dict[str, Any]:
    """Everything, rounded, for programs."""
    facts = {**asdict(heard.report), **asdict(advice), "microphone": heard.microphone, "speaker": heard.speaker}
    rounded: dict[str, Any] = _rounded(facts)
    return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


def _table(heard: Heard) -> list[str]:
    """Two aligned columns; what could not be measured is left out."""
    r = heard.report
    drift = None if r.drift_ppm is None else f"{r.drift_ppm:+.1f} ppm, within {r.drift_error_ppm:.1f}"
    clipped = f"{100 * r.clipped_loud:.2g} % (quieter sweep {100 * r.clipped_quiet:.2g} %)"
    rows = [
        ("microphone", heard.microphone),
        ("loudspeaker", f"{heard.speaker}, volume {r.volume}"),
        ("noise", _number(r.noise_dbfs, "dBFS")),
        ("delay", _number(r.delay_ms, "ms")),
        ("echo return", _number(r.return_db, "dB of what is played")),
        ("a reply's echo", _number(r.echo_dbfs, "dBFS at the microphone")),
        ("highest peak", _number(r.peak_dbfs, "dBFS")),
        ("clipped", clipped if r.peak_dbfs is not None else None),
        ("distortion", _number(r.distortion_loud_db, "dB")),
        ("reverberation", _number(r.rt60_s, "s (60 dB)", 2)),
        ("after 80 ms", _number(r.late_db, "dB of the echo's energy")),
        ("clock drift", drift),
    ]
    return [f"{name:<15} {value}" for name, value in rows if value is not None]


def _number(value: float | None, unit: str, digits: int = 1) -> str | None:
    return None if value is None else f"{round(value, digits) + 0.0:.{digits}f} {unit}"  # never -0.0
