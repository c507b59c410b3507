"""What a device and its relay say to each other: messages, what of the device is told, what it lets be done. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.config import Relay
from edge.host.identity import Identity
from edge.ports import Fields

PREFIX = "edge-voice link v1"
VERSION = 1
TOO_LATE_S = 2.0  # whoever has asked has given up by then

WORDS = frozenset({"user_transcript", "reply_transcript"})
ALWAYS = frozenset({"state", "mute", "volume", "turn", "error"})  # few, and what a list of devices shows
WATCHED = ALWAYS | WORDS | {
    "tool", "usage", "device", "microphone", "speaker", "interrupted", "forgotten", "nothing_heard", "warning"
}  # fmt: skip
LOOKS = frozenset({"status", "timers"})
OPENS = frozenset({"press", "hold", "unmute"})  # the microphone
ACTS = LOOKS | OPENS | {"release", "mute", "forget", "say", "ask", "volume", "settings", "restart"}


@dataclass(frozen=True, slots=True)
class Address:
    """Of the relay: where its socket is, and the name that is signed."""

    url: str
    host: str


def address(origin: str) -> Address:
    """Of https://voice.example; the host as a WebSocket client writes it in its Host header."""
    parts = urlsplit(origin)
    secure = parts.scheme == "https"
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    if parts.port is not None and parts.port != (443 if secure else 80):
        host = f"{host}:{parts.port}"
    return Address(f"{'wss' if secure else 'ws'}://{host}/device", host)


def signed_text(host: str, nonce: str) -> bytes:
    """What proves who this is: for this relay only, and once."""
    return f"{PREFIX}\n{host.lower()}\n{nonce}".encode()


@dataclass(frozen=True, slots=True)
class Hello:
    """A device that is known. `Enrol` and `Pair` are for one that is not yet."""


@dataclass(frozen=True, slots=True)
class Enrol:
    """With a code of the relay's owner."""

    code: str


@dataclass(frozen=True, slots=True)
class Pair:
    """With a code from the relay, that somebody types there."""


Wish = Hello | Enrol | Pair


def introduction(wish: Wish, identity: Identity, signature: str, name: str, version: str) -> Fields:
    """The first message of the device."""
    who: Fields = {"name": name, "public_key": identity.public_key}
    match wish:
        case Hello():
            who = {"type": "hello", "device": identity.id, "caps": sorted(ACTS)}
        case Enrol(code):
            who |= {"type": "enrol", "code": code}
        case Pair():
            who |= {"type": "pair"}
    return {**who, "signature": signature, "version": version, "v": VERSION}


@dataclass(slots=True)
class Terms:
    """What may be told, by both sides: the device's own configuration, and the relay's owner."""

    own: Relay
    watched: bool = False  # whether anybody looks
    allowed: bool = False  # whether the owner lets them read what is said

    @property
    def words(self) -> bool:
        """Whether what is said may leave this device."""
        return self.own.transcripts and self.allowed and self.watched

    @property
    def levels(self) -> bool:
        """Whether the microphone's level is of use to anybody."""
        return self.own.levels and self.watched

    def told(self, event: str, fields: Fields) -> Fields | None:
        """What is sent of an event; None for nothing."""
        if event not in (WATCHED if self.watched else ALWAYS) or (event in WORDS and not self.words):
            return None
        if event == "tool" and not self.words:  # what it is called with is what somebody said
            fields = {key: value for key, value in fields.items() if key != "arguments"}
        return {"v": VERSION, "event": event, **fields}

    def refused(self, command: str) -> str:
        """Why a command is not carried out; "" if it may be."""
        if command not in ACTS:
            return f"There is no command {command[:40]!r} here."
        if self.own.commands == "none" and command not in LOOKS:
            return "This device lets nobody command it from the relay (relay.commands)."
        if self.own.commands == "quiet" and command in OPENS:
            return "This device's microphone is opened at the device only (relay.commands)."
        return ""


class Ages:
    """How late a message is, by the two ends' clocks since the link began: no wall's clock is needed.

    The clocks drift apart; the fastest message so far is taken for one that took no time.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._least: float | None = None

    def late(self, sent: object, now: float) -> float:
        """Seconds; `sent` is the other end's time since the link began. 0 for what does not tell."""
        if isinstance(sent, bool) or not isinstance(sent, int | float):
            return 0.0
        took = now - self._began - sent
        self._least = took if self._least is None else min(self._least, took)
        return took - self._least
