"""The input audio buffer of a conversation: its clock, its turns, what it gives the engine."""

from __future__ import annotations

import binascii
from collections.abc import Iterator

from edge.relay.voice.own.detector import Change, Detector
from edge.relay.voice.own.floor import Seat
from edge.relay.voice.own.problems import Json, Wrong
from edge.relay.voice.own.sound import Ears, bytes_per_ms

LEAST_MS = 100  # that a commit needs, as the vendor has it
CORE_PER_MS = 32  # bytes of 16 kHz int16
BACK_MS = 200  # a detector is sure so long after the onset


class Hearing:
    """`append` gives what the detector finds; the seat gets the audio of a turn as it comes."""

    def __init__(self, seat: Seat, session: Json) -> None:
        self._seat = seat
        self._form = "audio/pcm"
        self._ears = Ears(self._form)
        self._written_ms = 0.0
        self._held_ms = 0.0  # since the last commit or clear
        self._recent = bytearray()  # for what was said before the detector was sure
        self._detector: Detector | None = None
        self._detection: Json | None = None
        self.item = ""  # the id that the turn at hand will have
        self.configure(session)

    def configure(self, session: Json) -> None:
        """As session.audio.input has it."""
        given = session["audio"]["input"]
        if given["format"]["type"] != self._form:
            self._form = given["format"]["type"]
            self._ears = Ears(self._form)
        if given["turn_detection"] != self._detection:
            self._detection = given["turn_detection"]
            self._restart()

    def append(self, audio: str) -> Iterator[Change]:
        """Base64 of the client's format. Raises Wrong before anything has changed."""
        try:
            coded = binascii.a2b_base64(audio, strict_mode=True)
        except ValueError:
            raise Wrong("invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.", "audio") from None
        milliseconds = len(coded) / bytes_per_ms(self._form)
        self._written_ms += milliseconds
        self._held_ms += milliseconds
        return self._heard(self._ears(coded))

    def _heard(self, pcm: bytes) -> Iterator[Change]:
        if self._detector is None:
            self._seat.listen(pcm)
            return
        before = self._detector.speaking
        if before:
            self._seat.listen(pcm)
        self._remember(pcm)
        for change in self._detector.feed(pcm):
            if change.what == "started" and not before:
                yield change  # whatever is being said ends before this turn begins
                # all that was heard until now is in `_recent`, this piece included
                begin = max(1, round(self._written_ms - change.at_ms))
                self._seat.listen(bytes(self._recent[-begin * CORE_PER_MS :]))
                before = True
                continue
            if change.what == "paused":
                self._seat.pause()
            elif change.what == "resumed":
                self._seat.resume()
            yield change

    def commit(self) -> None:
        """The buffer becomes an item. Raises Wrong when it holds too little."""
        if self._held_ms < LEAST_MS:
            least = f"Expected at least {LEAST_MS}ms of audio, but buffer only has {self._held_ms:.2f}ms of audio."
            message = f"Error committing input audio buffer: buffer too small. {least}"
            raise Wrong("input_audio_buffer_commit_empty", message)
        if self._detector is not None and not self._detector.speaking:
            self._seat.listen(bytes(self._recent))
        self._seat.listen(self._ears.end())
        self._held_ms = 0.0
        self._restart()

    def turn_over(self) -> None:
        """The detector has found the end: what was written is an item."""
        self._held_ms = 0.0

    def clear(self) -> None:
        """Forget what is in the buffer."""
        self._held_ms = 0.0
        self._seat.drop()
        self._restart()

    @property
    def speaking(self) -> bool:
        """Whether the detector hears somebody."""
        return self._detector is not None and self._detector.speaking

    @property
    def now_ms(self) -> int:
        """The clock of all audio written."""
        return int(self._written_ms)

    def _remember(self, pcm: bytes) -> None:
        assert self._detector is not None
        self._recent += pcm
        most = (self._detector.prefix_ms + BACK_MS) * CORE_PER_MS + len(pcm)
        del self._recent[: max(0, len(self._recent) - most)]

    def _restart(self) -> None:
        self._recent.clear()
        self._detector = Detector(self._detection, self.now_ms) if self._detection is not None else None
