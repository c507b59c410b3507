"""Keeps the sound devices open: opens, notices a dead one, closes, tries again, mutes.

In a thread of its own, because opening and closing may block: PortAudio's close hangs for good when
the sound server has stopped answering.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from edge.audio.arrays import Roles
from edge.audio.convert import Format
from edge.audio.naming import show_name
from edge.audio.ring import Ring
from edge.core.events import MicFound, MicLost, SpeakerFound, SpeakerLost
from edge.core.retry import Backoff
from edge.errors import AudioError
from edge.ports import Fields, Post

LOOK_S = 0.5
CLOSE_S = 3.0  # a healthy close takes a few ms
IDLE_OUTPUT_S = 20.0  # an open output costs nothing, but keeps the card from other programs and from sleep


class Line(Protocol):
    """A device that can be opened and closed."""

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`."""

    def open(self) -> None:
        """Raises AudioError."""

    def close(self) -> None:
        """Idempotent; may hang."""

    def stalled(self) -> bool:
        """Open, but dead."""


class Source(Line, Protocol):
    """An input."""

    ring: Ring
    form: Format
    roles: Roles | None
    name: str
    overruns: int
    gate: bool


Attach = Callable[[Ring, Format, Roles | None], None]


class Keeper:
    """`source` may be None (no microphone wanted), `sink` too; `rescan` makes new devices visible.

    `playing` tells whether something is to be heard: then the output is needed, however long it lasts.
    """

    def __init__(  # noqa: PLR0913, PLR0917  each is a different neighbour
        self, source: Source | None, sink: Line | None, post: Post, attach: Attach, rescan: Callable[[], None],
        playing: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._source, self._sink, self._playing = source, sink, playing
        self._post, self._attach, self._rescan = post, attach, rescan
        self._muted = False
        self._deaf = False  # open, but nothing has come yet
        self._end = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="devices", daemon=True)
        self._backoff = {id(source): Backoff(0.5, 5.0), id(sink): Backoff(0.5, 5.0)}
        self._next = {id(source): 0.0, id(sink): 0.0}
        self._busy_until = 0.0
        self.problems: dict[str, str] = {}

    # --- called by others ---------------------------------------------------------------------------

    def start(self) -> None:
        """Open the microphone now; go on minding it in the background."""
        self._mind()
        self._thread.start()

    def mute(self, on: bool) -> None:
        """The gate closes at once; the device is closed by the thread."""
        self._muted = on
        if self._source is not None and on:
            self._source.gate = False
            self._source.ring.wipe()
        self._wake.set()

    def need_output(self) -> None:
        """Something will be played soon: have the output open for a while."""
        self._busy_until = time.monotonic() + IDLE_OUTPUT_S
        if self._sink is not None and not self._sink.is_open:
            self._wake.set()

    def close(self) -> None:
        """Close the devices and end the thread. Idempotent."""
        self._end = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def stats(self) -> Fields:
        """What is open, and what is wrong."""
        source = self._source
        mic: Fields = {"microphone": None} if source is None else {
            "microphone": source.name, "rate": source.form.rate, "channels": source.form.channels,
            "dtype": source.form.dtype, "overruns": source.overruns, "open": source.is_open}  # fmt: skip
        return {**mic, "muted": self._muted, "problems": dict(self.problems)}

    @property
    def pulse(self) -> tuple[int, bool]:
        """Frames of the microphone since it was opened, and whether more should be coming: the watchdog's evidence."""
        source = self._source
        if source is None:
            return 0, False
        return source.ring.written, not (self._muted or "microphone" in self.problems)

    @property
    def hears(self) -> bool:
        """Whether the microphone has delivered a frame, if it is wanted: an open one may be suspended."""
        return self._source is None or self._muted or self._source.ring.written > 0

    # --- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        show_name()
        while not self._end:
            self._wake.wait(LOOK_S)
            self._wake.clear()
            self._mind()
        for line in (self._source, self._sink):
            if line is not None:
                self._close(line)

    def _mind(self) -> None:
        if self._source is not None:
            self._mind_source(self._source)
        if self._sink is not None:
            self._mind_sink(self._sink)

    def _mind_source(self, source: Source) -> None:
        if not source.gate:  # after a mute it is opened anew, however short the mute was
            self._close(source)
        if self._muted:
            return
        if source.stalled():
            self._close(source)
            self._failed("microphone", source, f'The microphone "{source.name}" has stopped: is it unplugged?')
        elif not source.is_open:
            if self._try_open("microphone", source):
                self._open_gate(source)
                self._attach(source.ring, source.form, source.roles)
        elif self._deaf and source.ring.written:
            # Only now: a suspended or half-removed card can be opened and never delivers a frame.
            self._deaf = False
            self._works("microphone", source)
            self._post(MicFound())

    def _open_gate(self, source: Source) -> None:
        source.gate = self._deaf = True
        if self._muted:  # meanwhile; looked at last, so that one of the two threads closes it whatever their order
            source.gate = False
            source.ring.wipe()

    def _mind_sink(self, sink: Line) -> None:
        if self._playing():
            self._busy_until = time.monotonic() + IDLE_OUTPUT_S
        needed = time.monotonic() < self._busy_until
        if sink.stalled():
            self._close(sink)
            self._failed("speaker", sink, "The speaker has stopped: is it unplugged?")
        elif sink.is_open and not needed:
            self._close(sink)
        elif needed and not sink.is_open and self._try_open("speaker", sink):
            self._works("speaker", sink)

    def _try_open(self, what: str, line: Line) -> bool:
        if time.monotonic() < self._next[id(line)]:
            return False
        try:
            line.open()
        except AudioError as error:
            self._failed(what, line, str(error))
            return False
        return True

    def _works(self, what: str, line: Line) -> None:
        self._backoff[id(line)].reset()
        if self.problems.pop(what, None) and what == "speaker":
            self._post(SpeakerFound())

    def _failed(self, what: str, line: Line, message: str) -> None:
        if self.problems.get(what) != message:
            self.problems[what] = message
            self._post(MicLost(message) if what == "microphone" else SpeakerLost(message))
        self._next[id(line)] = time.monotonic() + self._backoff[id(line)].next()
        if not any(other is not None and other.is_open for other in (self._source, self._sink)):
            self._rescan()

    def _close(self, line: Line) -> None:
        """Close within a limit; a hanging close is left behind in its own thread."""
        if line.is_open:
            closer = threading.Thread(target=line.close, name="close", daemon=True)
            closer.start()
            closer.join(CLOSE_S)
