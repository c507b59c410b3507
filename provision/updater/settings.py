"""What the owner sets for updates: /etc/edge-voice/update.conf.

[update]
channel = https://updates.example.org/edge-voice/channel.json      nothing is fetched without it
ring = 7                      0 to 99, who goes first; worked out of the machine's id when absent
window = 02:00-05:00          when an update may interrupt; any time when absent
class = release               which bundles this device takes
minutes = 3                   how long a new release is watched before it is kept
"""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from .decisions import RINGS, ring_of
from .errors import Usage

KEYS = {"channel", "ring", "window", "class", "minutes"}
WINDOW = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


@dataclass(frozen=True)
class Settings:
    """The file, with what stands for absent keys."""

    channel: str = ""
    ring: int = 0
    window: tuple[time, time] | None = None
    kind: str = "release"
    soak_s: float = 180.0


def load(path: Path, device: str) -> Settings:
    """Read the file, which may be absent; `device` is the machine's id. Raises Usage, naming the key."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8") if path.exists() else "")
        section = dict(parser["update"]) if parser.has_section("update") else {}
    except (OSError, UnicodeError, configparser.Error) as error:
        raise Usage(f"{path}: {str(error).splitlines()[0]}") from None
    if unknown := sorted(section.keys() - KEYS):
        raise Usage(f"{path}: there is no key {unknown[0]}; there are {', '.join(sorted(KEYS))}")
    try:
        return _settings(section, device)
    except ValueError as error:
        raise Usage(f"{path}: {error}") from None


def _settings(section: dict[str, str], device: str) -> Settings:
    ring = section.get("ring", "")
    minutes = float(section.get("minutes", "3"))
    channel = section.get("channel", "")
    if channel and not channel.startswith(("https://", "http://", "file://")):
        raise ValueError(f"channel is an address that begins with https://, not {channel}")
    if ring and not (ring.isdecimal() and int(ring) < RINGS):
        raise ValueError(f"ring is a number from 0 to {RINGS - 1}, not {ring}")
    if not 0 <= minutes <= 60:  # noqa: PLR2004  an hour: longer is a day's work lost at the next power cut
        raise ValueError(f"minutes is a number from 0 to 60, not {section['minutes']}")
    return Settings(
        channel, int(ring) if ring else ring_of(device), _window(section.get("window", "")),
        section.get("class", "release"), minutes * 60,
    )  # fmt: skip


def _window(text: str) -> tuple[time, time] | None:
    if not text:
        return None
    match = WINDOW.fullmatch(text.replace(" ", ""))
    if match is None:
        raise ValueError(f"window is like 02:00-05:00, not {text}")
    hours = [int(number) for number in match.groups()]
    return time(hours[0], hours[1]), time(hours[2], hours[3])
