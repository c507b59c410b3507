"""`edge-voice run`: the daemon as a service, with its signals."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from pathlib import Path

from edge.config import Config, load
from edge.errors import ConfigError
from edge.host import journal
from edge.host.control import socket_path
from edge.wiring import Assembly, assembled, device_lines

_log = logging.getLogger("edge-voice")


def serve(path: Path | None) -> int:
    """Run until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    config = load(path)
    journal.set_up(config.log.level)
    asyncio.run(_serve(config, path))
    return 0


async def _serve(config: Config, path: Path | None) -> None:
    watcher = journal.Journal(transcripts=config.log.transcripts)
    async with assembled(config, device_lines(config), (watcher,), socket_path()) as assembly:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, assembly.daemon.stop)
        loop.add_signal_handler(signal.SIGHUP, _reload, assembly, path)
        _log.info("started engine=%s", assembly.daemon.ports.agent.name)
        await assembly.daemon.run()
        assembly.speaker.stop_all()
    _log.info("stopped")


def _reload(assembly: Assembly, path: Path | None) -> None:
    """A bad file changes nothing: the daemon goes on with what it has."""
    try:
        config = load(path)
    except ConfigError as error:
        for problem in error.problems:
            _log.error("not_reloaded %s", problem)
        return
    fixed = [
        name
        for name in ("device", "panel", "engine", "local", "realtime", "budget", "prices", "mcp")
        if getattr(config, name) != getattr(assembly.config, name)
    ]
    assembly.apply(config)
    with contextlib.suppress(ValueError):
        logging.getLogger().setLevel(config.log.level.upper())
    _log.info("reloaded%s", f" (restart for: {', '.join(fixed)})" if fixed else "")
