"""Lengths of time, heard and said: "an hour and a half", "90 seconds", "two hours and five minutes"."""

from fractions import Fraction

from edge.agents.local.understanding.numerals import Found, Tokens, is_whole, read_number, read_part, say_number

_UNITS = {
    **dict.fromkeys(("second", "seconds", "sec", "secs"), 1),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), 60),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), 3600),
    **dict.fromkeys(("day", "days"), 86400),
    **dict.fromkeys(("week", "weeks"), 604800),
}
_SMALLER = {3600: 60, 60: 1}
_SAID = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def read_duration(tokens: Tokens, at: int) -> Found | None:
    """Read the longest duration in seconds that begins at `at`; its units fall from part to part."""
    first = _read_span(tokens, at)
    if first is None:
        return None
    total, end = first
    unit = _UNITS.get(tokens[end - 1], 1)  # "an hour and a half" takes nothing more
    while (after := _next_span(tokens, end)) and _UNITS.get(tokens[after[1] - 1], unit) < unit:
        total, end = total + after[0], after[1]
        unit = _UNITS[tokens[end - 1]]
    return _bare_tail(tokens, total, end, _SMALLER.get(unit))


def read_clock(tokens: Tokens, at: int) -> Found | None:
    """Read "1:30" as minutes and seconds and "1:30:00" as hours, minutes and seconds."""
    parts, end = [], at
    while end < len(tokens) and is_whole(tokens[end]):
        parts.append(int(tokens[end]))
        if tokens[end + 1 : end + 2] != (":",) or len(parts) == 3:  # noqa: PLR2004  (hours, minutes, seconds)
            break
        end += 2
    seconds = sum(value * 60**power for power, value in enumerate(reversed(parts)))
    return (Fraction(seconds), end + 1) if len(parts) > 1 and end < len(tokens) else None


def say_duration(seconds: int) -> str:
    """Two units at most, in words: "ten minutes", "one hour and thirty minutes"."""
    parts = []
    for size, name in _SAID:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{say_number(count)} {name}{'' if count == 1 else 's'}")
    return " and ".join(parts[:2]) or "zero seconds"


def _next_span(tokens: Tokens, at: int) -> Found | None:
    return _read_span(tokens, at + 1 if tokens[at : at + 1] == ("and",) else at)


def _read_span(tokens: Tokens, at: int) -> Found | None:
    """Read one quantity with its unit, in any of the orders in which a half can stand."""
    quantity = _read_quantity(tokens, at)
    if quantity is None:
        return None
    value, end = quantity
    unit = _UNITS.get(tokens[end]) if end < len(tokens) else None
    if unit is None:
        return None
    part = read_part(tokens, end + 2) if tokens[end + 1 : end + 2] == ("and",) and value.denominator == 1 else None
    if part and part[0] < 1 and (part[1] == len(tokens) or tokens[part[1]] not in {*_UNITS, "a", "an"}):
        return (value + part[0]) * unit, part[1]
    return value * unit, end + 1


def _read_quantity(tokens: Tokens, at: int) -> Found | None:
    head = tokens[at : at + 2]
    if head[:1] == ("couple",) or head[:2] == ("a", "couple"):
        end = at + (2 if head[0] == "a" else 1)
        return Fraction(2), end + (tokens[end : end + 1] == ("of",))
    part = (Fraction(1, 4), at + 1) if head[:1] == ("quarter",) else read_part(tokens, at)
    if part:
        return part[0], _skip(tokens, _skip(tokens, part[1], {"of"}), {"a", "an"})
    number = read_number(tokens, at)
    if number is None and head[:1] in {("a",), ("an",)}:
        return Fraction(1), at + 1
    return number


def _skip(tokens: Tokens, at: int, skipped: set[str]) -> int:
    return at + 1 if at < len(tokens) and tokens[at] in skipped else at


def _bare_tail(tokens: Tokens, total: Fraction, end: int, unit: int | None) -> Found:
    """Add the bare number of "an hour and thirty" and "five minutes thirty"."""
    number = read_number(tokens, _skip(tokens, end, {"and"})) if unit else None
    closes = number is not None and (number[1] == len(tokens) or tokens[number[1]] == "timer")
    if unit is None or number is None or not closes or number[0] >= 60:  # noqa: PLR2004  (minutes of an hour)
        return total, end
    return total + number[0] * unit, number[1]
