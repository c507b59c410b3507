"""Passwords, by the standard library's scrypt, a few at a time: each takes 32 MB and 0.3 s.

Kept as "scrypt$15$8$3$SALT$HASH", so that the cost can grow later without breaking what is there.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from edge.relay.refused import Refused

T = TypeVar("T")

SHORTEST, LONGEST = 10, 200  # characters
# OWASP's password storage sheet (2024) gives N=2^15, r=8, p=3 as one of its equals: 32 MB at a time.
COST, BLOCK, PARALLEL = 15, 8, 3
MOST_MEMORY = 64 * 1024 * 1024
AT_ONCE, MOST_WAITING = 2, 16


def check(password: str) -> str:
    """The password, if it may be one. Refused (422) otherwise."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refused(422, "wrong_password_length", f"A password has {SHORTEST} to {LONGEST} characters.")
    if len(set(password)) < 5:  # noqa: PLR2004  aaaaaaaaaa
        raise Refused(422, "weak_password", "This password is too easy to guess. Please choose another.")
    return password


class Passwords:
    """Makes and compares them in its own threads, and refuses when too many wait."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, "password")
        self._waiting = 0
        # What the password of somebody unknown is compared with, so that it takes as long.
        self._nobodys = _kept(secrets.token_bytes(16), secrets.token_bytes(32))

    async def make(self, password: str) -> str:
        """What is kept of it."""
        return await self._run(lambda: hashed(check(password)))

    async def fits(self, password: str, kept: str | None) -> bool:
        """Whether it is the one that is kept. Takes as long when none is."""
        return await self._run(lambda: matches(password, kept or self._nobodys)) and kept is not None

    def close(self) -> None:
        """Idempotent."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Refused(503, "busy", "Too many people are signing in. Please try again in a moment.", wait_s=3)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def hashed(password: str) -> str:
    """With a new salt."""
    salt = secrets.token_bytes(16)
    return _kept(salt, _scrypt(password, salt, COST, BLOCK, PARALLEL))


def matches(password: str, kept: str) -> bool:
    """Whether it is that one."""
    kind, cost, block, parallel, salt, wanted = kept.split("$")
    assert kind == "scrypt"
    found = _scrypt(password, b64decode(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(found, b64decode(wanted))


def _kept(salt: bytes, found: bytes) -> str:
    return f"scrypt${COST}${BLOCK}${PARALLEL}${b64encode(salt).decode()}${b64encode(found).decode()}"


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=2**cost, r=block, p=parallel, maxmem=MOST_MEMORY, dklen=32
    )  # fmt: skip
