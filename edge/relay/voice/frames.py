"""What kind of event a frame holds, without reading the whole of it where that can be told. Pure.

Audio is nearly all that passes, 25 frames a second each way. A frame of the client counts as audio only when nothing
else can be hidden in it; everything else is parsed.
"""

from __future__ import annotations

import json
import re
from typing import Any

Json = dict[str, Any]

HEAD = 200  # characters in which a server's event tells its type
_APPEND = re.compile(
    r'\s*\{\s*"type"\s*:\s*"input_audio_buffer\.append"\s*,\s*'
    r'(?:"event_id"\s*:\s*"[A-Za-z0-9_-]{0,512}"\s*,\s*)?"audio"\s*:\s*"'
)
_AFTER = re.compile(r'"\s*(?:,\s*"event_id"\s*:\s*"[A-Za-z0-9_-]{0,512}"\s*)?\}\s*\Z')
_TYPE = re.compile(r'"type"\s*:\s*"([A-Za-z0-9_.]{1,80})"')
LONGEST_TAIL = 600


def is_audio(frame: str) -> bool:
    """Whether a client's frame is an input_audio_buffer.append with its audio, and nothing beside.

    The audio's text ends at the first quotation mark: one that was written as an escape leaves a tail that fits not.
    """
    head = _APPEND.match(frame)
    if head is None:
        return False
    end = frame.find('"', head.end())
    return end >= 0 and len(frame) - end <= LONGEST_TAIL and _AFTER.match(frame, end) is not None


def kind_of(frame: str) -> str | None:
    """The type of a server's event if it is told at the beginning; None if the frame must be read to know."""
    if not frame.startswith('{"'):
        return None
    found = _TYPE.search(frame, 0, HEAD)
    # an inner object's type must not be taken for the event's: {"item":{"type":...
    if found is None or "{" in frame[1 : found.start()]:
        return None
    return found.group(1)


def parsed(frame: str) -> Json | None:
    """The event in a frame, None if it is none. No duplicate key passes: readers differ about which one counts."""
    try:
        event = json.loads(frame, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else None


def written(event: Json) -> str:
    """The frame of an event."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _refuse(constant: str) -> float:
    raise ValueError(constant)
