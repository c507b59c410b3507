"""`edge-voice run`: the daemon as a service, with its signals."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

from edge.config import Config, load
from edge.errors import ConfigError, EdgeVoiceError
from edge.host import journal
from edge.host.control import socket_path
from edge.host.heap import keep_small
from edge.linking import begin_again, wished
from edge.panel.appliance import panels
from edge.wiring import Assembly, assembled, device_lines

_log = logging.getLogger("edge-voice")


def serve(path: Path | None) -> int:
    """Run until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    keep_small()
    config = wished(load(path))
    journal.set_up(config.log.level)
    try:
        restart = asyncio.run(_serve(config, path))
    except EdgeVoiceError:
        raise
    except Exception as error:
        _log.critical("died error=%r where=%s", error, _where(error))  # through the filter that keeps keys out
        raise EdgeVoiceError("The daemon has ended by a fault of its own; the log says where.") from error
    if restart:
        begin_again()
    return 0


async def _serve(config: Config, path: Path | None) -> bool:
    """Whether it is to begin again."""
    watcher = journal.Journal(transcripts=config.log.transcripts)
    async with assembled(config, device_lines(config), (watcher, *panels(config)), socket_path()) as assembly:
        loop = asyncio.get_running_loop()
        watcher.about = lambda: _about(assembly)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, assembly.daemon.stop)
        loop.add_signal_handler(signal.SIGHUP, _reload, assembly, path, watcher)
        _log.info("started engine=%s", assembly.daemon.ports.agent.name)
        await assembly.daemon.run()
        assembly.speaker.stop_all()
    _log.info("stopped")
    return assembly.linkage.again


def _about(assembly: Assembly) -> dict[str, str]:
    """What every journal entry tells."""
    daemon = assembly.daemon
    return {
        "ENGINE": daemon.ports.agent.name, "STATE": str(daemon.conversation.state),
        "MICROPHONE": str(assembly.keeper.stats()["microphone"] or ""), "SPEAKER": assembly.speaker.name,
    }  # fmt: skip


def _where(error: BaseException) -> str:
    """File and line, which is what a report of a fault needs."""
    trace, last = error.__traceback__, "?"
    while trace is not None:
        last, trace = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}", trace.tb_next
    return last


def _reload(assembly: Assembly, path: Path | None, watcher: journal.Journal) -> None:
    assembly.host.reloading()
    try:
        _take_over(wished(load(path)), assembly, watcher)
    except ConfigError as error:  # a bad file changes nothing: the daemon goes on with what it has
        for problem in error.problems:
            _log.error("not_reloaded %s", problem)
    finally:
        assembly.host.reloaded()


def _take_over(config: Config, assembly: Assembly, watcher: journal.Journal) -> None:
    fixed = [
        name
        for name in ("device", "panel", "engine", "local", "realtime", "budget", "prices", "mcp", "relay")
        if getattr(config, name) != getattr(assembly.config, name)
    ]
    assembly.apply(config)
    watcher.transcripts = config.log.transcripts
    journal.set_level(config.log.level)
    _log.info("reloaded%s", f" (restart for: {', '.join(fixed)})" if fixed else "")
