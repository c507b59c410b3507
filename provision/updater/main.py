"""The command line."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from . import VERSION, files, itself, releases
from .applying import Applier, How
from .errors import NotNow, UpdateError, Usage
from .layout import Layout
from .pulling import pull
from .records import load_history, load_trial
from .releases import Python
from .service import Service, Systemd
from .settings import load
from .switching import Switcher
from .watching import report

EPILOG = """\
exit codes: 0 done or nothing to do; 1 refused, or failed and gone back; 2 usage;
75 not now: somebody is talking, it is outside of the window, or another update is under way
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message} (see {self.prog} --help)")


def _parser() -> _Parser:
    parser = _Parser(prog="edge-voice-update", description="Updates of edge-voice on this device.", epilog=EPILOG,
                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--version", action="version", version=f"edge-voice-update {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    apply = commands.add_parser("apply", help="take a bundle over, or say why not")
    apply.add_argument("file", type=Path, help="a bundle, *.evb")
    apply.add_argument("--now", action="store_true", help="also while somebody is talking, and outside of the window")
    apply.add_argument("--install", action="store_true", help="set up a blank machine: user, units, configuration")
    status = commands.add_parser("status", help="what is installed, and how the last update went")
    status.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("rollback", help="to the release before, at once")
    commands.add_parser("boot", help="early at each boot: goes back from a trial that was not kept in two")
    fetch = commands.add_parser("pull", help="take what the channel in update.conf offers")
    fetch.add_argument("--now", action="store_true", help="also while somebody is talking, and outside of the window")
    commands.add_parser("health", help="see an unattended trial through, and note what doctor finds")
    link = commands.add_parser("link", help="link units and commands to the current release")
    link.add_argument("--check", action="store_true", help="only say what would be changed")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command on this device; returns the exit code."""
    layout = Layout()
    return run(sys.argv[1:] if argv is None else argv, layout, Systemd(layout))


def run(argv: Sequence[str], layout: Layout, service: Service, python: Python | None = None) -> int:
    """The same for any device."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # whoever has started it may hang up
    os.umask(0o022)  # the service's user must be able to read a release
    try:
        options = _parser().parse_args(argv)
        say(_Commands(layout, service, python or Python()).do(options))
    except SystemExit as end:  # --help
        return int(end.code or 0)
    except UpdateError as error:
        say(f"edge-voice-update: {error}", sys.stderr)
        return error.exit_code
    except OSError as error:
        say(f"edge-voice-update: {error.filename or 'the system'}: {error.strerror or error}", sys.stderr)
        return UpdateError.exit_code
    except Exception as error:  # the last boundary: a fault of ours, told in one line
        if os.environ.get("EDGE_VOICE_DEBUG"):
            raise
        say(f"edge-voice-update: internal error: {error!r}. EDGE_VOICE_DEBUG=1 shows where.", sys.stderr)
        return UpdateError.exit_code
    return 0


def say(text: str, where: object = None) -> None:
    """To whoever may still be listening."""
    try:
        if text:
            print(text, file=where if where is sys.stderr else sys.stdout, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Commands:
    def __init__(self, layout: Layout, service: Service, python: Python) -> None:
        self._layout = layout
        device = _first_line(layout.root / "etc/machine-id")
        self._switcher = Switcher(layout, load(layout.etc / "update.conf", device), service, say)
        self._applier = Applier(self._switcher, python)

    def do(self, options: argparse.Namespace) -> str:
        """Gives the last line to say."""
        table: dict[str, Callable[[argparse.Namespace], str]] = {
            "apply": self._apply, "rollback": self._rollback, "boot": self._boot, "pull": self._pull,
            "health": self._health, "link": self._link,
        }  # fmt: skip
        if options.command == "status":
            return self._status(options)
        if options.command == "link" and options.check:
            return self._link(options)
        if self._layout.root == Path("/") and os.geteuid() != 0:
            raise UpdateError("This needs root: sudo edge-voice-update ...")
        with _alone(self._layout):
            return table[options.command](options)

    def _apply(self, options: argparse.Namespace) -> str:
        self._switcher.go_on()
        return self._applier.apply(options.file, How(options.now, options.install))

    def _pull(self, options: argparse.Namespace) -> str:
        self._switcher.go_on()
        return pull(self._switcher, self._applier, How(options.now))

    def _rollback(self, _options: argparse.Namespace) -> str:
        return f"{self._switcher.rollback()} runs again."

    def _boot(self, _options: argparse.Namespace) -> str:
        self._switcher.settle(booting=True)
        return ""

    def _health(self, _options: argparse.Namespace) -> str:
        self._switcher.go_on()
        return report(self._switcher) if self._switcher.current else ""

    def _link(self, options: argparse.Namespace) -> str:
        check = bool(options.check)
        changed = [f"link       /{place}" for place in self._switcher.relink(commands=True, check=check)]
        source = self._layout.current / "updater"
        if updater := itself.install(self._layout, source, same_number=True, check=check):
            changed.append(updater)
        return "\n".join(changed)

    def _status(self, options: argparse.Namespace) -> str:
        layout, history = self._layout, load_history(self._layout)
        current = self._switcher.current
        state = "trial" if load_trial(layout) else "committed" if current else "none"
        last = history.last
        said = {
            "version": current.partition("+")[0], "sequence": releases.sequence_of(layout.release(current)),
            "state": state, "previous": layout.named_by(layout.previous), "last": vars(last) if last else None,
            "ring": self._switcher.settings.ring, "refused": list(history.refused), "updater": VERSION,
        }  # fmt: skip
        if options.json:
            return json.dumps(said)
        words = f"{current or 'nothing installed'}, {state}, ring {said['ring']}"
        return words + (f"\nlast: {last.version} {last.result} {last.reason}".rstrip() if last else "")


def _first_line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """One updater at a time; raises NotNow."""
    files.make_folder(layout.opt)
    with (layout.opt / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotNow("Another update is under way.") from None
        yield
