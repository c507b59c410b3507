"""What a command of the fleet ends with, told in a line or two."""

from __future__ import annotations


class FleetError(Exception):
    """Something is in the way, and what it says tells what to do. The command ends with exit code 1."""

    exit_code = 1


class Usage(FleetError):
    """The command line or the inventory is wrong. Exit code 2."""

    exit_code = 2


class Invalid(Usage):
    """All mistakes of an inventory."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
