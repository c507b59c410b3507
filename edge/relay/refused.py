"""What a part of the relay raises when a request is not granted; edge.relay.app makes the answer of it."""

from __future__ import annotations

from edge.errors import EdgeVoiceError


class Refused(EdgeVoiceError):
    """`status` is HTTP's; `code` is for programs, the message one sentence for a person; `wait_s` is Retry-After."""

    def __init__(self, status: int, code: str, message: str, wait_s: float = 0.0) -> None:
        self.status, self.code, self.wait_s = status, code, wait_s
        super().__init__(message)
