"""Print the part of requirements.lock that some extras need, hashes included. Standard library (and pip) only.

    python3 provision/select_locked.py talk local     the base dependencies, and these extras
    python3 provision/select_locked.py --only build   this extra without the base
    python3 provision/select_locked.py pi --without systemd-python lgpio      what the system itself brings is left out
    python3 provision/select_locked.py pi --for 3.11 aarch64      what such a device needs, whatever this one is

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


def needed(pin: str, python: str, machine: str) -> str | None:
    """The pin without its condition, if that holds on a Linux `machine` with the first or the last release of a Python.

    pip itself judges conditions by the Python that runs it, whatever its option --python-version says.
    """
    from pip._vendor.packaging.markers import Marker

    head, found, rest = pin.partition(" ; ")
    if not found:
        return pin
    condition, line_goes_on, hashes = rest.partition(" \\")
    device = {"python_version": python, "sys_platform": "linux", "platform_machine": machine, "os_name": "posix",
              "platform_system": "Linux", "implementation_name": "cpython",
              "platform_python_implementation": "CPython"}  # fmt: skip
    releases = [device | {"python_full_version": f"{python}.{patch}"} for patch in (0, 99)]
    return f"{head}{line_goes_on}{hashes}" if any(Marker(condition).evaluate(one) for one in releases) else None


if __name__ == "__main__":
    arguments, without = sys.argv[1:], []
    if "--without" in arguments:
        at = arguments.index("--without")
        arguments, without = arguments[:at], [normal(name) for name in arguments[at + 1 :]]
    device: list[str] = []
    if "--for" in arguments:
        at = arguments.index("--for")
        device, arguments = arguments[at + 1 : at + 3], arguments[:at] + arguments[at + 3 :]
    only = "--only" in arguments
    extras = [argument for argument in arguments if argument != "--only"]
    pins = select((ROOT / "requirements.lock").read_text(), wanted(extras, base=not only) - set(without))
    print("\n".join(pin for pin in (needed(pin, *device) if device else pin for pin in pins) if pin))
