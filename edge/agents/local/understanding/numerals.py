"""Numbers as people say them and Whisper writes them: "1.5 million", "two hundred and five", "three and a half"."""

from fractions import Fraction

Tokens = tuple[str, ...]
Found = tuple[Fraction, int]  # a value, and the index of the first token after it

_SMALL_NAMES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS_NAMES = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {name: value for value, name in enumerate(_SMALL_NAMES)}
_TENS = {name: value * 10 for value, name in enumerate(_TENS_NAMES, start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_HUNDRED = 100
_PARTS = {
    **dict.fromkeys(("half", "halves"), 2),
    **dict.fromkeys(("third", "thirds"), 3),
    **dict.fromkeys(("quarter", "quarters", "fourth", "fourths"), 4),
    **dict.fromkeys(("fifth", "fifths"), 5),
    **dict.fromkeys(("eighth", "eighths"), 8),
    **dict.fromkeys(("tenth", "tenths"), 10),
}


def read_number(tokens: Tokens, at: int) -> Found | None:
    """Read the longest number that begins at `at`, "and a half" included."""
    found = _read_whole(tokens, at)
    if found is None:
        return None
    value, end = found
    part = read_part(tokens, end + 1) if tokens[end : end + 1] == ("and",) and value.denominator == 1 else None
    # "two and three" is two numbers; "two and a half" and "two and three quarters" are one
    return (value + part[0], part[1]) if part and part[0] < 1 else found


def read_part(tokens: Tokens, at: int) -> Found | None:
    """Read "half", "a third", "two thirds", "three quarters"."""
    if _word(tokens, at) == "half":
        return Fraction(1, 2), at + 1
    count = 1 if _word(tokens, at) in {"a", "one"} else _small_count(_word(tokens, at))
    size = _PARTS.get(_word(tokens, at + 1))
    return (Fraction(count, size), at + 2) if count and size else None


def say_number(value: int) -> str:
    """Words below a hundred, digits from there on: what is said is also shown on a page."""
    if not 0 <= value < _HUNDRED:
        return f"{value:,}"
    if value < len(_SMALL_NAMES):
        return _SMALL_NAMES[value]
    tens, rest = divmod(value, 10)
    return _TENS_NAMES[tens - 2] + (f"-{_SMALL_NAMES[rest]}" if rest else "")


def _word(tokens: Tokens, at: int) -> str:
    return tokens[at] if at < len(tokens) else ""


def is_whole(token: str) -> bool:
    """Tell whether the token is written in plain digits; str.isdigit alone would also take superscripts."""
    return token.isascii() and token.isdigit()


def _small_count(token: str) -> int:
    return int(token) if is_whole(token) and len(token) < 3 else _SMALL.get(token, 0)  # noqa: PLR2004  (at most 99)


def _read_whole(tokens: Tokens, at: int) -> Found | None:
    """Read groups below a thousand, each with its scale, the scales falling: "two million three hundred"."""
    total, limit, end = Fraction(0), 10**15, at
    while (group := _read_group(tokens, _skip_and(tokens, end, at), first=end == at)) and group[0] < limit:
        value, after = group
        scale = _SCALES.get(_word(tokens, after), 1)
        # "five twenty" is two numbers: only a scale may be followed by another group
        if scale >= limit or (end > at and tokens[end - 1] not in _SCALES and tokens[end - 1] != "hundred"):
            break
        total, limit = total + value * scale, scale
        end = after + (scale > 1)
        if scale == 1:
            break
    return (total, end) if end > at else None


def _skip_and(tokens: Tokens, at: int, start: int) -> int:
    return at + 1 if at > start and _word(tokens, at) == "and" else at


def _read_group(tokens: Tokens, at: int, *, first: bool) -> Found | None:
    """Read what may stand before a scale: digits, a decimal, "a", or words below a thousand (or "fifteen hundred")."""
    head = _word(tokens, at)
    if first and head == "a" and (_word(tokens, at + 1) in _SCALES or _word(tokens, at + 1) == "hundred"):
        return _hundreds(tokens, Fraction(1), at + 1)
    if head and head[-1] in "0123456789":
        return _hundreds(tokens, *_decimal(tokens, Fraction(head), at + 1))
    if head == "point":
        value, end = _decimal(tokens, Fraction(0), at)
        return (value, end) if end > at else None
    found = _below_hundred(tokens, at)
    return _hundreds(tokens, *_decimal(tokens, *found)) if found else None


def _below_hundred(tokens: Tokens, at: int) -> Found | None:
    head = _word(tokens, at)
    if head in _TENS:
        unit = _SMALL.get(_word(tokens, at + 1), 0)
        return (Fraction(_TENS[head] + unit), at + 2) if 0 < unit < 10 else (Fraction(_TENS[head]), at + 1)  # noqa: PLR2004
    return (Fraction(_SMALL[head]), at + 1) if head in _SMALL else None


def _hundreds(tokens: Tokens, value: Fraction, at: int) -> Found:
    if _word(tokens, at) != "hundred" or value >= _HUNDRED:
        return value, at
    rest = _below_hundred(tokens, _skip_and(tokens, at + 1, at))
    return (value * 100 + rest[0], rest[1]) if rest else (value * 100, at + 1)


def _decimal(tokens: Tokens, value: Fraction, at: int) -> Found:
    """Add "point one four" to a whole number."""
    if _word(tokens, at) != "point" or value.denominator != 1:
        return value, at
    digits, end = "", at + 1
    while (token := _word(tokens, end)) and (is_whole(token) or _SMALL.get(token, 10) < 10):  # noqa: PLR2004
        digits += token if is_whole(token) else str(_SMALL[token])
        end += 1
    return (value + Fraction(int(digits), 10 ** len(digits)), end) if digits else (value, at)
