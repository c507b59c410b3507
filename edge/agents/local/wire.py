"""Messages between the daemon and the offline engine's worker: a JSON head and a binary body."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable

Message = tuple[dict[str, object], bytes]

_SIZES = struct.Struct(">II")
MOST_HEAD = 1 << 20
MOST_BODY = 64 << 20  # half an hour of 16 kHz audio


class WireError(Exception):
    """The other side has sent something that is no message."""


def pack(head: dict[str, object], body: bytes = b"") -> bytes:
    """One message as bytes."""
    text = json.dumps(head, ensure_ascii=False).encode()
    return _SIZES.pack(len(text), len(body)) + text + body


def sizes(prefix: bytes) -> tuple[int, int]:
    """Lengths of head and body from the first eight bytes; raises WireError when they are absurd."""
    head, body = _SIZES.unpack(prefix)
    if head > MOST_HEAD or body > MOST_BODY:
        raise WireError(f"a message of {head} + {body} bytes")
    return head, body


def unpack(head: bytes, body: bytes) -> Message:
    """The message whose parts these are."""
    parsed = json.loads(head)
    if not isinstance(parsed, dict):
        raise WireError("the head is no object")
    return parsed, body


def read(read_exactly: Callable[[int], bytes]) -> Message | None:
    """The next message from a blocking reader; None at its end."""
    prefix = read_exactly(_SIZES.size)
    if len(prefix) < _SIZES.size:
        return None
    head, body = sizes(prefix)
    return unpack(read_exactly(head), read_exactly(body))


PREFIX = _SIZES.size
