"""The configuration as a recording may hold it: whoever is given a recording to look at must not find a password in it.

Keys have no place in the configuration, but people put them there: into an address, or a table of headers.
"""

from __future__ import annotations

import re

HIDDEN = "***"
_HIDES = r"[\w-]*(?:password|passwd|secret|token|api[_-]?key|authorization|credential|cookie|signature)[\w-]*"
_TEXT = r'"(?:[^"\\]|\\.)*"'
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s\"'@]+@(?=[^\"'\s]*)")  # user:password@
_IN_QUERY = re.compile(rf"([?&](?:{_HIDES}|key|sig|auth)=)[^&\"'\s#]+", re.IGNORECASE)
_VALUE = re.compile(rf'^(\s*"?{_HIDES}"?\s*=\s*){_TEXT}', re.IGNORECASE | re.MULTILINE)
_TABLE = re.compile(r"^(\s*(?:headers|env|environment|args|command)\s*=\s*)(\S.*?)(?=  # |$)", re.MULTILINE)
_PAIR = re.compile(rf"(=\s*)({_TEXT})")


def scrubbed(text: str) -> str:
    """TOML without what may be a secret, and still the same TOML otherwise."""
    text = _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_ADDRESS.sub(f"{HIDDEN}@", text))
    text = _VALUE.sub(rf'\1"{HIDDEN}"', text)
    return _TABLE.sub(lambda found: found[1] + _emptied(found[2]), text)


def _emptied(value: str) -> str:
    """A table keeps its names, a list and a text only how many there are."""
    if value.startswith("{"):
        return _PAIR.sub(rf'\1"{HIDDEN}"', value)
    return re.sub(_TEXT, f'"{HIDDEN}"', value)
