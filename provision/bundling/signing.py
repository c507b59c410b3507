"""Signing, by the minisign program: on the operator's machine, with a key that never goes to a device."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from .errors import BundleError

SIGN_S = 300  # a person may be typing the key's password


def sign(data: bytes, key: Path | None, comment: str) -> bytes:
    """The .minisig of `data`; empty without a key. The comment is signed too, and always the same for the same data."""
    if key is None:
        return b""
    if shutil.which("minisign") is None:
        raise BundleError("minisign is missing: apt-get install minisign")
    with tempfile.TemporaryDirectory() as name:
        message, signed = Path(name) / "message", Path(name) / "signed"
        message.write_bytes(data)
        words = ("minisign", "-S", "-s", key, "-m", message, "-x", signed, "-t", comment, "-c", "edge-voice")
        try:
            done = subprocess.run(words, stdout=subprocess.DEVNULL, timeout=SIGN_S, check=False)
        except subprocess.TimeoutExpired:
            raise BundleError("minisign did not end; is it waiting for a password?") from None
        if done.returncode or not signed.exists():
            raise BundleError(f"minisign could not sign with {key}.")
        return signed.read_bytes()
