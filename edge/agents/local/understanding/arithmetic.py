"""Sums asked aloud, worked out exactly: "what's fifteen percent of 80", "two to the power of ten"."""

import re
from collections.abc import Iterator
from fractions import Fraction

from edge.agents.local.understanding.calculator import Lexeme, UnanswerableError, evaluate, say_value
from edge.agents.local.understanding.numerals import Tokens, is_whole, read_number, read_part

_ASKED = re.compile(
    r"(?:(?:tell me|do you know|give me) )?"
    r"(?:what (?:is|are|does|would|will|do you get (?:if|when) (?:you|i))"
    r"|how (?:much|many) (?:is|are|does|do|makes?)|calculate|compute|work out|solve|evaluate|figure out|tell me)"
    r"(?: (?:the )?(?:result|answer|value)(?: of| to)?)?\b ?(?:be )?"
)
_END = re.compile(r"(?: (?:is|are|be|makes?|equals?|is equal to|comes? to|gives?))?(?: (?:what|how much|how many))?$")
_THE = re.compile(r"\bthe (?=(?:square|cube|sum|product|difference|result)\b)")
# "9/11" and the like are names, though they look like sums
_NAMES = {"9 / 11", "9 - 11", "7 / 11", "24 / 7", "50 / 50", "20 / 20"}

_SIGNS: dict[str, Lexeme] = {
    "plus": "+", "+": "+", "added to": "+", "minus": "minus", "-": "-", "negative": "-", "take away": "minus",
    "less": "-", "times": "*", "x": "*", "*": "*", "multiplied by": "*", "divided by": "div", "over": "/", "/": "/",
    "mod": "mod", "modulo": "mod", "percent of": "%of", "percent": "%", "squared": "sq", "cubed": "cube", "^": "^",
    "to the power of": "^", "to the power": "^", "raised to the power of": "^", "raised to": "^", "factorial": "!",
    "square root of": "sqrt", "root of": "sqrt", "cube root of": "cbrt", "(": "(", ")": ")", "open bracket": "(",
    "close bracket": ")", "open parenthesis": "(", "close parenthesis": ")",
}  # fmt: skip
_LONGEST = max(sign.count(" ") for sign in _SIGNS) + 1
_FACTORS = {"double": 2, "twice": 2, "triple": 3}
_POWERS = ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ORDINALS = {name: power for power, name in enumerate(_POWERS, start=2)}
# signs that are at home in ordinary sentences, dates and scores: alone they do not make a sum out of a bare phrase
_WEAK: set[Lexeme] = {"-", "/", "%", "mod", "!", "(", ")"}
_ALONE: set[Lexeme] = {"sq", "cube", "sqrt", "cbrt", "!"}  # these make a sum of a single number
_FORMS = (
    (re.compile(r"add (.+)"), ("and", "to", "plus", "with"), "{0} + {1}"),
    (re.compile(r"multiply (.+)"), ("by", "with", "and", "times"), "( {0} ) * ( {1} )"),
    (re.compile(r"divide (.+)"), ("by",), "( {0} ) / ( {1} )"),
    (re.compile(r"subtract (.+)"), ("from",), "{1} - ( {0} )"),
    (re.compile(r"(.+ percent off .+)"), ("off",), "{1} - {0} of {1}"),
    (re.compile(r"sum of (.+)"), ("and",), "{0} + {1}"),
    (re.compile(r"product of (.+)"), ("and",), "( {0} ) * ( {1} )"),
    (re.compile(r"difference between (.+)"), ("and",), "{0} - ( {1} )"),
)


def answer(phrase: str) -> str | None:
    """Speak the result if the phrase is a sum and nothing else, or say in words why there is none."""
    asked = _ASKED.match(phrase)
    rest = phrase[asked.end() :] if asked else phrase
    ended = _END.sub("", rest, count=1)
    sign_asked = bool(asked) or ended != rest
    sum_ = _THE.sub("", ended)
    if sum_ in _NAMES:
        return None
    for candidate in _readings(sum_):
        lexemes = _lex(tuple(candidate.split()))
        if lexemes and _is_sum(lexemes, asked=sign_asked or candidate != sum_):
            return _work_out(lexemes)
    return None


def _work_out(lexemes: list[Lexeme]) -> str | None:
    try:
        return f"That's {say_value(*evaluate(lexemes))}."
    except UnanswerableError as error:
        return str(error)
    except SyntaxError:
        return None


def _is_sum(lexemes: list[Lexeme], *, asked: bool) -> bool:
    signs = {lexeme for lexeme in lexemes if not isinstance(lexeme, Fraction)}
    numbers = len(lexemes) - sum(not isinstance(lexeme, Fraction) for lexeme in lexemes)
    return bool(signs if asked else signs - _WEAK) and (numbers > 1 or bool(signs & _ALONE))


def _readings(phrase: str) -> Iterator[str]:
    """Yield the phrase in infix order: "add two hundred and five and six" may be split at either "and"."""
    for form, joiners, infix in _FORMS:
        if match := form.fullmatch(phrase):
            tokens = match[1].split()
            for at, token in reversed(list(enumerate(tokens))):
                if token in joiners:
                    yield infix.format(" ".join(tokens[:at]), " ".join(tokens[at + 1 :]))
            return
    yield phrase


def _lex(tokens: Tokens) -> list[Lexeme] | None:
    """Turn words into numbers and signs; None as soon as a word is neither."""
    lexemes: list[Lexeme] = []
    at = 0
    while at < len(tokens):
        found = _read_factor(tokens, at) or _read_value(tokens, at) or _read_sign(tokens, at)
        if found is None:
            return None
        lexemes += found[0]
        at = found[1]
    return lexemes


def _read_value(tokens: Tokens, at: int) -> tuple[list[Lexeme], int] | None:
    found = read_part(tokens, at) or read_number(tokens, at)
    if found is None:
        return None
    if tokens[found[1] : found[1] + 1] == ("of",):
        return [found[0], "of"], found[1] + 1
    return [found[0]], found[1]


def _read_factor(tokens: Tokens, at: int) -> tuple[list[Lexeme], int] | None:
    """Read what is neither a plain number nor a plain sign: "double", "to the fourth", "to the 10th power"."""
    if tokens[at] in _FACTORS:
        return [Fraction(_FACTORS[tokens[at]]), "of"], at + 1
    if tokens[at : at + 2] != ("to", "the") or len(tokens) < at + 3:
        return None
    power = int(tokens[at + 2]) if is_whole(tokens[at + 2]) else _ORDINALS.get(tokens[at + 2])
    end = at + 3 + (tokens[at + 3 : at + 4] in {("th",), ("st",), ("nd",), ("rd",)})
    end += tokens[end : end + 1] == ("power",)
    return (["^", Fraction(power)], end) if power is not None else None


def _read_sign(tokens: Tokens, at: int) -> tuple[list[Lexeme], int] | None:
    for length in range(_LONGEST, 0, -1):
        sign = _SIGNS.get(" ".join(tokens[at : at + length]))
        if sign and at + length <= len(tokens):
            return [sign], at + length
    return None
