"""The one user who may log in: the lists of users as texts in, and texts out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import Usage

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")  # as Raspberry Pi OS wants it
NUMBER = "1000"  # of the image's first user
FILES = ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/subuid", "etc/subgid")
GROUPS = ("etc/group", "etc/gshadow")
# No password fits it. Not "!", which sshd without PAM takes for an account that is locked for keys as well.
NO_PASSWORD = "*"  # noqa: S105  it is none


def first_user(passwd: str) -> str:
    """The name of user 1000, or ""."""
    return next((line.split(":")[0] for line in passwd.splitlines() if line.split(":")[2:3] == [NUMBER]), "")


def renamed(texts: Mapping[str, str], name: str) -> dict[str, str]:
    """User 1000 has this name and no password, whatever it was called; made where there is none. Raises Usage."""
    if not NAME.fullmatch(name):
        raise Usage(f"A user's name has small letters, digits and hyphens, and begins with a letter: {name!r}.")
    if any(fields[0] == name and fields[2] != NUMBER for fields in _fields(texts["etc/passwd"])):
        raise Usage(f"{name} is a name of the system's own; take another for --user.")
    old, numbers = first_user(texts["etc/passwd"]), {fields[0]: fields[2] for fields in _fields(texts["etc/group"])}
    before = next((group for group, number in numbers.items() if number == NUMBER), "")
    # Debian has groups such as `operator`, which a user of that name has nothing to do with.
    group = name if numbers.get(name, NUMBER) == NUMBER else before or f"{name}-user"
    found = {path: _rename(texts[path], (before, group) if path in GROUPS else (old, name), (old, name))
             for path in FILES}  # fmt: skip
    entry = f"{name}:x:{NUMBER}:{NUMBER}:,,,:/home/{name}:/bin/bash"
    found["etc/passwd"] = _with(found["etc/passwd"], name, entry)
    found["etc/passwd"] = _set(found["etc/passwd"], name, {5: f"/home/{name}"})
    found["etc/group"] = _with(found["etc/group"], group, f"{group}:x:{NUMBER}:")
    found["etc/shadow"] = _with(found["etc/shadow"], name, f"{name}:{NO_PASSWORD}:19000:0:99999:7:::")
    for who in (name, "root"):
        found["etc/shadow"] = _set(found["etc/shadow"], who, {1: NO_PASSWORD})
    return found


def number_of(passwd: str, name: str) -> tuple[int, int]:
    """User and group; root's for one that is not there."""
    entry = next((fields for fields in _fields(passwd) if fields[0] == name), None)
    return (int(entry[2]), int(entry[3])) if entry else (0, 0)


def group_number(group: str, name: str) -> int:
    """0 for one that is not there."""
    return next((int(fields[2]) for fields in _fields(group) if fields[0] == name), 0)


def _fields(text: str) -> list[list[str]]:
    return [line.split(":") for line in text.splitlines() if line.count(":") > 1]


def _rename(text: str, entry: tuple[str, str], member: tuple[str, str]) -> str:
    """(old, new) of an entry's name, and of members in the last field, which groups have."""
    lines = []
    for line in text.splitlines():
        fields = line.split(":")
        fields[0] = entry[1] if entry[0] and fields[0] == entry[0] else fields[0]
        if len(fields) == 4:  # noqa: PLR2004  group and gshadow
            fields[3] = ",".join(member[1] if one and one == member[0] else one for one in fields[3].split(","))
        lines.append(":".join(fields))
    return "".join(f"{line}\n" for line in lines)


def _with(text: str, name: str, entry: str) -> str:
    return text if any(line.startswith(f"{name}:") for line in text.splitlines()) else f"{text}{entry}\n"


def _set(text: str, name: str, values: Mapping[int, str]) -> str:
    lines = []
    for line in text.splitlines():
        fields = line.split(":")
        if fields[0] == name:
            for at, value in values.items():
                fields[at] = value
        lines.append(":".join(fields))
    return "".join(f"{line}\n" for line in lines)
