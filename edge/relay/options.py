"""The options of `edge-voice relay`: apart from the command, so that no other command pays for it."""

from __future__ import annotations

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Of the command."""
    parser.add_argument("what", nargs="?", default="serve",
                        choices=("serve", "backup", "setup-link", "token", "fleet-token", "usage"),
                        help="serve (the default); copy the database; a new link for an owner; a token for a program; "
                             "one with which provision/fleet enrols and revokes devices; what each person and device "
                             "has spent"
                        )  # fmt: skip
    parser.add_argument("name", nargs="?", metavar="FILE|NAME|DAYS",
                        help="of the copy; of the program; how many days back (31)")  # fmt: skip
    parser.add_argument("--listen", metavar="ADDRESS", help="address and port, instead of server.listen")
    parser.add_argument("--worker", help=argparse.SUPPRESS)  # file descriptors, from the process that started this one
