"""The other end of the control socket: one command from the command line, or watching."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, unix_connect

from edge.errors import ControlError

ANSWER_S = 5.0
CLOSE_S = 0.5  # a daemon that hangs does not say goodbye either


def _connect(path: Path) -> ClientConnection:
    try:
        return unix_connect(
            str(path), uri="ws://localhost/", open_timeout=ANSWER_S, close_timeout=CLOSE_S, compression=None
        )
    except (FileNotFoundError, ConnectionRefusedError):
        raise ControlError(
            f"No edge-voice daemon is running here (no answer at {path}). "
            "Start one: edge-voice run, or systemctl start edge-voice."
        ) from None
    except PermissionError:
        raise ControlError(f"{path} belongs to another user; use sudo, or join the group edge-voice.") from None
    except (OSError, WebSocketException, TimeoutError) as error:
        raise ControlError(f"The daemon does not answer at {path}: {error}.") from None


def _ask(connection: ClientConnection, command: str, argument: object) -> dict[str, Any]:
    try:
        connection.send(json.dumps({"v": 1, "id": 1, "command": command, "argument": argument}))
        answer = json.loads(connection.recv(ANSWER_S))
    except (OSError, WebSocketException, TimeoutError, ValueError):
        raise ControlError(f"The daemon did not answer `{command}` within {ANSWER_S:.0f} s.") from None
    if not answer.get("ok"):
        raise ControlError(str(answer.get("error", "The daemon refused.")))
    result = answer.get("result")
    return result if isinstance(result, dict) else {}


def call(path: Path, command: str, argument: object = None) -> dict[str, Any]:
    """Send one command and give its result; raises ControlError."""
    with _connect(path) as connection:
        return _ask(connection, command, argument)


def watch(path: Path) -> Iterator[dict[str, Any]]:
    """Every event from now on, the state first; ends when the daemon does."""
    with _connect(path) as connection:
        status = _ask(connection, "watch", None)
        yield {"event": "state", "state": status.get("state")}
        try:
            for message in connection:
                yield json.loads(message)
        except WebSocketException:
            return


def await_event(path: Path, command: str, event: str, most_s: float) -> dict[str, Any]:
    """Send a command whose outcome is published later, and give that event; raises ControlError."""
    with _connect(path) as connection:
        _ask(connection, "watch", None)
        connection.send(json.dumps({"v": 1, "id": 2, "command": command}))
        end = time.monotonic() + most_s
        try:
            while True:
                message = json.loads(connection.recv(end - time.monotonic()))
                if message.get("id") == 2 and not message.get("ok"):  # noqa: PLR2004  as sent above
                    raise ControlError(str(message.get("error", "The daemon refused.")))
                if message.get("event") == event:
                    return {name: value for name, value in message.items() if name not in {"v", "event"}}
        except (OSError, WebSocketException, TimeoutError, ValueError):
            raise ControlError(f"The daemon did not come to an end with `{command}` within {most_s:.0f} s.") from None
