"""The steps of provision/relay/Dockerfile in plain folders: what it copies is enough, and what is built gets ready."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.relay.devices.processes import free_port

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PLACE = "/opt/edge-voice"


def stages() -> list[list[tuple[str, str]]]:
    """Of each FROM, what follows it: (instruction, the rest)."""
    lines = [line for line in (ROOT / "provision/relay/Dockerfile").read_text().splitlines() if line[:1] != "#"]
    steps = [tuple(step.split(None, 1)) for step in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines() if step.strip()]
    found: list[list[tuple[str, str]]] = []
    for what, rest in steps:
        if what == "FROM":
            found.append([])
        found[-1].append((what, rest))
    return found


def copied(rest: str, target: Path) -> None:
    """As COPY does: a folder's contents, a file by its name."""
    *names, where = rest.split()
    for name in names:
        source, place = ROOT / name, target / where
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)


def ready(command: list[str], limit: float = 40.0) -> bool:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return True
        time.sleep(0.2)
    return False


def test_what_the_dockerfile_builds_becomes_ready(tmp_path: Path) -> None:
    build, image = stages()
    source, place, port = tmp_path / "src", tmp_path / "opt", free_port()
    source.mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(sys.executable)
    env = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    env |= {name: value.strip('"') for what, rest in build if what == "ARG" for name, _, value in [rest.partition("=")]}
    for what, rest in build:
        if what == "COPY":
            copied(rest, source)
        elif what == "RUN":
            script = rest.replace("/tmp/", f"{tmp_path}/").replace(PLACE, str(place))
            done = subprocess.run(
                ["bash", "-ec", script], cwd=source, env=env, check=False, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr[-2000:]

    settings = dict(re.findall(r"(\w+)=(\S+)", next(rest for what, rest in image if what == "ENV")))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/openai_api_key").write_text("sk-of-nobody")
    settings |= {"STATE_DIRECTORY": f"{tmp_path}/state", "CREDENTIALS_DIRECTORY": f"{tmp_path}/secrets"}
    settings["EDGE_VOICE_SERVER__LISTEN"] = settings["EDGE_VOICE_SERVER__LISTEN"].replace("8080", str(port))
    settings["EDGE_VOICE_SERVER__PUBLIC_URL"] = "https://voice.example"
    entry = json.loads(next(rest for what, rest in image if what == "ENTRYPOINT").replace(PLACE, str(place)))
    health = next(rest for what, rest in image if what == "HEALTHCHECK").partition("CMD ")[2]
    look = json.loads(health.replace(PLACE, str(place)).replace("8080", str(port)))
    with (tmp_path / "log").open("w") as log:
        relay = subprocess.Popen(entry, env={"PATH": "/usr/bin:/bin", **settings}, cwd="/", stdout=log, stderr=log)
        try:
            assert ready(look), (tmp_path / "log").read_text()
        finally:
            relay.terminate()
            assert relay.wait(40) == 0, (tmp_path / "log").read_text()
