"""Keeps the sound devices open: opens, notices a dead one, closes, tries again, mutes.

In a thread of its own, because opening and closing may block: PortAudio's close hangs for good when
the sound server has stopped answering.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from edge.audio.arrays import Roles
from edge.audio.convert import Format
from edge.audio.flat import Flat
from edge.audio.naming import show_name
from edge.audio.ring import Ring
from edge.core.events import MicFound, MicLost, MicSilent, SpeakerFound, SpeakerLost
from edge.core.retry import Backoff
from edge.errors import AudioError
from edge.ports import Fields, Post

LOOK_S = 0.5
FIRST_LOOK_S = 0.1  # while the first frame of a microphone is waited for
# Tried again at most every 1.5 s for as long as somebody may stand there with the plug in the hand, then more rarely: a
# try costs a tenth of a second of a small processor. When a card appears it is tried at once, and as long as its file
# may not have got its owner yet, other devices are closed for it.
FIRST_S, SOON_S, LATER_S, PATIENT_S = 0.5, 1.5, 5.0, 60.0
NEWS_S = 1.5
NODES = Path("/dev/snd")
SETTINGS = (Path("/etc/asound.conf"), *map(Path, filter(None, [os.environ.get("ALSA_CONFIG_PATH")])))
CLOSE_S = 1.5  # a healthy close takes a few ms
START_S = 2.0  # a healthy open takes a tenth of that
# A close that hangs comes back when its server does, and nothing is opened until then: PortAudio has no locks. Where it
# does not, and an open fails, the library has locked itself up (seen with libpulse): only a new process helps.
BLIND_S = 8.0
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

    `playing` tells whether something is to be heard: then the output is needed, however long it lasts. `failed` is told
    when nothing but another process can help.
    """

    def __init__(  # noqa: PLR0913, PLR0917  each is a different neighbour
        self, source: Source | None, sink: Line | None, post: Post, attach: Attach, rescan: Callable[[], None],
        playing: Callable[[], bool] = lambda: False, failed: Callable[[Exception], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._source, self._sink, self._playing = source, sink, playing
        self._post, self._attach, self._rescan, self._fail = post, attach, rescan, failed
        self._muted = False
        self._deaf = False  # open, but nothing has come yet
        self._end = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="devices", daemon=True)
        self._retry = {id(source): _Retry(), id(sink): _Retry()}
        self._flat, self._silent = Flat(), False
        self._cards = _cards()
        self._news_until = 0.0  # a card has just come ...
        self._unknown = False  # ... of which PortAudio knows nothing yet: it may have come while nothing was missing
        self._closers: list[threading.Thread] = []
        self._hung_at = 0.0  # when the first of them did not come back
        self._minded = threading.Event()
        self._busy_until = 0.0
        self.problems: dict[str, str] = {}

    # --- called by others ---------------------------------------------------------------------------

    def start(self) -> None:
        """Open the microphone, and go on minding it in the background, also where a sound server does not answer."""
        self._thread.start()
        self._minded.wait(START_S)

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
        self._wake.set()

    def look(self) -> None:
        """Mind the devices now: something has happened to one of them."""
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
            "dtype": source.form.dtype, "overruns": source.overruns, "open": source.is_open,
            "silent": self._silent}  # fmt: skip
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
        self._mind()
        self._minded.set()
        while not self._end:
            self._wake.wait(FIRST_LOOK_S if self._deaf and self._source and self._source.is_open else LOOK_S)
            self._wake.clear()
            self._mind()
        for line in (self._source, self._sink):
            if line is not None:
                self._close(line)

    def _mind(self) -> None:
        cards, self._cards = self._cards, _cards()
        if self._cards != cards and self._sink is not None and not self._playing():
            self._close(self._sink)  # it may be what is gone, and would not tell before the next reply, which it costs
        if self._cards - cards:
            self._news_until, self._unknown = time.monotonic() + NEWS_S, True
            for retry in self._retry.values():
                retry.at_once()
        if self._source is not None:
            self._mind_source(self._source)
        if self._sink is not None:
            self._mind_sink(self._sink)

    def _mind_source(self, source: Source) -> None:
        if not source.gate:  # after a mute it is opened anew, however short the mute was
            self._close(source)
        if self._muted:
            return
        stuck = source.is_open and self._flat.look(source.ring, time.monotonic())
        self._tell_silence()
        if self._flat.wants_reviving(time.monotonic()):
            self._close(source)
        if source.stalled() or stuck:
            why = "delivers the same sample over and over" if stuck else "has stopped"
            self._stopped("microphone", source, f'The microphone "{source.name}" {why}: is it unplugged?')
        elif not source.is_open:
            if self._try_open("microphone", source):
                self._flat.opened()
                self._open_gate(source)
                self._attach(source.ring, source.form, source.roles)
        elif self._deaf and source.ring.written and not self._flat.doubtful:
            # Only now: a suspended or half-removed card can be opened and never delivers a frame.
            self._deaf = False
            self._works("microphone", source)
            self._post(MicFound())

    def _tell_silence(self) -> None:
        if self._flat.silent is not self._silent:
            self._silent = self._flat.silent
            self._post(MicSilent(self._silent))

    def _open_gate(self, source: Source) -> None:
        source.gate = self._deaf = True
        if self._muted:  # meanwhile; looked at last, so that one of the two threads closes it whatever their order
            source.gate = False
            source.ring.wipe()

    def _mind_sink(self, sink: Line) -> None:
        if self._playing():
            self._busy_until = time.monotonic() + IDLE_OUTPUT_S
        # One that is missing is looked for until it is back, or the device would look broken until the next reply.
        needed = time.monotonic() < self._busy_until or "speaker" in self.problems
        if sink.stalled():
            self._stopped("speaker", sink, "The speaker has stopped: is it unplugged?")
        elif sink.is_open and not needed:
            self._close(sink)
        elif needed and not sink.is_open and self._try_open("speaker", sink):
            self._works("speaker", sink)

    def _try_open(self, what: str, line: Line) -> bool:
        now = time.monotonic()
        if now < self._retry[id(line)].at or (self._hangs() and now - self._hung_at < BLIND_S):
            return False
        try:
            line.open()
        except AudioError as error:
            self._failed(what, line, str(error))
            return False
        return True

    def _works(self, what: str, line: Line) -> None:
        self._retry[id(line)] = _Retry()
        if self.problems.pop(what, None) and what == "speaker":
            self._post(SpeakerFound())

    def _stopped(self, what: str, line: Line, message: str) -> None:
        self._tell(what, message)  # before the close, which may hang
        self._close(line)
        self._failed(what, line, message)

    def _tell(self, what: str, message: str) -> None:
        if self.problems.get(what) != message:
            self.problems[what] = message
            self._post(MicLost(message) if what == "microphone" else SpeakerLost(message))

    def _failed(self, what: str, line: Line, message: str) -> None:
        self._tell(what, message)
        self._retry[id(line)].later(time.monotonic())
        self._look_again(line)

    def _look_again(self, missing: Line) -> None:
        """Make PortAudio look for devices, which it does only while nothing is open.

        The other device is closed for it: an output at rest always, anything else when a card has come. A close that
        hangs forbids it: it is inside of what would be torn down.
        """
        news = self._unknown or time.monotonic() < self._news_until
        for other in (self._source, self._sink):
            if other is None or other is missing or not other.is_open:
                continue
            rests = other is self._sink and not self._playing()
            if not (rests or news):
                return
            self._close(other)
        if not self._hangs():
            self._unknown = False
            self._rescan()
        elif time.monotonic() - self._hung_at >= BLIND_S:
            self._fail(AudioError("The system's sound library hangs and no device can be had: a new start is needed."))

    def _close(self, line: Line) -> None:
        """Close within a limit; a hanging close is left behind in its own thread."""
        if line.is_open:
            closer = threading.Thread(target=line.close, name="close", daemon=True)
            closer.start()
            closer.join(CLOSE_S)
            if closer.is_alive():
                self._hung_at = self._hung_at if self._hangs() else time.monotonic()
                self._closers.append(closer)

    def _hangs(self) -> bool:
        """Whether somebody is still inside of a close. PortAudio bears no two threads that open, close or look."""
        self._closers = [closer for closer in self._closers if closer.is_alive()]
        return bool(self._closers)


class _Retry:
    """When a device that failed is tried again."""

    def __init__(self) -> None:
        self.at = 0.0
        self._backoff = Backoff(FIRST_S, SOON_S)
        self._since: float | None = None

    def later(self, now: float) -> None:
        """It has failed."""
        if self._since is None:
            self._since = now
        self._backoff.ceiling = SOON_S if now - self._since < PATIENT_S else LATER_S
        self.at = now + self._backoff.next()

    def at_once(self) -> None:
        """Something has changed."""
        self.at, self._since = 0.0, None
        self._backoff.reset()


def _cards() -> set[str]:
    """What there is in the way of sound cards, and what ALSA is told of them; something new in it is worth a look."""
    found = set[str]()
    with suppress(OSError):
        found.update(path.name for path in NODES.iterdir())
    for path in SETTINGS:
        with suppress(OSError):
            found.add(f"{path} {path.stat().st_mtime_ns}")
    return found
