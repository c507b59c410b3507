"""The relay's end and its processes: sockets sent elsewhere, talk let finish, one process in another's place."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from edge.relay import health
from edge.relay.house import House
from tests.relay.redis_rig import needs_redis, redis_server
from tests.relay.rig import running

ROOT = Path(__file__).parents[2]
KEY = "sk-planted-0123456789abcdef"


class Echo:
    """A part with a socket of a device and one of a conversation."""

    @staticmethod
    def routes(_: House) -> list[WebSocketRoute]:
        async def echo(websocket: WebSocket) -> None:
            await websocket.accept()
            with contextlib.suppress(WebSocketDisconnect):
                while True:
                    await websocket.send_text(await websocket.receive_text())

        return [WebSocketRoute("/device", echo), WebSocketRoute("/v1/realtime", echo)]


# --- the end of one process ------------------------------------------------------------------------------


def test_devices_are_sent_elsewhere_and_talk_may_finish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.relay.app.parts", lambda: [health, Echo])
    with running(tmp_path) as relay, ExitStack() as stack:
        devices = [stack.enter_context(connect(f"{relay.ws}/device")) for _ in range(20)]
        talk = stack.enter_context(connect(f"{relay.ws}/v1/realtime"))
        relay.server.should_exit = True
        for device in devices:
            with pytest.raises(ConnectionClosed) as caught:
                device.recv(timeout=5)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1012
        relay.until(relay.house.leaving.is_set)
        talk.send("still here")
        assert talk.recv(timeout=5) == "still here"
        with pytest.raises(OSError, match=r"refused|timed out"):
            socket.create_connection(("127.0.0.1", relay.port), timeout=1)
        talk.close()
        relay.until(lambda: not relay.server.server_state.connections)


def test_talk_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.relay.app.parts", lambda: [health, Echo])
    monkeypatch.setattr("edge.relay.serving.DRAIN_S", 0.3)
    with running(tmp_path) as relay, connect(f"{relay.ws}/v1/realtime") as talk:
        relay.server.should_exit = True
        with pytest.raises(ConnectionClosed) as caught:
            talk.recv(timeout=5)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012


def asked(line: socket.socket) -> bytes:
    """One request over a connection that has been there; the whole answer, up to the server's close."""
    line.settimeout(30)
    line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % line.getpeername()[1])
    found = b""
    while more := line.recv(65536):
        found += more
    return found


def refuses(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return True
    return False


def test_a_connection_without_a_request_yet_gets_its_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted before the end, and asking only when nobody listens any more: nothing is lost, nothing is kept."""
    monkeypatch.setattr("edge.relay.wire.FIRST_S", 30.0)  # a busy machine may be late
    with running(tmp_path) as relay, ExitStack() as stack:
        address = ("127.0.0.1", relay.port)
        silent, halfway = (stack.enter_context(socket.create_connection(address)) for _ in range(2))
        halfway.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1")
        relay.until(lambda: len(relay.server.server_state.connections) == 2)
        relay.server.should_exit = True
        relay.until(relay.house.leaving.is_set)
        relay.until(lambda: refuses(address), 30)
        time.sleep(0.5)  # by now those without a request would have been sent away
        answer = asked(silent)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert b"connection: close" in answer
        halfway.settimeout(30)
        halfway.sendall(b":%d\r\n\r\n" % relay.port)
        assert halfway.recv(12) == b"HTTP/1.1 200"


def test_a_connection_that_never_asks_does_not_hold_the_end_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.relay.wire.FIRST_S", 0.3)
    with running(tmp_path) as relay, socket.create_connection(("127.0.0.1", relay.port)) as silent:
        relay.until(lambda: bool(relay.server.server_state.connections))
        relay.server.should_exit = True
        silent.settimeout(30)
        assert silent.recv(1) == b""


# --- as a command --------------------------------------------------------------------------------------


class Process:
    """`edge-voice relay`."""

    def __init__(self, folder: Path, *words: str, config: str = "", **env: str) -> None:
        self.folder = folder
        (folder / "config.toml").write_text(config)
        with socket.socket() as line:
            line.bind(("127.0.0.1", 0))
            self.port = line.getsockname()[1]
        around = {**os.environ, "STATE_DIRECTORY": str(folder), "OPENAI_API_KEY": KEY, **env}
        command = [sys.executable, "-m", "edge", "relay", "--config", str(folder / "config.toml")]
        command += ["--listen", f"127.0.0.1:{self.port}", *words]
        self.said = ""
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=around
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.url = f"http://127.0.0.1:{self.port}"

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def ready(self, url: str = "", **how: Any) -> None:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url or self.url}/readyz", timeout=5, **how).status_code == 200:
                    return
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        finally:
            self.process.kill()
            self._reader.join()


@contextmanager
def process(folder: Path, *words: str, config: str = "", **env: str) -> Iterator[Process]:
    started = Process(folder, *words, config=config, **env)
    try:
        yield started
    finally:
        started.end()


@contextmanager
def set_up(one: Process) -> Iterator[httpx.Client]:
    """The owner, by the link that was printed."""
    found = re.search(r"(http://\S+)/#setup=(\S+)", one.said)
    assert found, one.said
    headers = {"origin": found[1], "x-edge-voice": "1"}
    with httpx.Client(base_url=one.url, headers=headers, timeout=20) as client:
        given = {"code": found[2], "name": "Ada", "password": "correct horse"}
        assert client.post("/api/setup", json=given).status_code == 201
        yield client


def test_the_first_start_prints_the_owners_link_and_later_ones_do_not(tmp_path: Path) -> None:
    with process(tmp_path) as one:
        one.ready()
        with set_up(one) as client:
            assert client.get("/api/me").json()["person"]["owner"] is True
        assert one.end() == 0
    with process(tmp_path) as again:
        again.ready()
        assert "#setup=" not in again.said


def test_no_secret_is_written_down(tmp_path: Path) -> None:
    """A planted vendor key, a password, a cookie: neither in the log nor in the database."""
    with process(tmp_path, config='[server]\nlog = "json"\n[log]\nlevel = "debug"\n') as one:
        one.ready()
        with set_up(one) as client:
            client.get(f"/api/me?ticket=planted-ticket&key={KEY}", headers={"authorization": f"Bearer {KEY}"})
            client.get("/%23setup=planted-code", headers={"origin": f"http://{KEY}.example"})
            client.post("/api/login", json={"name": "Ada", "password": "planted-password"})
            made = client.post("/api/tokens", json={"name": "probe"})
            assert made.status_code == 201, made.text
            token = made.json()["token"]
            cookie = client.cookies["edge-voice"]
        assert one.end() == 0
        kept = b"".join(path.read_bytes() for path in tmp_path.glob("relay.sqlite*"))
        lines = [line for line in one.said.splitlines() if line.startswith("{")]
        assert any(json.loads(line)["event"] == "login_failed" for line in lines)
    for secret in (KEY, "planted-ticket", "planted-password", "correct horse", token, cookie):
        assert secret not in one.said
        assert secret.encode() not in kept


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        line.listen()
        done = subprocess.run(
            [sys.executable, "-m", "edge", "relay", "--listen", f"127.0.0.1:{line.getsockname()[1]}"],
            capture_output=True, text=True, cwd=ROOT, env={**os.environ, "STATE_DIRECTORY": str(tmp_path)}, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot listen on" in done.stderr


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        watched = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with process(tmp_path, **watched) as one:
            heard = [manager.recv(4096).decode()]
            while "READY=1" not in heard[-1]:
                heard.append(manager.recv(4096).decode())
            assert f"STATUS=Serving at http://127.0.0.1:{one.port}" in heard[-1]
            one.ready()
            while "WATCHDOG=1" not in heard[-1]:
                heard.append(manager.recv(4096).decode())
            assert one.end() == 0
            while "STOPPING=1" not in heard[-1]:
                heard.append(manager.recv(4096).decode())


def test_with_a_certificate_it_speaks_tls(tmp_path: Path) -> None:
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*words.split(), *subject], cwd=tmp_path, check=True, capture_output=True)
    config = f'[server]\ntls_cert = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/key.pem"\n'
    context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    with process(tmp_path, config=config) as one:
        url = f"https://localhost:{one.port}"
        one.ready(url, verify=context)
        assert f"https://127.0.0.1:{one.port}/#setup=" in one.said
        answer = httpx.get(f"{url}/nothing", verify=context)
        assert answer.status_code == 404
        assert answer.headers["strict-transport-security"]
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", one.port)) as line, old.wrap_socket(line) as good:
            assert good.version() == "TLSv1.2"
        subprocess.run([*words.split(), *subject, "-set_serial", "4711"], cwd=tmp_path, check=True, capture_output=True)
        one.process.send_signal(signal.SIGHUP)
        renewed = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        one.ready(url, verify=renewed)
        assert one.end() == 0


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nonsense")
    config = f'[server]\ntls_cert = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/cert.pem"\n'
    with process(tmp_path, config=config) as one:
        assert one.process.wait(20) == 1
    assert "cannot be used" in one.said
    assert one.said.count("\n") == 1


# --- several processes ------------------------------------------------------------------------------------


def nodes(one: Process, asked: int = 40) -> set[str]:
    """Which processes answer."""
    found = set()
    for _ in range(asked):
        text = httpx.get(f"{one.url}/metrics", timeout=10).text
        found |= set(re.findall(r'info\{node="(\w+)"', text))
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("workers")
    with redis_server(folder) as redis:
        config = f'[server]\nworkers = 2\nredis = "{redis.url}"\nrequests_per_second = 10000\n'
        with process(folder, config=config) as one:
            one.ready()
            yield one


def workers(one: Process) -> set[int]:
    found = subprocess.run(["pgrep", "-P", str(one.process.pid)], capture_output=True, text=True, check=True)
    return {int(pid) for pid in found.stdout.split()}


def until(is_so: Any, limit: float = 20) -> None:
    deadline = time.monotonic() + limit
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@needs_redis
def test_two_processes_serve_and_know_the_same_people(shared: Process) -> None:
    until(lambda: len(nodes(shared)) == 2)
    with set_up(shared) as client:
        for _ in range(20):
            fresh = httpx.get(f"{shared.url}/api/me", cookies=dict(client.cookies))
            assert fresh.json()["person"]["name"] == "Ada"


@needs_redis
def test_one_that_is_killed_is_replaced_while_the_other_serves(shared: Process) -> None:
    until(lambda: len(nodes(shared)) == 2)
    before, killed = nodes(shared), min(workers(shared))
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(nodes(shared) - before) == 1)
    assert killed not in workers(shared)
    assert len(nodes(shared) & before) == 1


@needs_redis
def test_all_are_replaced_without_one_request_lost(shared: Process) -> None:
    until(lambda: len(nodes(shared)) == 2)
    before = nodes(shared)
    shared.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 40
    seen: set[str] = set()
    while time.monotonic() < deadline and (seen & before or len(seen) < 2):
        seen = nodes(shared)  # each request on a connection of its own: none is refused
    assert not seen & before
    assert len(seen) == 2


@needs_redis
def test_when_the_first_process_is_killed_none_stays_behind(tmp_path: Path) -> None:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path))
        one = stack.enter_context(process(tmp_path, config=f'[server]\nworkers = 2\nredis = "{redis.url}"\n'))
        one.ready()
        left = workers(one)
        assert len(left) == 2
        one.process.kill()
        one.process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
