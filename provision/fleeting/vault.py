"""The file of secrets: whether it is encrypted, and what is in it. And whether secrets stand elsewhere in the clear."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from provision.fleeting.errors import FleetError
from provision.fleeting.schema import Fleet

VAULT = b"$ANSIBLE_VAULT;"
TOP = "secrets"  # all of them below this key
# What a secret looks like that somebody has put where its name belongs; and a value beside a telling key.
LOOKS_LIKE = re.compile(r"\b(sk-[A-Za-z0-9_-]{16,}|AIza[A-Za-z0-9_-]{30,}|ev[cd]_[A-Za-z0-9_-]{16,}|[0-9a-f]{40,})\b")
TELLING = re.compile(r"(?i)^\s*\"?\w*(pass(word|phrase)?|secret|token|api_?key)\"?\s*=\s*\"([^\"]*)\"", re.MULTILINE)
REFERENCE = re.compile("[a-z][a-z0-9_]*")
VIEW_S = 30


def warnings(fleet: Fleet) -> list[str]:
    """What is dangerous about where the secrets are, without a password."""
    found = [f"{fleet.path.name}: {line}" for line in in_the_clear(fleet.path.read_text(encoding="utf-8"))]
    secrets = fleet.secrets
    if secrets is None:
        if fleet.wanted_secrets():
            found.append("fleet.secrets is not set, and secrets are referred to.")
        return found
    if not secrets.is_file():
        return [*found, f"There is no {secrets.name}; begin with: ansible-vault create {secrets.name}"]
    if not is_encrypted(secrets):
        tracked = " AND IS IN GIT, so all of it must be changed" if is_tracked(secrets) else ""
        found.append(f"{secrets.name} is not encrypted{tracked}: ansible-vault encrypt {secrets.name}")
    return found


def in_the_clear(text: str) -> list[str]:
    """What in fleet.toml looks like a secret rather than a reference to one; it is never shown itself."""
    found = [f"line {_line(text, match.start())} has what looks like a key; put it into the file of secrets."
             for match in LOOKS_LIKE.finditer(text)]  # fmt: skip
    found += [f"line {_line(text, match.start(1))}: the value is no name of a secret; put it into the file of secrets."
              for match in TELLING.finditer(text)
              if not REFERENCE.fullmatch(match[3]) and not LOOKS_LIKE.search(match[3])]  # fmt: skip
    return found


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def is_encrypted(path: Path) -> bool:
    """By its first bytes."""
    with path.open("rb") as file:
        return file.read(len(VAULT)) == VAULT


def is_tracked(path: Path) -> bool:
    """Whether git has it."""
    words = ("git", "-C", path.parent, "ls-files", "--error-unmatch", path.name)
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def read(path: Path, password_file: Path | None) -> dict[str, str]:
    """All secrets by name; raises FleetError."""
    import yaml  # of ansible-core

    text = path.read_text(encoding="utf-8")
    if is_encrypted(path):
        given = ("--vault-password-file", password_file) if password_file else ()
        words = (Path(sys.executable).with_name("ansible-vault"), "view", *given, path)
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=VIEW_S)
        if done.returncode:
            raise FleetError(f"{path} could not be decrypted: {done.stderr.strip().splitlines()[-1][-200:]}")
        text = done.stdout
    try:
        secrets = yaml.safe_load(text)[TOP]
        return {str(name): str(value) for name, value in secrets.items()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise FleetError(f"{path} must look like this:\n{TOP}:\n  openai: sk-...\n  wifi_home: ...") from None


def absent(fleet: Fleet, names: Iterable[str]) -> list[str]:
    """References that lead nowhere."""
    from edge.config.merging import nearest

    there = list(names)
    return [f"{place} = '{name}' is not in the file of secrets.{nearest(name, there)}"
            for name, place in fleet.wanted_secrets().items() if name not in there]  # fmt: skip
