"""What AssemblyAI's streaming service (v3) is told and says: its address, frames, turns and codes. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit, urlunsplit

from edge.config import Stt
from edge.core.chain import RATE, Fault

VENDOR = "wss://streaming.assemblyai.com"  # in Europe: wss://streaming.eu.assemblyai.com
PATH = "/v3/ws"
ENGLISH, MULTILINGUAL = "universal-streaming-english", "universal-streaming-multilingual"

BYTES_PER_MS = RATE * 2 // 1000
LEAST_FRAME, MOST_FRAME = 50 * BYTES_PER_MS, 1000 * BYTES_PER_MS  # a frame beyond these ends the session (3007)
INACTIVE_S = 30  # without audio: the service ends a session whose device has gone, and stops billing it
PATIENT_MS = 5000  # turns = device: silence that ends its turn all the same
CONFIDENT_MS = 400  # turns = service: the least silence that ends a turn; its default

# Error codes and close codes are the same numbers; beyond these: SERVICE.
_CODES = {
    **dict.fromkeys((1013, 3009, 4029, 4102), Fault.BUSY),
    **dict.fromkeys((1008, 4001), Fault.KEY),
    **dict.fromkeys((4002, 4003), Fault.QUOTA),
    **dict.fromkeys((3006, 3007, 4000, 4032, 4033, 4034, 4100, 4101, 4104), Fault.REQUEST),
}
_MONEY = re.compile(r"funds|balance|credit", re.IGNORECASE)
_CROWD = re.compile(r"concurrent|too many", re.IGNORECASE)  # also told with 1008, as if it were the key


def fault(code: object, said: str) -> Fault | None:
    """What an error means; None of a code that says nothing."""
    if _MONEY.search(said):
        return Fault.QUOTA
    if _CROWD.search(said):
        return Fault.BUSY
    return _CODES.get(code) if isinstance(code, int) else None


def model_of(config: Stt) -> str:
    """Which model hears."""
    return config.model or (ENGLISH if config.language in {"", "en"} else MULTILINGUAL)


def address(config: Stt) -> str:
    """The session's URL; all its settings are in there."""
    parts = urlsplit(config.url or VENDOR)
    path = parts.path if parts.path.strip("/") else PATH
    return urlunsplit((parts.scheme.replace("http", "ws"), parts.netloc, path, urlencode(_settings(config)), ""))


def _settings(config: Stt) -> dict[str, str | int | float]:
    model = model_of(config)
    old = model.startswith("universal-streaming")  # these judge by confidence, the others by punctuation
    settings: dict[str, str | int | float] = {
        "speech_model": model, "sample_rate": RATE, "encoding": "pcm_s16le", "format_turns": "false",
        "inactivity_timeout": INACTIVE_S,
    }  # fmt: skip
    if config.turns == "service":
        settings["min_turn_silence"] = min(CONFIDENT_MS, config.silence_ms)
        settings["max_turn_silence"] = config.silence_ms
    else:
        settings["max_turn_silence"] = PATIENT_MS
    if old:
        settings["end_of_turn_confidence_threshold"] = config.end_confidence if config.turns == "service" else 1.0
    elif config.language:
        settings["language_codes"] = json.dumps([config.language])
    if config.keyterms:
        settings["keyterms_prompt"] = json.dumps(list(config.keyterms), ensure_ascii=False)
    elif config.prompt and not old:  # a prompt and keyterms exclude each other
        settings["prompt"] = config.prompt
    if config.speakers:
        settings["speaker_labels"] = "true"
    return settings


class Frames:
    """Audio in frames that the service takes."""

    def __init__(self) -> None:
        self._pcm = bytearray()

    def add(self, pcm: bytes) -> list[bytes]:
        """Whole frames, of all that has come so far."""
        self._pcm += pcm
        frames = []
        while len(self._pcm) >= LEAST_FRAME:
            frames.append(bytes(self._pcm[:MOST_FRAME]))
            del self._pcm[:MOST_FRAME]
        return frames

    def rest(self) -> list[bytes]:
        """What is left, made long enough with silence."""
        rest = bytes(self._pcm)
        self._pcm.clear()
        return [rest.ljust(LEAST_FRAME, b"\0")] if rest else []


@dataclass(slots=True)
class Turns:
    """The service's turns within ours, by its `turn_order`: a formatted one comes twice."""

    texts: dict[int, str] = field(default_factory=dict)
    speakers: dict[int, str] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)

    def take(self, order: int, text: str, *, end: bool, speaker: str = "") -> bool:
        """Note what is understood of a turn; whether it has ended just now."""
        self.texts[order] = text
        self.speakers[order] = speaker
        if not end or order in self.ended:
            return False
        self.ended.add(order)
        return True

    @property
    def open(self) -> bool:
        """Whether words have been heard whose turn has not ended."""
        return any(text and order not in self.ended for order, text in self.texts.items())

    @property
    def text(self) -> str:
        """All of it; where there is more than one speaker, who says what. Labels mean nothing beyond this turn."""
        several = len({speaker for order, speaker in self.speakers.items() if speaker and self.texts[order]}) > 1
        said, last = [], ""
        for order in sorted(self.texts):
            text, speaker = self.texts[order].strip(), self.speakers[order]
            if text:
                said.append(f"{speaker}: {text}" if several and speaker not in {"", last} else text)
                last = speaker
        return " ".join(said)
