"""The local control socket: JSON over a WebSocket over a Unix socket (design section 8).

-> {"v": 1, "id": 7, "command": "volume", "argument": 60}
<- {"v": 1, "id": 7, "ok": true, "result": {"percent": 60}}   or   {..., "ok": false, "error": "..."}
-> {"v": 1, "id": 8, "command": "watch"}     and from then on    <- {"v": 1, "event": "state", ...}
GET /metrics (plain HTTP)                    <- the counters, for Prometheus
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from edge.errors import ControlError, EdgeVoiceError
from edge.ports import Fields

VERSION = 1
MOST_BYTES = 65_536
MOST_WAITING = 256  # events a slow watcher may be behind; then it is dropped
LEVEL_S = 0.2

NO_REQUEST = 'A request looks like {"v": 1, "id": 1, "command": "status"}.'

Do = Callable[[str, object], Fields]


def socket_path(env: Mapping[str, str] = os.environ) -> Path:
    """Where the socket is: the service's run-time directory, else the user's."""
    if env.get("EDGE_VOICE_SOCKET"):
        return Path(env["EDGE_VOICE_SOCKET"])
    if env.get("RUNTIME_DIRECTORY"):
        return Path(env["RUNTIME_DIRECTORY"].split(":")[0]) / "control.sock"
    service = Path("/run/edge-voice/control.sock")
    user = env.get("XDG_RUNTIME_DIR")
    mine = Path(user) / "edge-voice/control.sock" if user else Path(f"/tmp/edge-voice-{os.getuid()}/control.sock")  # noqa: S108
    return service if _is_there(service) and not _is_there(mine) else mine


def _is_there(path: Path) -> bool:
    """Behind a closed door counts: then it is somebody else's, which is worth telling."""
    try:
        return path.exists()
    except PermissionError:
        return True


class Lock:
    """One daemon per socket. Held as long as the process lives."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent.stat().st_uid not in {os.getuid(), 0}:
            raise ControlError(f"{path.parent} belongs to somebody else; set EDGE_VOICE_SOCKET to a path of your own.")
        self._file = path.with_suffix(".lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            pid = self._file.read().strip()
            raise ControlError(f"An edge-voice daemon is already running here (pid {pid}); stop it first.") from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def close(self) -> None:
        """Let the next one in. Idempotent."""
        self._file.close()


def _request(message: object) -> tuple[object, str, object]:
    """(id, command, argument) of a parsed message; raises ControlError when it is no request."""
    command = message.get("command") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(command, str):
        raise ControlError(NO_REQUEST)
    return message.get("id"), command, message.get("argument")


class ControlServer:
    """Serves `do`; also a Watcher that passes what is published on to whoever watches."""

    def __init__(self, path: Path, do: Do, level: Callable[[], float], metrics: Callable[[], str] = str) -> None:
        self._path, self._do, self._level, self._metrics = path, do, level, metrics
        self._lock: Lock | None = None
        self._server: Server | None = None
        self._watchers: dict[ServerConnection, asyncio.Queue[str]] = {}

    async def open(self) -> None:
        """Take the lock and listen; raises ControlError."""
        try:
            self._lock = Lock(self._path)
            self._path.unlink(missing_ok=True)
            self._server = await unix_serve(
                self._serve, str(self._path), max_size=MOST_BYTES, compression=None, process_request=self._plain
            )
            self._path.chmod(0o660)
        except OSError as error:
            raise ControlError(f"The control socket {self._path} cannot be made: {error.strerror or error}.") from None

    async def close(self) -> None:
        """Stop serving. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(server.wait_closed(), 0.5)
            self._path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher. A watcher that does not keep up is dropped."""
        if not self._watchers:
            return
        text = json.dumps({"v": VERSION, "event": event, **fields}, default=str)
        for connection, waiting in list(self._watchers.items()):
            if waiting.qsize() < MOST_WAITING:
                waiting.put_nowait(text)
            else:
                del self._watchers[connection]
                connection.transport.abort()

    def _plain(self, connection: ServerConnection, request: Request) -> Response | None:
        """GET /metrics is answered as Prometheus wants it; everything else is to become a WebSocket."""
        if request.path != "/metrics":
            return None
        response = connection.respond(HTTPStatus.OK, self._metrics())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8"
        return response

    async def _serve(self, connection: ServerConnection) -> None:
        sender: asyncio.Task[None] | None = None
        try:
            async for message in connection:
                answer, watch = self._answer(message)
                await connection.send(json.dumps(answer, default=str))
                if watch and sender is None:
                    self._watchers[connection] = asyncio.Queue()
                    sender = asyncio.ensure_future(self._pass_on(connection, self._watchers[connection]))
        except ConnectionClosed:
            pass
        finally:
            self._watchers.pop(connection, None)
            if sender is not None:
                sender.cancel()

    def _answer(self, message: str | bytes) -> tuple[Fields, bool]:
        number: object = None
        try:
            number, command, argument = _request(json.loads(message))
            watch = command == "watch"
            result = self._do("status" if watch else command, argument)
        except EdgeVoiceError as error:
            return {"v": VERSION, "id": number, "ok": False, "error": str(error)}, False
        except (ValueError, RecursionError):
            return {"v": VERSION, "id": number, "ok": False, "error": NO_REQUEST}, False
        return {"v": VERSION, "id": number, "ok": True, "result": result}, watch

    async def _pass_on(self, connection: ServerConnection, waiting: asyncio.Queue[str]) -> None:
        with suppress(ConnectionClosed):
            while True:
                try:
                    text = await asyncio.wait_for(waiting.get(), LEVEL_S)
                except TimeoutError:
                    text = json.dumps({"v": VERSION, "event": "level", "db": round(self._level(), 1)})
                await connection.send(text)
