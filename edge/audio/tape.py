"""Notes of all that a front end is told, hears and finds, in the order in which its thread does it.

With them a front end that begins with detectors as new as this one's does the same again, to the last bit. At rest
nothing is kept of the room but how loud it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np

from edge.audio.convert import FRAME, SILENCE, Samples
from edge.audio.far import FarEnd
from edge.core.effects import Ears
from edge.core.events import Event, MicAudio
from edge.core.near_end import Verdict
from edge.core.notation import Plain, written

Put = Callable[[Plain, Samples | None], None]  # a line, and the sound that belongs to it: samples by channels


class Tape:
    """The front end's thread calls it; `put` must not wait. `far` stands in the place of the guard's far end.

    Channels: near end, far end, and the array's reference where there is one.
    """

    def __init__(self, put: Put, far: FarEnd, *, asked: bool) -> None:
        self._put = put
        self._columns: list[Samples] = []
        self._ats: Sequence[float] = ()
        self.inner = far
        self._asked = asked  # whether a guard asks for the far end
        self.far = Tapped(far, self._sounding)

    def begins(self, session: int, mode: Ears, floor_db: float, end_frames: int) -> None:
        """The front end's detectors are new, but for what they know of the room."""
        self._note("begin", session=session, mode=str(mode), floor_db=floor_db, end_frames=end_frames)

    def ears(self, session: int, mode: Ears, since: float) -> None:
        """It obeys."""
        self._note("ears", session=session, mode=str(mode), since=since)

    def patience(self, silence_s: float) -> None:
        """It obeys."""
        self._note("patience", silence_s=silence_s)

    def room(self, levels: list[float], frames: int) -> None:
        """It follows the room's level at rest."""
        self._note("room", levels=levels, frames=frames)

    def frames(self, columns: list[Samples], ats: Sequence[float]) -> None:
        """It works on these; what sounds meanwhile is fetched by the guard, or here where there is none."""
        self._columns, self._ats = columns, ats
        if not self._asked:
            self._sounding(self.inner.frames(ats), 0)

    def _sounding(self, far: list[Samples], slip: int) -> None:
        near, *reference = self._columns
        played = np.concatenate([SILENCE if frame is SILENCE else frame for frame in far])
        sound = np.stack([near, played[: len(near)], *reference], axis=1)
        slipped = {"slip": slip} if slip else {}
        self._put({"front": "frames", "count": len(near) // FRAME, "ats": list(self._ats), **slipped}, sound)

    def unasked(self, at: float) -> None:
        """What sounds like a voice then is the device's own sound, or the end of its word."""
        self._note("unasked", at=at)

    def heard(self, at: float, event: Event) -> None:
        """It tells this, with the frame of time `at`."""
        check = {"crc": zlib.crc32(event.pcm)} if isinstance(event, MicAudio) else {}
        self._note("heard", at=at, event=written(event), **check)

    def judged(self, at: float, verdict: Verdict) -> None:
        """It does this to the reply."""
        self._note("judged", at=at, verdict=str(verdict))

    def _note(self, what: str, **fields: object) -> None:
        self._put({"front": what, **fields}, None)


class Tapped(FarEnd):
    """A far end whose frames are told to somebody as they are read, with how much later an echo has become."""

    def __init__(self, inner: FarEnd, tell: Callable[[list[Samples], int], None]) -> None:
        super().__init__()
        self._inner, self._tell = inner, tell
        self.later = inner.later

    def frames(self, ats: Sequence[float]) -> list[Samples]:
        """See FarEnd."""
        found = self._inner.frames(ats)
        slip = self._inner.later - self.later
        self.later = self._inner.later
        self._tell(found, slip)
        return found
