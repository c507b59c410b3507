"""Sums against Python's own fractions; bounds; how a result is said."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.local.understanding.arithmetic import answer
from edge.agents.local.understanding.calculator import BY_ZERO, NO_ROOT, TOO_BIG, say_value
from edge.agents.local.understanding.numerals import read_number, say_number

NUMBERS = st.one_of(
    st.integers(0, 10**9).map(str), st.decimals(0, 10**6, places=2).map(str), st.integers(0, 99).map(say_number)
)
SIGNS = st.sampled_from([("plus", "+"), ("minus", "-"), ("times", "*"), ("divided by", "/"), ("x", "*"), ("*", "*")])


def value_of(number: str) -> Fraction:
    found = read_number(tuple(number.replace("-", " ").split()), 0)
    assert found
    return found[0]


@given(NUMBERS, st.lists(st.tuples(SIGNS, NUMBERS), min_size=1, max_size=5))
def test_agrees_with_fractions(first, rest):
    said = " ".join([first, *(f"{sign} {number}" for (sign, _), number in rest)]).replace("-", " ")
    numbers = {f"n{index}": value_of(number) for index, number in enumerate([first, *(number for _, number in rest)])}
    code = "n0" + "".join(f" {sign} n{index}" for index, ((_, sign), _) in enumerate(rest, start=1))
    try:
        expected = f"That's {say_value(eval(code, {}, numbers))}."
    except ZeroDivisionError:
        expected = BY_ZERO
    assert answer(said) == expected


@given(st.integers(-(10**14), 10**14))
def test_whole_numbers_are_said_exactly(number):
    assert int(say_value(Fraction(number)).replace("minus ", "-").replace(",", "")) == number


@given(st.fractions(min_value=-(10**9), max_value=10**9))
def test_what_is_said_is_near_the_value(value):
    said = say_value(value).removeprefix("about ").replace("minus ", "-").replace(",", "")
    mantissa, _, power = said.partition(" times 10 to the power of ")
    near = Fraction(mantissa) * Fraction(10) ** int(power or 0)
    assert abs(near - value) <= max(abs(value) / 100, Fraction(0))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Fraction(132), "132"),
        (Fraction(10, 3), "about 3.33"),
        (Fraction(1, 8), "0.125"),
        (Fraction(-2001, 2), "minus 1,000.5"),
        (Fraction(1, 300), "about 0.00333"),
        (Fraction(2999, 1000) + Fraction(1, 10**9), "about 3"),
        (Fraction(2) ** 100, "about 1.27 times 10 to the power of 30"),
        (Fraction(1, 10**9), "about 1 times 10 to the power of minus 9"),
        (Fraction(0), "0"),
    ],
)
def test_how_a_value_is_said(value, said):
    assert say_value(value) == said


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        ("10 divided by 0", BY_ZERO),
        ("what is 5 mod 0", BY_ZERO),
        ("what is 0 to the power of minus 1", BY_ZERO),
        ("square root of minus 4", NO_ROOT),
        ("what is minus 8 to the power of ( 1 / 4 )", "That's minus 1.68."),
        ("9 to the power of 9 to the power of 9", TOO_BIG),
        ("10 to the power of 1000000", TOO_BIG),
        ("1 to the power of 1000000", "That's 1."),
        ("0 to the power of 0", "That's 1."),
        ("what is 5000 factorial", TOO_BIG),
        ("what is 2.5 factorial", "Only whole numbers have a factorial."),
        ("cube root of 27", "That's 3."),
        ("cube root of minus 8", "That's minus 2."),
        ("square root of 2.25", "That's 1.5."),
        ("what is 4 to the power of 0.5", "That's 2."),
        ("what is 2 to the power of 1.5", "That's about 2.83."),
        ("2 plus 3 times 4", "That's 14."),
        ("minus 3 squared plus 10", "That's 1."),
        ("80 plus 50 percent of 20", "That's 90."),
        ("200 minus 25 percent", "That's 150."),
    ],
)
def test_edges(asked, reply):
    given = answer(asked)
    assert given == reply or (given or "").replace("about ", "") == reply


@pytest.mark.parametrize(
    "text", ["5 plus", "plus 5", "5 5", "( 5 plus 5", "5 plus 5 )", "5 percent", "what is 5", "of 5"]
)
def test_half_a_sum_is_none(text):
    assert answer(text) is None


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("two hundred and five", 205),
        ("nineteen hundred", 1900),
        ("a hundred", 100),
        ("one million two hundred thousand and three", 1_200_003),
        ("1.5 million", 1_500_000),
        ("3 thousand 200", 3200),
        ("seven billion", 7 * 10**9),
        ("three point one four", Fraction(314, 100)),
        ("point five", Fraction(1, 2)),
        ("three and a half", Fraction(7, 2)),
        ("two and three quarters", Fraction(11, 4)),
        ("ninety nine", 99),
    ],
)
def test_numbers_in_words(words, value):
    tokens = tuple(words.split())
    assert read_number(tokens, 0) == (value, len(tokens))


@pytest.mark.parametrize(("words", "value", "used"), [("five twenty", 5, 1), ("two and three", 2, 1), ("six a", 6, 1)])
def test_a_number_ends_where_another_begins(words, value, used):
    assert read_number(tuple(words.split()), 0) == (value, used)


@given(st.integers(0, 99))
def test_small_numbers_are_read_as_they_are_said(number):
    assert value_of(say_number(number)) == number
