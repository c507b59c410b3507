"""What the device is asked to remember, to tell, to correct and to forget: "remember that my cat is called Tom"."""

import re

from edge.agents.local.understanding.meaning import Context, Intent

_OWN = r"(?:my|i|i am|we|our)\b"
_KNOW = r"(?:know|remember|have (?:stored|saved|noted))"
# of the normalised phrase; the words themselves are then taken from the text as it was said, capitals and all
_REMEMBER = re.compile(rf"(?:remember|note|make a note|keep in mind)(?: that .+| (?={_OWN}).+)")
_CORRECT = re.compile(
    rf"(?:that|this|it|you)(?: is| are| was) (?:all )?(?:wrong|not right|not true|incorrect) {_OWN}.+"
)
_RECALL_ALL = re.compile(
    rf"what (?:all )?(?:do|did) you {_KNOW}(?: (?:about|of) (?:me|us))?"
    r"|what (?:have i|did i) (?:told|tell|ask|asked) you to remember"
    rf"|(?:tell me )?(?:what|everything|all) you {_KNOW} about (?:me|us)"
    rf"|do you {_KNOW} anything about (?:me|us)"
)
_RECALL = re.compile(rf"what (?:do you {_KNOW}|did i tell you) about .+")
_FORGET_ALL = re.compile(
    rf"(?:forget|delete|erase|wipe) (?:(?:everything|all|what|all that|everything that) you {_KNOW}|everything|all)"
    r" (?:about|of) (?:me|us)|forget (?:me|us)"
)
_FORGET = re.compile(rf"forget (?:that (?={_OWN})|about (?={_OWN})|what you {_KNOW} about ).+")
_EVERYTHING = re.compile(r"(?:forget|delete|erase|wipe) (?:absolutely )?everything")
_SAID = {
    "remember": r"(?:remember|note|keep in mind)(?:\s+that)?[\s,:]+(.+)",
    "correct": r"(?:wrong|right|true|incorrect)[\s,.!;:-]+(.+)",
    "recall": r"about\s+(.+)",
    "forget": r"(?:that|about)\s+(.+)",
}


def match(phrase: str, text: str, context: Context) -> Intent | None:
    """Give what the phrase, which `text` is normalised, asks of the memory; None where there is none."""
    if not context.remembers:
        return None
    if _EVERYTHING.fullmatch(phrase):
        return Intent("forget everything", "forget_everything")
    if _FORGET_ALL.fullmatch(phrase):
        return Intent("forget facts", "forget_facts")
    if _RECALL_ALL.fullmatch(phrase):
        return Intent("recall facts", "recall_facts")
    return _with_words(phrase, text)


def _with_words(phrase: str, text: str) -> Intent | None:
    for pattern, name, tool, argument in (
        (_REMEMBER, "remember", "remember_fact", "text"),
        (_CORRECT, "correct", "correct_fact", "text"),
        (_RECALL, "recall", "recall_facts", "about"),
        (_FORGET, "forget", "forget_facts", "about"),
    ):
        words = _said(name, text) if pattern.fullmatch(phrase) else ""
        if words:
            return Intent(f"{name} fact", tool, {argument: words})
    return None


def _said(name: str, text: str) -> str:
    found = re.search(_SAID[name], text, re.IGNORECASE | re.DOTALL)
    return found[1].strip(" .!?,;") if found else ""
