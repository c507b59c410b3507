"""Behind a real Caddy and a real nginx, with the files of provision/relay."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from edge.relay.app import parts
from edge.relay.house import House
from edge.relay.people.links import setup_link
from tests.relay.rig import Relay, configured, running

FILES = Path(__file__).parents[2] / "provision/relay"


class Echo:
    """A socket that says back what it hears."""

    @staticmethod
    def routes(house: House) -> list[BaseRoute]:
        async def echo(websocket: WebSocket) -> None:
            await house.doors.need(websocket)
            await websocket.accept()
            async for text in websocket.iter_text():
                await websocket.send_text(text)

        return [WebSocketRoute("/echo", echo)]


@dataclass(slots=True)
class Proxied:
    """A relay behind a proxy at https://localhost:`port`."""

    relay: Relay
    port: int
    authority: Path

    @property
    def context(self) -> ssl.SSLContext:
        """A new one each time: a client writes into it which protocols it speaks."""
        return ssl.create_default_context(cafile=str(self.authority))

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def client(self) -> httpx.Client:
        headers = {"origin": self.url, "x-edge-voice": "1"}
        return httpx.Client(base_url=self.url, headers=headers, verify=self.context, timeout=40)


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def caddy(folder: Path, relay: int, port: int) -> tuple[list[str], dict[str, str]]:
    text = (FILES / "Caddyfile").read_text()
    more = f"{{\n\tadmin off\n\tskip_install_trust\n\thttp_port {free_port()}\n\thttps_port {port}\n\tservers {{"
    assert "{\n\tservers {" in text
    (folder / "Caddyfile").write_text(text.replace("{\n\tservers {", more, 1))
    env = {"VOICE_HOST": f"localhost:{port}", "RELAY": f"127.0.0.1:{relay}", "HOME": str(folder),
           "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder)}  # fmt: skip
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"], env


def nginx(folder: Path, relay: int, port: int) -> tuple[list[str], dict[str, str]]:
    text = (FILES / "nginx.conf").read_text()
    for old, new in (
        ("127.0.0.1:8080", f"127.0.0.1:{relay}"), ("[::]:443", f"[::1]:{port}"), ("443 ssl", f"127.0.0.1:{port} ssl"),
        ("[::]:80", f"[::1]:{free_port()}"), ("listen 80", f"listen 127.0.0.1:{free_port()}"),
        ("/etc/letsencrypt/live/voice.example/fullchain.pem", str(folder / "cert.pem")),
        ("/etc/letsencrypt/live/voice.example/privkey.pem", str(folder / "key.pem")), ("voice.example", "localhost"),
    ):  # fmt: skip
        assert old in text, old
        text = text.replace(old, new)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = (
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {temporary}\n{text}\n}}"
    )
    (folder / "nginx.conf").write_text(whole)
    return ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], {}


@contextmanager
def proxied(folder: Path, kind: str) -> Iterator[Proxied]:
    folder.chmod(0o755)
    port = free_port()
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*words.split(), *subject], cwd=folder, check=True, capture_output=True)
    config = configured(public_url=f"https://localhost:{port}", proxies=("127.0.0.1", "::1"), links_per_address=5)
    with running(folder, config) as relay:
        command, env = {"caddy": caddy, "nginx": nginx}[kind](folder, relay.port, port)
        process = subprocess.Popen(command, env={**os.environ, **env}, stderr=(folder / "log").open("w"))
        try:
            found = Proxied(relay, port, folder / "cert.pem")
            up(found, folder, kind)
            yield found
        finally:
            process.terminate()
            process.wait(20)


def up(found: Proxied, folder: Path, kind: str) -> None:
    """Until it answers; Caddy makes its own authority first."""
    deadline = time.monotonic() + 40
    authority = folder / "data/caddy/pki/authorities/local/root.crt"
    while True:
        if kind == "caddy" and authority.exists():
            found.authority = authority
        with suppress(httpx.TransportError), found.client() as client:
            if client.get("/readyz").status_code == 200:
                return
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)


@pytest.fixture(scope="module", params=["caddy", "nginx"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    if shutil.which(request.param) is None:
        pytest.skip(f"needs Debian's {request.param}")
    with pytest.MonkeyPatch.context() as patch:
        all_parts = [*parts(), Echo]
        patch.setattr("edge.relay.app.parts", lambda: all_parts)
        with proxied(tmp_path_factory.mktemp(request.param), request.param) as found:
            yield found


def test_people_come_by_tls_with_a_cookie_of_this_host(site: Proxied) -> None:
    link = setup_link(site.relay.house.store, site.relay.house.origins.own)
    assert link.startswith(f"{site.url}/#setup=")
    with site.client() as client:
        answer = client.post("/api/setup", json={"code": link.partition("=")[2], "name": "Ada"})
        assert answer.status_code == 201, answer.text
        assert answer.headers["set-cookie"].startswith("__Host-edge-voice=")
        assert client.get("/api/me").json()["person"]["name"] == "Ada"
        assert answer.headers["strict-transport-security"]


def test_the_address_is_the_one_that_the_proxy_sees(site: Proxied) -> None:
    with site.client() as client:
        forged = {"x-forwarded-for": "203.0.113.66", "x-real-ip": "203.0.113.66", "forwarded": "for=203.0.113.66"}
        client.post("/api/login", json={"name": "Nobody", "password": "wrong horse"}, headers=forged)
    found = site.relay.house.store.do(
        lambda db: [row[0] for row in db.execute("SELECT fields FROM audit WHERE what = 'login_failed'")]
    )
    assert found
    assert "203.0.113.66" not in str(found)
    assert '"address": "127.0.0.1"' in found[-1] or '"address": "::1"' in found[-1]


def test_metrics_are_not_for_those_who_come_through_it(site: Proxied) -> None:
    with site.client() as client:
        assert client.get("/metrics").status_code == 401


def test_sockets_go_through_and_are_counted_by_address(site: Proxied) -> None:
    who = site.relay.person(f"Vera {site.port}")
    headers = {"Origin": site.url, "Cookie": f"__Host-edge-voice={site.relay.session(who)}"}

    async def go() -> None:
        async with AsyncExitStack() as stack:

            async def dial() -> ClientConnection:
                url = f"wss://localhost:{site.port}/echo"
                dialling = connect(url, ssl=site.context, additional_headers=headers, open_timeout=40)
                return await stack.enter_async_context(dialling)

            sockets = [await dial() for _ in range(5)]
            with pytest.raises(InvalidStatus) as caught:
                await dial()
            assert caught.value.response.status_code == 429
            for one in sockets:
                await one.send("hello")
                assert await one.recv() == "hello"

    # The library's blocking client reads and writes TLS from two threads, which Python's ssl cannot before 3.13.
    asyncio.run(go())


def test_a_page_from_elsewhere_is_refused_here_too(site: Proxied) -> None:
    with site.client() as client:
        assert client.get("/api/me", headers={"origin": "https://evil.example"}).status_code == 403
        assert client.get("/api/me", headers={"origin": f"http://localhost:{site.port}"}).status_code == 403
