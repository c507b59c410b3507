"""Codes that are good once: a set-up or invite link, a pairing or enrolment code, a ticket, a passkey's challenge.

These are functions of a connection, for `Store.run`; `kind` keeps one use from another.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

READABLE = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0 O 1 I L: it is read aloud and typed


@dataclass(frozen=True, slots=True)
class Code:
    """What the one who made it wrote down: whom or what it is about, and anything else."""

    subject: str
    data: Mapping[str, Any]


def digest(secret: str) -> str:
    """What is kept of a secret: it has enough chance in it that no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def long() -> str:
    """For a link: 192 bits."""
    return secrets.token_urlsafe(24)


def short(characters: int = 8) -> str:
    """To be typed by a person, within minutes and a few attempts: 39.6 bits with eight characters."""
    return "".join(secrets.choice(READABLE) for _ in range(characters))


def typed(text: str) -> str:
    """A short code as a person typed it: small letters, blanks and dashes are meant well."""
    return "".join(c for c in text.upper() if c in READABLE)


def make(  # noqa: PLR0913  a row
    db: sqlite3.Connection, kind: str, code: str, *, now: float, seconds: float, subject: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Let `code` be good for `seconds`. What has run out is cleared away."""
    db.execute("DELETE FROM codes WHERE expires < ?", (now,))
    db.execute(
        "INSERT INTO codes (hash, kind, subject, data, created, expires) VALUES (?, ?, ?, ?, ?, ?)",
        (digest(f"{kind} {code}"), kind, subject, json.dumps(dict(data or {})), now, now + seconds),
    )


def take(db: sqlite3.Connection, kind: str, code: str, *, now: float) -> Code | None:
    """Use it up; None if it was never made, has run out or was used."""
    row = db.execute(
        "UPDATE codes SET used = ? WHERE hash = ? AND kind = ? AND used IS NULL AND expires >= ? "
        "RETURNING subject, data",
        (now, digest(f"{kind} {code}"), kind, now),
    ).fetchone()
    return Code(row["subject"], json.loads(row["data"])) if row is not None else None


def peek(db: sqlite3.Connection, kind: str, code: str, *, now: float) -> Code | None:
    """What it is about, without using it up."""
    row = db.execute(
        "SELECT subject, data FROM codes WHERE hash = ? AND kind = ? AND used IS NULL AND expires >= ?",
        (digest(f"{kind} {code}"), kind, now),
    ).fetchone()
    return Code(row["subject"], json.loads(row["data"])) if row is not None else None


def drop(db: sqlite3.Connection, kind: str, subject: str | None = None) -> None:
    """Let those that are open be good no more."""
    if subject is None:
        db.execute("DELETE FROM codes WHERE kind = ?", (kind,))
    else:
        db.execute("DELETE FROM codes WHERE kind = ? AND subject = ?", (kind, subject))
