"""The container's files say what the relay understands. (No container is started here.)"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.config import load, secret

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "provision/relay"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    yaml: Any = pytest.importorskip("yaml")
    text = (FOLDER / "compose.yaml").read_text()
    text = re.sub(r"\$\{VOICE_HOST[^}]*\}", "voice.example", text)
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", r"\2", text)
    return dict(yaml.safe_load(text)["services"])


def image_env() -> dict[str, str]:
    (lines,) = re.findall(r"^ENV (.*?[^\\])\n", (FOLDER / "Dockerfile").read_text(), re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"(\w+)=(\S+)", lines))


def test_its_configuration_is_good(services: dict[str, Any]) -> None:
    given = {name: str(value) for name, value in services["relay"]["environment"].items()}
    config = load(None, {**image_env(), **given, "HOME": "/nonexistent"})
    assert config.server.public_url == "https://voice.example"
    assert config.server.listen == "0.0.0.0:8080"
    assert config.server.workers == 2
    assert config.server.redis.startswith("redis://redis:")


def test_the_proxy_that_is_believed_is_the_one_that_there_is(services: dict[str, Any]) -> None:
    proxy = services["caddy"]["networks"]["inside"]["ipv4_address"]
    assert services["relay"]["environment"]["EDGE_VOICE_SERVER__PROXIES"] == proxy


def test_secrets_are_found_where_compose_puts_them(tmp_path: Path, services: dict[str, Any]) -> None:
    assert image_env()["CREDENTIALS_DIRECTORY"] == "/run/secrets"
    for name in services["relay"]["secrets"]:
        (tmp_path / name).write_text("planted\n")
        assert secret(name, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "planted"
    text = (FOLDER / "compose.yaml").read_text()
    assert not re.search(r"(KEY|PASSWORD|TOKEN): ", text)


def test_nothing_may_more_than_it_needs(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
    assert services["relay"]["read_only"] is True
    assert services["caddy"]["cap_add"] == ["NET_BIND_SERVICE"]
    assert [name for name, one in services.items() if "ports" in one] == ["caddy"]
    assert re.search(r"^USER edge-voice-relay$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)


def test_what_it_installs_is_in_the_lock() -> None:
    (extras,) = re.findall(r'ARG EXTRAS="([^"]+)"', (FOLDER / "Dockerfile").read_text())
    done = subprocess.run(
        [sys.executable, ROOT / "provision/select_locked.py", *extras.split()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"starlette", "uvicorn", "webauthn", "redis", "ctranslate2"} <= set(
        re.findall(r"^([\w-]+)==", done.stdout, re.MULTILINE)
    )
