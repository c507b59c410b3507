"""Text from outside (a transcript, a model, a device's name) made harmless for a terminal."""

from __future__ import annotations

import re
import unicodedata

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, screen
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS...: titles, clipboard
    r"|\x1b[ -/]*[0-~]"
)
_SPACES = frozenset("\t\n\v\f\r\x85\u2028\u2029")
_NOT_DRAWN = frozenset({"Cc", "Cf", "Cs"})  # controls; bidirectional and joining marks; halves of characters
_WIDE_OR_NOT = "\ufe0f"  # asks for a wide picture: terminals disagree about the width, which breaks a live line


def clean(text: object) -> str:
    """The text on one line, without any character or sequence that does anything but show a sign."""
    return "".join(map(_shown, _SEQUENCES.sub("", str(text))))


def _shown(sign: str) -> str:
    if sign in _SPACES:
        return " "
    return "" if sign == _WIDE_OR_NOT or unicodedata.category(sign) in _NOT_DRAWN else sign
