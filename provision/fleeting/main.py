"""`provision/fleet`: the options."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from provision.fleeting import commands
from provision.fleeting.context import Context
from provision.fleeting.errors import FleetError
from provision.fleeting.playing import private_folder
from provision.fleeting.update import update

EPILOG = """\
Devices are named, or chosen by --group; without either, most commands mean all.

examples:
  provision/fleet check
  provision/fleet apply --check --diff          what would be changed
  provision/fleet update --dry-run              who gets it when
  provision/fleet exec kitchen -- journalctl -u edge-voice -n 20
"""
TABLE: dict[str, Callable[[Context], int]] = {
    "check": commands.check, "secrets": commands.secrets, "inventory": commands.inventory, "apply": commands.apply,
    "status": commands.status, "update": update, "rollback": commands.rollback, "enrol": commands.enrol,
    "retire": commands.retire, "exec": commands.execute,
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 when something failed or is left to do, 2 for mistakes."""
    words = list(sys.argv[1:] if argv is None else argv)
    at = words.index("--") if "--" in words else len(words)
    options = _parser().parse_args(words[:at])
    options.words = words[at + 1 :]
    try:
        with private_folder() as folder:
            return TABLE[options.command](Context(options, folder))
    except FleetError as error:
        print(f"fleet: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"fleet: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("fleet: interrupted; devices that had begun go on by themselves. Run it again.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="provision/fleet", description="Many devices, from one inventory.",
                                     epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    default = Path(os.environ.get("EDGE_VOICE_FLEET", "fleet.toml"))
    parser.add_argument("--fleet", type=Path, default=default, metavar="FILE",
                        help="the inventory (default: $EDGE_VOICE_FLEET or fleet.toml)")  # fmt: skip
    parser.add_argument("--vault-password-file", type=Path, metavar="FILE", help="for the file of secrets")
    subs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add(subs, "check", "the inventory: all mistakes at once, and secrets that stand in the clear", devices=False)
    _add(subs, "secrets", "edit the encrypted file of secrets", devices=False)
    _add(subs, "inventory", "print it as Ansible reads it")
    one = _add(subs, "apply", "install blank machines, and configure all as the inventory says")
    _bundle(one)
    one.add_argument("--check", action="store_true", help="only say what would be changed")
    one.add_argument("--diff", action="store_true", help="and how")
    _add(subs, "status", "a table of all").add_argument("--json", action="store_true", help="for programs")
    one = _add(subs, "update", "bring a release to all, in waves")
    _bundle(one)
    one.add_argument("--dry-run", action="store_true", help="only say who gets it when")
    one.add_argument("--now", action="store_true", help="also while somebody is talking, and outside of the window")
    for name, about in (("rollback", "back to the release before"), ("exec", "run a command, given after --")):
        _careful(_add(subs, name, about))
    one = _add(subs, "enrol", "link devices to the relay")
    one.add_argument("--again", action="store_true", help="also those that are linked")
    one = _add(subs, "retire", "revoke a device at the relay, and wipe it")
    _careful(one)
    one.add_argument("--lost", action="store_true", help="it cannot be reached, and never will be")
    return parser


def _add(subs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str, *,
         devices: bool = True) -> argparse.ArgumentParser:  # fmt: skip
    parser = subs.add_parser(name, help=about, description=about)
    if devices:
        parser.add_argument("devices", nargs="*", metavar="DEVICE")
        parser.add_argument("--group", action="append", default=[], metavar="NAME")
    return parser


def _bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", type=Path, metavar="FILE", help="default: the newest in dist/")


def _careful(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="all devices")
    parser.add_argument("--yes", action="store_true", help="do not ask")


if __name__ == "__main__":
    sys.exit(main())
