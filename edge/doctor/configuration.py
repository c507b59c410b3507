"""The configuration file, and who may read the secrets."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from edge.config import Config, default_path
from edge.doctor.checks import Result, Results, fail, warn, well
from edge.doctor.engine import secret_names
from edge.doctor.site import Site
from edge.engines import warnings

SYSTEM_STORE = Path("/etc/credstore")  # where systemd looks for credentials by their names
PLAIN_FILES = ("env", "*.env", "environment")  # what an EnvironmentFile= is called


def check(site: Site, path: Path | None) -> Results:
    """All mistakes and warnings, each a result."""
    if site.config is None:
        return [fail(problem, "Mend it, then: edge-voice config check") for problem in site.problems]
    file = path or default_path(os.environ)
    told = [warn(f"{text}.") for text in warnings(site.config, datetime.now(UTC).date())]
    told += exposed(site.config, file, os.environ)
    sources = " and ".join(site.config.sources) or "No file: all defaults."
    return [*told, *([] if told else [well(sources)])]


def exposed(config: Config, file: Path | None, env: Mapping[str, str], store: Path = SYSTEM_STORE) -> Iterator[Result]:
    """Secrets that everybody on this machine may read, and a configuration that others may change."""
    folder = env.get("CREDENTIALS_DIRECTORY")
    folders = [*([Path(folder)] if folder else []), store, *([file.parent] if file else [])]
    for one in folders:
        for secret in _secrets_in(one, secret_names(config)):
            if _mode(secret) & stat.S_IROTH:
                yield warn(f"Everybody on this machine may read {secret}.", f"chmod 600 {secret}")
    if file is not None and _mode(file) & (stat.S_IWOTH | stat.S_IWGRP):
        yield warn(f"Others than its owner may change {file}.", f"chmod 644 {file}")


def _secrets_in(folder: Path, names: list[str]) -> list[Path]:
    try:
        return sorted(path for pattern in (*names, *PLAIN_FILES) for path in folder.glob(pattern) if path.is_file())
    except OSError:  # we may not look, so others may not
        return []


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
