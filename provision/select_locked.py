"""Print the part of requirements.lock that some extras need, hashes included. Standard library only.

    python3 provision/select_locked.py talk local     the base dependencies, and these extras
    python3 provision/select_locked.py --only build   this extra without the base
    python3 provision/select_locked.py pi --without systemd-python lgpio      what the system itself brings is left out

pip takes no hashes from a constraints file, so a device that installs two extras needs a file with just their pins. It
is worked out by following the lock's own "# via" notes, without a resolver: nothing can be chosen differently here.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(requirement: str) -> str:
    """The name in a requirement, as the lock spells it."""
    match = NAME.match(requirement)
    if match is None:
        sys.exit(f"select_locked: not a requirement: {requirement}")
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def wanted(extras: Iterable[str], *, base: bool) -> set[str]:
    """The names that pyproject.toml lists for the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = project["optional-dependencies"]
    requirements = list(project["dependencies"]) if base else []
    for extra in extras:
        if extra not in known:
            sys.exit(f"select_locked: no extra {extra!r}; there are {', '.join(known)}")
        requirements += known[extra]
    return {normal(requirement) for requirement in requirements}


def entries(lock: str) -> Iterator[tuple[str, str, set[str]]]:
    """Each pin's name, its text with the hashes, and the names of what needs it."""
    for block in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]:
        lines = block.splitlines()
        notes = [line.strip().removeprefix("#").strip().removeprefix("via").strip() for line in lines if "#" in line]
        pin = "\n".join(line for line in lines if "#" not in line)
        yield normal(block), pin, {normal(note) for note in notes if note}


def select(lock: str, names: set[str]) -> list[str]:
    """The pins of the names and of all that they need."""
    pins = {name: (pin, parents) for name, pin, parents in entries(lock)}
    if absent := names - pins.keys():
        sys.exit(f"select_locked: {', '.join(sorted(absent))} not in requirements.lock; run ./provision/dev lock")
    chosen: set[str] = set()
    while names:
        chosen |= names
        names = {name for name, (_, parents) in pins.items() if parents & names} - chosen
    return [pin for name, (pin, _) in pins.items() if name in chosen]


if __name__ == "__main__":
    arguments, without = sys.argv[1:], []
    if "--without" in arguments:
        at = arguments.index("--without")
        arguments, without = arguments[:at], [normal(name) for name in arguments[at + 1 :]]
    only = "--only" in arguments
    extras = [argument for argument in arguments if argument != "--only"]
    print("\n".join(select((ROOT / "requirements.lock").read_text(), wanted(extras, base=not only) - set(without))))
