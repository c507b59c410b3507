"""Whether an SDP offer is one of a page that wants to talk: nothing else is passed to the vendor. Pure."""

from __future__ import annotations

import re

MOST_BYTES, MOST_LINES, LONGEST_LINE = 64 * 1024, 1500, 4096
_LINE = re.compile(r"[a-z]=[^\r\n\x00]*")
_MEDIA = {"audio": (1, 1), "application": (0, 1)}  # least and most of each kind
NEEDED = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:")


def problem(body: bytes) -> str:
    """What is wrong with an offer, "" if nothing."""
    if len(body) > MOST_BYTES:
        return f"The offer is longer than {MOST_BYTES // 1024} KiB."
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "The offer is no text."
    lines = text.splitlines()
    if not lines or lines[0] != "v=0":
        return "The offer is no SDP: it does not begin with v=0."
    if len(lines) > MOST_LINES:
        return "The offer has too many lines."
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE or _LINE.fullmatch(line) is None:
            return f"Line {number} of the offer is no line of SDP."
    return _session_problem(lines)


def _session_problem(lines: list[str]) -> str:
    kinds = [line[2:].split(" ", 1)[0] for line in lines if line.startswith("m=")]
    for kind in kinds:
        if kind not in _MEDIA:
            return f"The offer has {kind[:20]!r} in it; only sound and the data channel are passed on."
    for kind, (least, most) in _MEDIA.items():
        if not least <= kinds.count(kind) <= most:
            return f"The offer has {kinds.count(kind)} parts of kind {kind}."
    absent = next((name for name in NEEDED if not any(line.startswith(name) for line in lines)), None)
    return f"The offer has no {absent[2:-1]}: it is not WebRTC's." if absent else ""
