"""How a device proves who it is: a signature over a nonce that is used once, and over the name that it has dialled.

Another relay to which the device also speaks cannot pass a challenge on: the device would sign that relay's name.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from contextlib import suppress

PREFIX = "edge-voice link v1"
ID_CHARACTERS = 20  # of 32 signs each: 100 bits


def nonce() -> str:
    """256 bits."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def signed_text(host: str, challenge: str) -> bytes:
    """What the device signs; `host` as in its Host header, in small letters."""
    return f"{PREFIX}\n{host.lower()}\n{challenge}".encode()


def id_of(public_key: bytes) -> str:
    """Of the device whose key this is."""
    return base64.b32encode(hashlib.sha256(public_key).digest()).decode()[:ID_CHARACTERS]


def decoded(text: object, size: int) -> bytes | None:
    """So many bytes of base64; None for anything else."""
    if isinstance(text, str) and len(text) <= 2 * size:
        with suppress(ValueError):
            found = base64.b64decode(text, validate=True)
            return found if len(found) == size else None
    return None


def is_signed(public_key: bytes, signature: object, text: bytes) -> bool:
    """Whether the holder of the key has signed this text (Ed25519)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    given = decoded(signature, 64)
    if given is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(given, text)
    except (InvalidSignature, ValueError):
        return False
    return True
