"""Signatures in minisign's format, checked by openssl: no arithmetic of our own.

The signature is Ed25519 over the BLAKE2b of the file (minisign's prehashed kind, the only one that it makes since
version 0.8), and a second one over the first and the trusted comment.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import Refused

OPENSSL = "/usr/bin/openssl"
OPENSSL_S = 20
DER = bytes.fromhex("302a300506032b6570032100")  # what stands before an Ed25519 key in its DER form, RFC 8410
ID, KEY, SIGNATURE = 8, 32, 64
LINES = 4
MOST_KEYS = 8


@dataclass(frozen=True)
class PublicKey:
    """A minisign public key."""

    number: bytes
    key: bytes


@dataclass(frozen=True)
class Signature:
    """A minisign signature file."""

    number: bytes
    signature: bytes
    comment: bytes
    over_comment: bytes


def public_key(text: str) -> PublicKey:
    """Read a .pub file; raises ValueError."""
    data = _decoded(text.strip().splitlines()[-1] if text.strip() else "")
    if data[:2] != b"Ed" or len(data) != 2 + ID + KEY:
        raise ValueError("not a minisign public key")
    return PublicKey(data[2 : 2 + ID], data[2 + ID :])


def signature(text: bytes) -> Signature:
    """Read a .minisig file; raises ValueError."""
    lines = text.removesuffix(b"\n").split(b"\n")
    prefix = b"trusted comment: "
    if len(lines) != LINES or not lines[2].startswith(prefix):
        raise ValueError("not a minisign signature")
    first, second = _decoded(lines[1]), _decoded(lines[3])
    if first[:2] != b"ED" or len(first) != 2 + ID + SIGNATURE or len(second) != SIGNATURE:
        raise ValueError("not a prehashed minisign signature")
    return Signature(first[2 : 2 + ID], first[2 + ID :], lines[2].removeprefix(prefix), second)


def _decoded(line: str | bytes) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def load_keys(folder: Path) -> tuple[PublicKey, ...]:
    """All public keys of a device; raises Refused without any."""
    paths = sorted(folder.glob("*.pub"))[:MOST_KEYS]
    if not paths:
        raise Refused(f"There is no public key in {folder}: nothing can be checked, so nothing is installed.")
    try:
        return tuple(public_key(path.read_text()) for path in paths)
    except (OSError, ValueError) as error:
        raise Refused(f"A key in {folder} cannot be read: {error}.") from None


def verify(data: bytes, signed: bytes, keys: tuple[PublicKey, ...]) -> None:
    """Raises Refused unless one of the keys has signed `data`."""
    try:
        sealed = signature(signed)
    except ValueError as error:
        raise Refused(f"The signature cannot be read: {error}.") from None
    key = next((key for key in keys if key.number == sealed.number), None)
    if key is None:
        raise Refused("It is signed with a key that this device does not know.")
    digest = hashlib.blake2b(data).digest()
    if not _holds(key, digest, sealed.signature) or not _holds(
        key, sealed.signature + sealed.comment, sealed.over_comment
    ):
        raise Refused("The signature does not hold: it was changed after it was signed.")


def _holds(key: PublicKey, message: bytes, signed: bytes) -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in (("key", DER + key.key), ("message", message), ("signature", signed)):
            (folder / file).write_bytes(content)
        words = (
            OPENSSL, "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", folder / "key", "-rawin",
            "-in", folder / "message", "-sigfile", folder / "signature",
        )  # fmt: skip
        try:
            done = subprocess.run(words, capture_output=True, timeout=OPENSSL_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Refused(f"Signatures cannot be checked ({error}): apt-get install openssl.") from None
    return done.returncode == 0
