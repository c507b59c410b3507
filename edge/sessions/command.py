"""`edge-voice record` and `edge-voice replay` on the command line."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.errors import ControlError

Fields = dict[str, Any]
Run = Callable[[argparse.Namespace], int]
Add = Callable[[str, str, str, Run], argparse.ArgumentParser]
POLL_S, PACKED_S = 0.1, 60.0  # an hour of sound takes 10 s on a Pi


def add_commands(add: Add) -> None:
    """Both, with their options."""
    about = "record conversations, with the owner's consent ([record] allowed); the light winks red meanwhile"
    one = add("record", about, "edge-voice record on", record)
    one.add_argument("what", choices=("on", "off", "status", "wipe"), help="`wipe` removes all recordings")
    other = add("replay", "hear a recording again, and tell what differs", "edge-voice replay FILE", _replay)
    other.add_argument("file", type=Path, metavar="FILE", help="of `edge-voice record`, complete or cut off")
    other.add_argument(
        "--set", action="append", metavar="KEY=VALUE",
        help="what would have come of another setting: conversation.end_silence_ms=500 (may be repeated)",
    )  # fmt: skip
    other.add_argument("--events", action="store_true", help="leave out the sound: only the core, in a moment")
    other.add_argument("--json", action="store_true", help="the result, as JSON")


def _replay(options: argparse.Namespace) -> int:
    from edge.replay.command import replay

    return replay(options)


def record(options: argparse.Namespace) -> int:
    """Tell the daemon, and the person what has come of it."""
    from edge.host import client, control

    path = control.socket_path()
    told: Fields = client.call(path, "record", options.what)
    if options.what == "off":
        told = _until_packed(lambda: client.call(path, "record", "status"), told)
    print(describe(options.what, told))
    return 0


def _until_packed(ask: Callable[[], Fields], told: Fields) -> Fields:
    end = time.monotonic() + PACKED_S
    while told["packing"] and time.monotonic() < end:
        time.sleep(POLL_S)
        told = ask()
    if told["packing"]:
        raise ControlError(f"The recording is still being packed; it will be {told['file']}.")
    return told


def describe(what: str, told: Fields) -> str:
    """In a line or two."""
    if what == "wipe":
        return f"{told['wiped']} recordings are removed."
    kept = f"{told['files']} recordings, {told['mb']} MB, are in {told['folder']}."
    if told["waiting"]:
        return f"Recording begins when the device is at rest, and ends after {told['minutes']} minutes at most."
    if told["on"]:
        limit = f"it ends after {told['minutes']} minutes at most"
        return f"Recording since {told['seconds']:.0f} s; {limit}, or with edge-voice record off."
    if what == "off" and told["file"]:
        return f"Recorded: {told['file']}"
    why = f" The last one ended: {told['ended']}." if told["ended"] else ""
    return f"Nothing is recorded.{why} {kept}"
