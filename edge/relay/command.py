"""`edge-voice relay`: serve, or do something to its database."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import Config, load
from edge.config.places import given_dir, state_dir
from edge.config.web import address_of
from edge.errors import EdgeVoiceError, UsageError

if TYPE_CHECKING:
    from edge.relay.serving import Manager
    from edge.relay.store.database import Store

SERVICE = Path("/var/lib/edge-voice-relay")  # StateDirectory= of systemd/edge-voice-relay.service
NAME = "relay.sqlite"
MOST_DAYS = 3660
PACKAGES = frozenset({"starlette", "uvicorn", "httptools", "webauthn", "redis", "cryptography", "httpx2"})
LACKS = "The relay needs packages that are not installed: pip install 'edge-voice[relay]'"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the command line brings along, since the relay does not see edge.host.

    `manager` makes the link to the service manager from what tells its status; `log` sets up logging at a level.
    """

    manager: Callable[[Callable[[], str]], Manager]
    log: Callable[[str], None]


def relay(given: argparse.Namespace, around: Surroundings) -> int:
    """Run what was asked for; returns the exit code."""
    config = load(given.config)
    if given.listen:
        config = _listening(config, given.listen)
    if given.what in {"backup", "token", "fleet-token"} and not given.name:
        raise UsageError(f"edge-voice relay {given.what} needs a name: edge-voice relay {given.what} NAME")
    if given.what == "serve" and given.name:
        raise UsageError(f"edge-voice relay does not know {given.name!r} (see edge-voice relay --help)")
    path = database(config)
    try:
        if given.what != "serve":
            work = {"backup": _backup, "setup-link": _link, "token": _token, "fleet-token": _token,
                    "usage": _usage}[given.what]  # fmt: skip
            print(work(config, path, given))
            return 0
        return _serve(config, path, given, around)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] in PACKAGES:
            raise EdgeVoiceError(LACKS) from None
        raise


def database(config: Config, env: Mapping[str, str] = os.environ, service: Path = SERVICE) -> Path:
    """Where it is: configured, in systemd's directory, the service's as seen from root's shell, or one's own."""
    if config.server.database:
        return Path(config.server.database).expanduser()
    if given := given_dir(env):
        return given / NAME
    if os.geteuid() == 0 and not env.get("XDG_STATE_HOME") and (service / NAME).is_file():
        return service / NAME
    return state_dir(env) / "relay" / NAME


def _listening(config: Config, listen: str) -> Config:
    from edge.config.checks_server import wrong_server

    config = replace(config, server=replace(config.server, listen=listen))
    if problems := wrong_server(config.server):
        raise UsageError("\n".join(problems).replace("server.listen", "--listen", 1))
    return config


def _serve(config: Config, path: Path, given: argparse.Namespace, around: Surroundings) -> int:
    from edge.relay import logs
    from edge.relay.processes import alone, one_of_many, several
    from edge.relay.serving import Line, listening, tls

    around.log(config.log.level)
    logs.set_up(config.server.log)
    tls(config)  # a certificate that cannot be used is told before anything begins
    line = Line()
    manager = around.manager(line)
    if given.worker:
        return one_of_many(config, path, given.worker, line)
    bound = listening(config.server.listen)
    port = bound.getsockname()[1]
    print_link(config, path, port)
    print(f"The relay listens at {_own(config, port)} (Ctrl-C ends it).", flush=True)
    if config.server.workers > 1:
        return several(config, given.config, bound, line, manager)
    return alone(config, path, bound, line, manager)


def _own(config: Config, port: int) -> str:
    from edge.relay.origins import origins

    return origins(config.server, port).own


def print_link(config: Config, path: Path, port: int) -> None:
    """For the first owner, who has no other way in. It is no log line: those keep secrets out."""
    from edge.relay.people.repository import has_owner
    from edge.relay.store.database import Store

    store = Store(path)
    try:
        if not store.do(has_owner):
            print(f"Set-up, for the owner, within a day: {_setup_link(config, store, port)}", flush=True)
    finally:
        store.close()


def _setup_link(config: Config, store: Store, port: int | None) -> str:
    from edge.relay.people.links import setup_link

    return setup_link(store, _own(config, port or _port(config)))


def _port(config: Config) -> int:
    address = address_of(config.server.listen)
    return address[1] if address else 0


def _backup(_config: Config, path: Path, given: argparse.Namespace) -> str:
    from edge.relay.store.database import backup

    backup(path, Path(given.name))
    return f"{path} has been copied to {given.name}."


def _link(config: Config, path: Path, _given: argparse.Namespace) -> str:
    from edge.relay.store.database import Store

    store = Store(path)
    try:
        return _setup_link(config, store, None)
    finally:
        store.close()


def _usage(config: Config, path: Path, given: argparse.Namespace) -> str:
    from edge.relay.store.database import Store
    from edge.relay.voice.spending import DAYS, spenders, table

    days = int(given.name) if str(given.name or DAYS).isdecimal() and given.name else DAYS
    if given.name and not (given.name.isdecimal() and 1 <= days <= MOST_DAYS):
        raise UsageError(f"edge-voice relay usage takes a number of days from 1 to {MOST_DAYS}, not {given.name!r}.")
    if not path.exists():
        raise EdgeVoiceError(f"There is no database at {path}.")
    store = Store(path)
    try:
        return "\n".join(table(store.do(lambda db: spenders(db, days)), config.budget.currency, days))
    finally:
        store.close()


def _token(_config: Config, path: Path, given: argparse.Namespace) -> str:
    import time

    from edge.relay.doors import Scope, give_token
    from edge.relay.people.repository import new_id
    from edge.relay.store.database import Store

    name, now = given.name[:80], time.time()
    scope: Scope = "enrol" if given.what == "fleet-token" else ""
    store = Store(path)
    try:
        return store.do(lambda db: give_token(db, "client", new_id(), name, now=now, seconds=None, scope=scope))
    finally:
        store.close()
