"""A transcript as plain lower-case words: the token string that every pattern of this layer is anchored to."""

import re

# No command is longer than this; what is goes to the language model. It also bounds the work done here.
MAX_CHARS = 300

_SYMBOLS = str.maketrans(
    {
        **dict.fromkeys("\u2019\u2018\u00b4`", "'"),
        **dict.fromkeys("\u2013\u2014$\u00a3\u20ac\u00a1\u00bf", " "),
        "\u2212": "-",
        "%": " percent ",
        "\u00d7": " times ",
        "\u00f7": " divided by ",
        "\u00b2": " squared ",
        "\u00b3": " cubed ",
        "\u221a": " square root of ",
        "=": " equals ",
        "&": " and ",
    }
)
_REWRITES = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"(?<=[0-9])\u00bd", " and a half "),
        (r"\u00bd", " half "),
        (r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", ""),  # 1,000
        (r"\b([ap])\.m\b\.?", r"\1m"),
        (r"\bper cent\b", "percent"),
        # a hyphen is minus between numbers only: ten-minute, twenty-five, 7-up
        (r"(?<=[^\W_])-(?=[^\W\d_])|(?<=[^\W\d_])-(?=[^\W_])", " "),
        (r"\*\*", "^"),
        (r"\ba second timer\b", "another timer"),  # or it would last a second
    )
)
# any other sign is kept as a token, so that dropping it can never turn a sentence into a command
_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+|[^\W\d_]+(?:'[^\W\d_]+)*|[^\s.,!?;\"'\u2026\u201c\u201d]")

_CONTRACTIONS = {
    **{f"{word}'s": f"{word} is" for word in ("what", "it", "that", "who", "where", "how", "when", "there", "time")},
    **{f"{word}s": f"{word} is" for word in ("what", "who")},
    **{f"{word}'re": f"{word} are" for word in ("you", "what", "we", "they")},
    "i'm": "i am",
    "i'd": "i would",
    "i've": "i have",
    "let's": "let us",
    "can't": "cannot",
    "didn't": "did not",
    "don't": "do not",
    "couldn't": "could not",
    "that'll": "that will",
    "gimme": "give me",
    "ok": "okay",
    "hundreds": "hundred",
}

_LEAD = re.compile(
    r"(?:(?:hey|hi|hello|okay|please|um|uh|er|erm|hmm|oh|ah|well|so|now|and|but|then|alright|all right|right|yes|yeah"
    r"|no|just|kindly|quickly|actually|sorry|excuse me|great|perfect|thanks|thank you"
    r"|good (?:morning|afternoon|evening)"
    r"|computer|assistant|alexa|jarvis|siri|google|i said|go ahead and|(?:could|can|would|will) you(?: like to)?"
    r"|i (?:want|need|would like) you to|do me a favou?r and) )+"
)
_TAIL = re.compile(
    r"(?: (?:please|for me|now|right now|thanks|thank you|(?:will|would|can|could) you"
    r"|if you (?:can|could|would|please)|okay|then|mate|buddy|man|dude|computer|assistant|alexa|jarvis|immediately"
    r"|quickly|real quick|already|at the moment|currently))+$"
)


def words(text: str) -> tuple[str, ...]:
    """Split a transcript into normalised tokens; empty when it is too long to be a command."""
    if len(text) > MAX_CHARS:
        return ()
    text = text.lower().translate(_SYMBOLS)
    for pattern, new in _REWRITES:
        text = pattern.sub(new, text)
    return tuple(part for token in _TOKEN.findall(text) for part in _CONTRACTIONS.get(token, token).split())


def without_courtesy(phrase: str) -> str:
    """Take "hey could you please" off the front and "for me, thanks" off the end; never takes everything."""
    lead = _LEAD.match(phrase)
    phrase = phrase[lead.end() :] if lead else phrase
    tail = _TAIL.search(phrase)
    return phrase[: tail.start()] if tail else phrase
