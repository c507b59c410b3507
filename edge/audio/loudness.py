"""The volume on its way to the mixer and into the memory, in a thread of its own: both may take their time.

Without a mixer the speaker's own gain makes the volume. A mixer that fails hands over to it. Where somebody else moves
the mixer, by a key on the loudspeaker or another program, the volume follows and is remembered like any other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from edge.audio import mixer
from edge.audio.following import Following
from edge.audio.mixer import Mixer, Unavailable
from edge.audio.speaker import QueueSpeaker
from edge.config import Audio
from edge.ports import Fields

KEEP_S = 1.0  # somebody who turns a knob sets twenty volumes a second; the memory card gets the last one
JOIN_S = 3.0

_log = logging.getLogger("edge-voice")


class Loudness:
    """`keep` is told the volume that was set, seldom. `known`: it is the one wanted; else a mixer's own counts first.

    A watcher as well: after the loudspeaker has been gone, its mixer is set again. `moved_to` is told, by the thread,
    what somebody else has set the mixer to.
    """

    def __init__(
        self, speaker: QueueSpeaker, find: Callable[[str], Mixer | None], keep: Callable[[int], None], *, known: bool
    ) -> None:
        self._speaker, self._find, self._keep, self._known = speaker, find, keep, known
        self.moved_to: Callable[[int], object] = lambda _percent: None
        self._mixer: Mixer | None = None
        self._stands: int | None = None  # where it was when it was last looked at
        self._following = Following(self._was_moved)
        self._moved = False
        self._set = False  # since the last look of the thread
        self._device = self._found_for = ""
        self._again = self._end = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="volume", daemon=True)

    def start(self) -> None:
        """Begin to follow the speaker."""
        self._speaker.volume_set = self._was_set
        self._speaker.opened_as = self._was_opened
        self._thread.start()

    def close(self) -> None:
        """Keep what is not kept yet. Idempotent."""
        self._end = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        self._following.close()

    def published(self, event: str, fields: Fields) -> None:
        """See ports.Watcher."""
        if event == "speaker" and fields.get("ok"):
            self._again = True
            self._wake.set()

    # --- called by others' threads --------------------------------------------------------------------

    def _was_set(self, _percent: int) -> None:
        self._known = self._set = True
        self._wake.set()

    def _was_opened(self, device: str) -> None:
        if device != self._device:
            self._device = device
            self._wake.set()
        elif self._mixer is not None and not self._mixer.watcher:  # then it is looked at after each rest
            self._was_moved()

    def _was_moved(self) -> None:
        self._moved = True
        self._wake.set()

    # --- the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        dirty, kept_at = False, -KEEP_S
        while not self._end:
            self._wake.wait(max(0.0, kept_at + KEEP_S - time.monotonic()) if dirty else None)
            self._wake.clear()
            changed, self._set = self._set, False
            again, self._again = self._again, False
            moved, self._moved = self._moved, False
            if changed or again or self._device != self._found_for:
                self._apply(look=again or self._device != self._found_for)
            elif moved:
                changed = self._follow()
            dirty = dirty or changed
            if dirty and time.monotonic() >= kept_at + KEEP_S:
                self._keep(self._speaker.volume)
                dirty, kept_at = False, time.monotonic()
        if dirty:
            self._keep(self._speaker.volume)

    def _apply(self, *, look: bool) -> None:
        if look:
            self._found_for = self._device
            self._mixer = self._find(self._found_for)
            _log.info("volume by=%s", "software" if self._mixer is None else self._mixer.name)
        if self._mixer is not None:
            try:
                self._through(self._mixer)
            except Unavailable as error:
                _log.warning("volume by=software reason=%s", error)
                self._mixer = None
        self._speaker.mixed = self._mixer is not None
        if not self._end:
            self._following.follow(self._mixer.watcher if self._mixer is not None else ())

    def _through(self, found: Mixer) -> None:
        if self._known:
            found.write(self._speaker.volume)
            self._stands = found.read()  # some have fewer steps than a hundred
        else:
            self._stands = found.read()
            self._speaker.adopt(self._stands)

    def _follow(self) -> bool:
        """Whether somebody else has moved the mixer: then that is the volume."""
        if self._mixer is None:
            return False
        try:
            percent = self._mixer.read()
        except Unavailable:  # told where it matters: when the volume is set, or the output opened
            return False
        if percent == self._stands:
            return False
        self._stands, self._known = percent, True
        self._speaker.adopt(percent)
        _log.info("volume percent=%d by=somebody_else mixer=%s", percent, self._mixer.name)
        self.moved_to(percent)
        return True


def finder(wanted: str) -> Callable[[str], Mixer | None]:
    """`audio.mixer` as what finds the mixer of a device."""
    return partial(mixer.find, wanted)


def set_once(speaker: QueueSpeaker, find: Callable[[str], Mixer | None], configured: int) -> int:
    """For who plays once on an open output: as loud as the daemon would be at its start. Returns the volume."""
    found = find(speaker.name)
    if found is None:
        return configured
    try:
        if configured != Audio().volume:
            found.write(configured)
        volume = found.read()
    except Unavailable:
        return configured
    speaker.mixed = True
    speaker.adopt(volume)
    return volume
