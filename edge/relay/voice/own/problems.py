"""What is wrong with a client's event, in the vendor's codes and much of its wording. Pure."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
MOST_SHOWN = 100


class Wrong(Exception):
    """An event that is refused; the session goes on."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        self.code, self.param = code, param
        super().__init__(message)


def missing(param: str) -> Wrong:
    """A key that is needed."""
    return Wrong("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def invalid(param: str, wanted: str) -> Wrong:
    """A value that is none."""
    return Wrong("invalid_type", f"Invalid type for '{param}': expected {wanted}.", param)


def unsupported(param: str, value: object, supported: tuple[str, ...]) -> Wrong:
    """One of several words, and not one of them."""
    names = ", ".join(f"'{name}'" for name in supported)
    shown = str(value)[:MOST_SHOWN]
    return Wrong("invalid_value", f"Invalid value: '{shown}'. Supported values are: {names}.", param)


def unknown(param: str) -> Wrong:
    """A key that nobody knows."""
    shown = param[:MOST_SHOWN]
    return Wrong("unknown_parameter", f"Unknown parameter: '{shown}'.", shown)


def text(body: Json, key: str, where: str = "") -> str:
    """A string that must be there."""
    if body.get(key) is None:
        raise missing(f"{where}{key}")
    if not isinstance(body[key], str):
        raise invalid(f"{where}{key}", "a string")
    return str(body[key])


def table(body: Json, key: str, where: str = "") -> Json:
    """An object that must be there."""
    if body.get(key) is None:
        raise missing(f"{where}{key}")
    if not isinstance(body[key], dict):
        raise invalid(f"{where}{key}", "an object")
    return dict(body[key])


def whole(body: Json, key: str, least: int = 0) -> int:
    """A number that must be there."""
    value = body.get(key)
    if value is None:
        raise missing(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(key, "an integer")
    if value < least:
        low = f"integer below minimum value. Expected a value >= {least}"
        raise Wrong("integer_below_min_value", f"Invalid '{key}': {low}, but got {value} instead.", key)
    return value
