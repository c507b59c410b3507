"""The relay in the configuration: every mistake at once, and none that opens it to the world."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import Server, load
from edge.errors import ConfigError


def server(tmp_path: Path, lines: str, **env: str) -> Server:
    (tmp_path / "c.toml").write_text(f"[server]\n{lines}\n")
    return load(tmp_path / "c.toml", {f"EDGE_VOICE_SERVER__{key.upper()}": value for key, value in env.items()}).server


def problems(tmp_path: Path, lines: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        server(tmp_path, lines)
    return caught.value.problems


def test_a_whole_server(tmp_path: Path) -> None:
    lines = """
        listen = "0.0.0.0:8443"
        public_url = "https://voice.example"
        origins = ["https://other.example"]
        proxies = ["10.0.0.0/8", "::1"]
        workers = 4
        redis = "rediss://redis.example:6380/1"
        engine = "local"
        daily_each = 0.5
    """
    got = server(tmp_path, lines, devices="17")
    assert (got.listen, got.workers, got.devices, got.daily_each) == ("0.0.0.0:8443", 4, 17, 0.5)
    assert got.proxies == ("10.0.0.0/8", "::1")


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80"])
def test_on_every_address_it_must_know_its_name(tmp_path: Path, listen: str) -> None:
    (problem,) = problems(tmp_path, f'listen = "{listen}"')
    assert "server.public_url must say under which one people come" in problem
    assert server(tmp_path, f'listen = "{listen}"\npublic_url = "http://voice.example"').listen == listen
    assert server(tmp_path, 'listen = "192.0.2.7:80"').public_url == ""


@pytest.mark.parametrize("listen", ["8080", "127.0.0.1", "a b:1", "127.0.0.1:99999", "127.0.0.1:80/x"])
def test_a_place_to_listen_has_a_port(tmp_path: Path, listen: str) -> None:
    (problem,) = problems(tmp_path, f'listen = "{listen}"')
    assert "is no address with a port" in problem


@pytest.mark.parametrize(
    "url",
    ["voice.example", "wss://voice.example", "https://voice.example/path", "https://user:pass@voice.example", "*"],
)
def test_a_public_url_is_scheme_and_host(tmp_path: Path, url: str) -> None:
    assert "must be scheme and host alone" in problems(tmp_path, f'public_url = "{url}"')[0]
    assert "is no origin" in problems(tmp_path, f'origins = ["{url}"]')[0]


@pytest.mark.parametrize(
    ("proxy", "told"),
    [("proxy.example", "is no address or network"), ("0.0.0.0/0", "would believe"), ("::/0", "would believe")],
)
def test_not_everybody_is_a_proxy(tmp_path: Path, proxy: str, told: str) -> None:
    (problem,) = problems(tmp_path, f'proxies = "{proxy}"')
    assert told in problem


def test_what_needs_each_other(tmp_path: Path) -> None:
    assert problems(tmp_path, 'tls_cert = "c"\nworkers = 2') == [
        "server.tls_cert and server.tls_key need each other.",
        "server.workers > 1 needs server.redis, which the processes share.",
    ]


@pytest.mark.parametrize("redis", ["localhost:6379", "http://localhost", "redis://"])
def test_a_redis_has_an_address(tmp_path: Path, redis: str) -> None:
    assert "is no address of a Redis" in problems(tmp_path, f'redis = "{redis}"')[0]


def test_a_password_does_not_belong_into_the_file(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, 'redis = "redis://:hunter2@localhost:6379"')
    assert problem == "server.redis must not hold a password; it is the credential or variable redis_password."
