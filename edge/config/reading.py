"""Where the configuration and the secrets come from."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.config.checks import wrong
from edge.config.environment import from_env
from edge.config.merging import merge
from edge.config.schema import Config
from edge.errors import ConfigError


def load(path: Path | None = None, env: Mapping[str, str] = os.environ) -> Config:
    """Read the file (the first default one that exists when `path` is None) and the environment."""
    file = path if path is not None else default_path(env)
    problems: list[str] = []
    config = Config() if file is None else merge(Config(), _read(file, problems), str(file), problems)
    variables = from_env(env, config, problems)
    config = merge(config, variables, "the environment", problems)
    problems += wrong(config)
    if problems:
        raise ConfigError(problems)
    sources = ((str(file),) if file else ()) + (
        (f"{len(variables)} sections from the environment",) if variables else ()
    )
    return replace(config, sources=sources)


def default_path(env: Mapping[str, str]) -> Path | None:
    """The first of the usual places that has a file."""
    home = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "/")) / ".config")
    places = (Path(home) / "edge-voice/config.toml", Path("/etc/edge-voice/config.toml"))
    return next((place for place in places if os.path.isfile(place)), None)  # noqa: PTH113  False where we may not look


def secret(name: str, env: Mapping[str, str] = os.environ) -> str:
    """A key by its credential name (`openai_api_key`), else from the vendor's variable; "" if neither is there."""
    folder = env.get("CREDENTIALS_DIRECTORY")
    file = Path(folder) / name if folder else None
    if file is not None and os.path.isfile(file):  # noqa: PTH113  as above
        try:
            return file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([f"The credential {file} cannot be read ({type(error).__name__})."]) from None
    return env.get(re.sub(r"\W", "_", name).upper(), "").strip()


def _read(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}.")
    except UnicodeDecodeError as error:
        problems.append(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8.")
    except (ValueError, RecursionError) as error:  # beside TOMLDecodeError: numbers and nesting without end
        problems.append(f"{path}: is not TOML: {error}.")
    return {}
