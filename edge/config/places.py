"""Where a device keeps what outlives a restart: systemd's directory, the installed service's, or the user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

SERVICE = Path("/var/lib/edge-voice")  # StateDirectory= of systemd/edge-voice.service


def given_dir(env: Mapping[str, str] = os.environ) -> Path | None:
    """What systemd gives a service; the first one, where its unit names several."""
    given = env.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else None


def state_dir(env: Mapping[str, str] = os.environ) -> Path:
    """Of this process: what systemd gives, else the user's own."""
    return given_dir(env) or Path(env.get("XDG_STATE_HOME") or _home(env) / ".local/state") / "edge-voice"


def volatile_dir(env: Mapping[str, str] = os.environ) -> Path | None:
    """In memory (tmpfs), and kept over a crash: what systemd gives a service, as in its unit."""
    given = env.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else None


def daemon_state(env: Mapping[str, str] = os.environ, service: Path = SERVICE) -> Path:
    """The daemon's, as seen from a shell: the service's where that is installed, else one's own."""
    asked_for = env.get("STATE_DIRECTORY") or env.get("XDG_STATE_HOME")
    return service if not asked_for and service.is_dir() else state_dir(env)


def models_home(env: Mapping[str, str] = os.environ, service: Path = SERVICE) -> Path:
    """Of the models when nothing else is configured: from a shell too, the service's where that is installed."""
    if given := given_dir(env):
        return given / "models"
    data = env.get("XDG_DATA_HOME")
    if not data and (service / "models").is_dir():
        return service / "models"
    return Path(data or _home(env) / ".local/share") / "edge-voice/models"


def _home(env: Mapping[str, str]) -> Path:
    return Path(env.get("HOME") or Path.home())
