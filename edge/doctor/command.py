"""`edge-voice doctor`: looks at everything a conversation needs, and says what is wrong and what to do.

A check is one function from a Site to results, named in `checks_of`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TextIO

from edge import __version__
from edge.config import Config, load
from edge.config.places import SERVICE, daemon_state
from edge.doctor import (
    calibrated,
    configuration,
    daemon,
    engine,
    loop,
    machine,
    network,
    panel,
    relay,
    report,
    sound,
    tools,
    vendors,
    wake,
)
from edge.doctor.checks import LIMIT_S, Check, Result, Results, Round, State
from edge.doctor.site import Site
from edge.errors import EX_CONFIG, EX_FAILED, ConfigError
from edge.host.control import socket_path

THOROUGH_S = 300.0  # a Raspberry Pi hashes 100 MB a second from a slow card, and the models have 0.7 GB
STUCK_SOUND = "Is the sound server or the driver stuck? Plug the device in again, or restart the machine."
Looked = list[tuple[str, Results]]


def doctor(options: argparse.Namespace) -> int:
    """Look, tell, and give the exit code: 0 well (warnings allowed), 1 something fails, 78 a bad configuration."""
    state = daemon_state()
    if state == SERVICE:  # look for the models where the service does, too
        os.environ["STATE_DIRECTORY"] = str(state)
    config, problems = _load(options.config)
    site = Site(config, problems, state, socket_path(), thorough=options.thorough, engines=options.engines)
    if not options.json:
        sys.stdout.write(f"edge-voice {__version__}\n\n")
    told = _teller(sys.stdout) if not options.json else lambda _name, _results: None
    with sound.quiet():
        looked = look(site, options.config, told)
    results = [result for _, results in looked for result in results]
    code = exit_code(results, bad_config=config is None)
    facts = {"version": __version__, **report.as_json(looked, code)}
    last = json.dumps(facts, indent=1) if options.json else f"\n{report.summary(results)}"
    sys.stdout.write(f"{last}\n")
    return code


def look(site: Site, path: Path | None, told: Callable[[str, Results], None]) -> Looked:
    """Run all checks. The daemon is asked first, since it holds what the others would open."""
    looked: Looked = []
    for checks in checks_of(site, path):
        for check, results in Round(checks).results():
            told(check.name, results)
            looked.append((check.name, results))
    return looked


def checks_of(site: Site, path: Path | None) -> tuple[list[Check], list[Check]]:
    """In the order in which they are told; those of the second list come after the first."""
    restart = "systemctl restart edge-voice"
    first = [
        Check("configuration", partial(configuration.check, site, path)),
        Check("daemon", partial(daemon.check, site), stuck=restart),
    ]
    then = [
        Check("engine", partial(engine.check, site)),
        Check("models", partial(engine.check_models, site), limit_s=THOROUGH_S if site.thorough else LIMIT_S),
        # PortAudio is not made for several threads at a time
        Check("microphone", partial(sound.check_microphone, site), "sound", STUCK_SOUND),
        Check("loudspeaker", partial(sound.check_speaker, site), "sound", STUCK_SOUND),
        Check("calibration", partial(calibrated.check, site), "sound", STUCK_SOUND),
        Check("wake word", partial(wake.check, site)),
        Check("tools", partial(tools.check, site)),
        Check("panel", partial(panel.check, site), stuck="Does another program hold the pins or the USB?"),
        Check("network", partial(network.check, site), stuck=network.STUCK),
        Check("relay", partial(relay.check, site)),
        Check("clock", partial(machine.check_clock, site)),
        Check("state", partial(machine.check_state, site), stuck="Is the disk broken? See: dmesg"),
        Check("temperature", partial(machine.check_temperature, site)),
        Check("priority", partial(machine.check_priority, site)),
    ]
    if site.thorough:
        after = next(n for n, check in enumerate(then) if check.name == "calibration")
        then.insert(after + 1, Check("loop", partial(loop.check, site), "sound", STUCK_SOUND, loop.LIMIT_S))
    if site.engines:
        then += vendors.checks(site)
    return first, then


def exit_code(results: list[Result], *, bad_config: bool) -> int:
    """A bad configuration says most."""
    if bad_config:
        return EX_CONFIG
    return EX_FAILED if any(result.state is State.FAIL for result in results) else 0


def _load(path: Path | None) -> tuple[Config | None, list[str]]:
    try:
        return load(path), []
    except ConfigError as error:
        return None, error.problems


def _teller(out: TextIO) -> Callable[[str, Results], None]:
    """Prints what a check has found as soon as its turn has come."""
    colour = out.isatty() and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size().columns

    def tell(name: str, results: Results) -> None:
        out.write("".join(f"{line}\n" for line in report.lines(name, results, width, colour=colour)))
        out.flush()

    return tell
