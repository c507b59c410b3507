"""Exact arithmetic on fractions with a bound on every number, and results put the way a person would say them."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Literal

Lexeme = Fraction | Literal[
    "+", "-", "minus", "*", "/", "div", "mod", "%of", "%", "of", "sq", "cube", "^", "sqrt", "cbrt", "(", ")", "!"
]  # fmt: skip

_MAX_BITS = 10_000  # some 3,000 digits: far beyond what can be spoken, and a product of two still takes microseconds
_MAX_DEPTH = 16
_MAX_FACTORIAL = 1000
_ROOT_DIGITS = 10**40
_HUGE = Fraction(10**15)
_TINY = Fraction(1, 10**6)
_PLACES = 10**4
TOO_BIG = "That number is too big for me."
BY_ZERO = "You can't divide by zero."
NO_ROOT = "A negative number has no real root."


class UnanswerableError(Exception):
    """The sum is well formed but has no result that can be given; str() is what to say."""


def evaluate(lexemes: list[Lexeme]) -> tuple[Fraction, bool]:
    """Give the value and whether it is exact; raise UnanswerableError, or SyntaxError when it is no sum."""
    parser = _Parser(lexemes)
    value = parser.sum()
    if parser.at != len(lexemes):
        raise SyntaxError
    return value, parser.exact


def say_value(value: Fraction, exact: bool = True) -> str:
    """Give the number as spoken text: "132", "about 3.33", "minus 1,000.5", "about 1.2 times 10 to the power of 30"."""
    sign, size = "minus " if value < 0 else "", abs(value)
    if size and not _TINY <= size < _HUGE:
        mantissa, power = f"{Decimal(size.numerator) / Decimal(size.denominator):.2e}".split("e")
        return f"about {sign}{_plain(mantissa)} times 10 to the power of {power.replace('-', 'minus ').lstrip('+')}"
    if exact and (size * _PLACES).denominator == 1:
        return sign + _plain(f"{Decimal(size.numerator) / size.denominator:,f}")
    places = 2 if size >= 1 else 2 - math.floor(math.log10(size))
    return f"about {sign}{_plain(f'{Decimal(size.numerator) / size.denominator:,.{places}f}')}"


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


class _Parser:
    """Recursive descent, loosest first: sum, product, "of", sign, power, then what stands behind a number."""

    def __init__(self, lexemes: list[Lexeme]) -> None:
        self.lexemes = lexemes
        self.at = 0
        self.depth = 0
        self.exact = True

    def sum(self) -> Fraction:
        value = self.product()
        while sign := self.take("+", "-", "minus"):
            share = self.share()
            other = value * share if share is not None else self.product()
            value = _bounded(value + other if sign == "+" else value - other)
        return value

    def share(self) -> Fraction | None:
        """Read the 10% of "200 plus 10 percent", which everyone means as 10% of the 200."""
        number, sign, after = (*self.lexemes[self.at : self.at + 3], None, None, None)[:3]
        if not isinstance(number, Fraction) or sign != "%" or after not in {None, "+", "-", "minus", ")"}:
            return None
        self.at += 2
        return number / 100

    def product(self) -> Fraction:
        value = self.portion()
        while sign := self.take("*", "/", "div", "mod"):
            other = self.portion()
            if sign != "*" and other == 0:
                raise UnanswerableError(BY_ZERO)
            value = _bounded(value * other if sign == "*" else value % other if sign == "mod" else value / other)
        return value

    def portion(self) -> Fraction:
        value = self.signed()
        while sign := self.take("%of", "of"):
            value = _bounded(value * self.signed() / (100 if sign == "%of" else 1))
        return value

    def signed(self) -> Fraction:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise SyntaxError
        value = -self.signed() if self.take("-", "minus") else self.root()
        self.depth -= 1
        return value

    def root(self) -> Fraction:
        if sign := self.take("sqrt", "cbrt"):
            return self.rooted(self.signed(), 2 if sign == "sqrt" else 3)
        return self.power()

    def power(self) -> Fraction:
        value = self.postfix()
        return self.raised(value, self.signed()) if self.take("^") else value

    def postfix(self) -> Fraction:
        value = self.atom()
        while sign := self.take("sq", "cube", "%", "!"):
            match sign:
                case "%":
                    value /= 100
                case "!":
                    value = _factorial(value)
                case _:
                    value = self.raised(value, Fraction(2 if sign == "sq" else 3))
        return value

    def atom(self) -> Fraction:
        if self.take("("):
            value = self.sum()
            if not self.take(")"):
                raise SyntaxError
            return value
        lexeme = self.lexemes[self.at] if self.at < len(self.lexemes) else None
        if not isinstance(lexeme, Fraction):
            raise SyntaxError  # noqa: TRY004  (the sum is wrong, not the caller)
        self.at += 1
        return lexeme

    def take(self, *signs: Lexeme) -> Lexeme | None:
        lexeme = self.lexemes[self.at] if self.at < len(self.lexemes) else None
        if lexeme is None or isinstance(lexeme, Fraction) or lexeme not in signs:
            return None
        self.at += 1
        return lexeme

    def raised(self, base: Fraction, power: Fraction) -> Fraction:
        if base == 0 and power < 0:
            raise UnanswerableError(BY_ZERO)
        if power.denominator != 1:
            return self.approximate_power(base, power)
        if _bits(base) * abs(power) > _MAX_BITS and abs(base) not in {0, 1}:
            raise UnanswerableError(TOO_BIG)
        # the exponent of 1 and 0 is not bounded by the bits: only its parity matters
        return base ** int(power % 2 + 2 * (power != 0) if abs(base) in {0, 1} else power)

    def approximate_power(self, base: Fraction, power: Fraction) -> Fraction:
        if base < 0:
            raise UnanswerableError(NO_ROOT)
        if power in {Fraction(1, 2), Fraction(1, 3)}:
            return self.rooted(base, power.denominator)
        self.exact = False
        try:
            return Fraction(float(base) ** float(power))
        except OverflowError:
            raise UnanswerableError(TOO_BIG) from None

    def rooted(self, value: Fraction, degree: int) -> Fraction:
        """Exact when there is an exact root, else right to 40 digits."""
        if value < 0 and degree == 2:  # noqa: PLR2004  (a square root)
            raise UnanswerableError(NO_ROOT)
        size = abs(value)
        root = Fraction(_whole_root(size.numerator, degree), _whole_root(size.denominator, degree))
        if root**degree != size:
            self.exact = False
            scaled = size.numerator * size.denominator ** (degree - 1) * _ROOT_DIGITS**degree
            root = Fraction(_whole_root(scaled, degree), size.denominator * _ROOT_DIGITS)
        return -root if value < 0 else root


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _bounded(value: Fraction) -> Fraction:
    if _bits(value) > _MAX_BITS:
        raise UnanswerableError(TOO_BIG)
    return value


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise UnanswerableError("Only whole numbers have a factorial.")
    if value > _MAX_FACTORIAL:
        raise UnanswerableError(TOO_BIG)
    return _bounded(Fraction(math.factorial(int(value))))


def _whole_root(value: int, degree: int) -> int:
    """Give the floor of the root, by Newton's method from above."""
    if degree == 2 or value < 2:  # noqa: PLR2004  (math has the square root)
        return math.isqrt(value)
    guess = 1 << -(-value.bit_length() // degree)
    while (better := ((degree - 1) * guess + value // guess ** (degree - 1)) // degree) < guess:
        guess = better
    return guess
