"""The section [record] of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config.fields import setting


@dataclass(frozen=True, slots=True)
class Record:
    """The section [record]. Nothing is recorded before `edge-voice record on`, and never from the relay."""

    allowed: bool = setting(False, "the owner's consent that conversations may be recorded (edge-voice record on)")
    minutes: int = setting(30, "longest recording; it ends by itself", 1, 240)
    most_mb: int = setting(500, "space for all recordings together", 10, 100_000)
    keep_free_mb: int = setting(500, "space on the disk that a recording leaves free", 10, 100_000)
