"""What a request says, read without trust: Refused (400) for what is not as it must be."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from edge.relay.refused import Refused

LONGEST = 4096  # characters of a text


def wrong(message: str) -> Refused:
    """For a request that nobody's page sends."""
    return Refused(400, "wrong_request", message)


async def told(request: Request) -> dict[str, Any]:
    """The object of JSON in the body; {} for an empty body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if not body:
        return {}
    if kind != "application/json":
        raise wrong("The content must be application/json.")
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # beside JSONDecodeError: bytes that are no text, nesting without end
        raise wrong("The content is not JSON.") from None
    if not isinstance(found, dict):
        raise wrong("The content must be an object.")
    return found


def text(given: dict[str, Any], key: str, most: int = LONGEST, least: int = 1) -> str:
    """A text that must be there."""
    found = given.get(key)
    if not isinstance(found, str) or not least <= len(found) <= most or not found.isprintable():
        raise wrong(f"{key} must be a text of {least} to {most} characters.")
    return found


def optional(given: dict[str, Any], key: str, most: int = LONGEST) -> str | None:
    """A text that may be left out."""
    return text(given, key, most) if given.get(key) is not None else None


def number(request: Request, key: str, usual: int, most: int) -> int:
    """Of the query: a whole number from 1 to `most`."""
    found = request.query_params.get(key, str(usual))
    if not (found.isascii() and found.isdecimal() and len(found) < 20 and 1 <= int(found) <= most):  # noqa: PLR2004  digits
        raise wrong(f"{key} must be a whole number from 1 to {most}.")
    return int(found)


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON
