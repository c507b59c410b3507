"""What all checks of `doctor` look at: the configuration, the state directory, the daemon if there is one."""

from __future__ import annotations

import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

from edge.config import Config
from edge.doctor.checks import skipped
from edge.errors import ControlError

CONNECT_S = 2.0
PROGRAM_S = 3.0
BAD_CONFIG = skipped("Not looked at while the configuration is bad.")


class Presence(Enum):
    """Of the daemon."""

    ABSENT = auto()
    RUNS = auto()
    SILENT = auto()  # it is there and does not answer, or not to us


@dataclass(slots=True)
class Asked:
    """What came of asking the daemon; `problem` when it is SILENT."""

    presence: Presence = Presence.SILENT
    status: dict[str, Any] = field(default_factory=dict)
    problem: str = "The daemon does not answer."

    def of(self, part: str) -> dict[str, Any]:
        """A part of the status that is a table of its own: engine, microphone, speaker."""
        fields = self.status.get(part)
        return fields if isinstance(fields, dict) else {}


@dataclass(slots=True)
class Site:
    """`config` is None when it is bad: `problems` says why."""

    config: Config | None
    problems: list[str]
    state: Path
    socket: Path
    daemon: Asked = field(default_factory=Asked)  # until it has been asked
    unit: dict[str, str] = field(default_factory=dict)  # what systemd says of the service; empty where there is none
    thorough: bool = False
    engines: bool = False  # whether vendors are asked, which costs a little


def ask(path: Path) -> Asked:
    """Ask for the status."""
    from edge.host import client

    try:
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(CONNECT_S)
            there.connect(str(path))
        return Asked(Presence.RUNS, client.call(path, "status"), "")
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return Asked(Presence.ABSENT, problem="")
    except PermissionError:
        return Asked(problem=f"{path} belongs to another user.")
    except (OSError, ControlError) as error:
        return Asked(problem=f"The daemon does not answer at {path} ({error}).")


def output(program: str, *words: str) -> str:
    """What a program of the system says; nothing where it is not there or does not end."""
    path = shutil.which(program)
    if path is None:
        return ""
    command = [path, *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_S, check=False)  # noqa: S603  ours
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
