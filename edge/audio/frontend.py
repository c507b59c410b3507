"""The front end: ring -> 16 kHz frames -> voice activity -> events. The audio thread's work.

A plain object without a thread of its own: the audio thread, or a test stepping through a recording,
calls `work`. The loop calls only `set_ears` and `set_patience`, which leave a command for the next `work`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from edge.audio.arrays import Roles
from edge.audio.convert import CORE_RATE, FRAME, SILENCE, Format, Samples, level_db, levels_db
from edge.audio.gain import Gain
from edge.audio.guard import Guard
from edge.audio.pace import IDLE_LOOK_S, KEPT_S, may_wait, step
from edge.audio.pickup import Pickup
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.audio.tape import Tape
from edge.audio.vad import Vad
from edge.audio.wake import ABOVE_DB, WAKE, Pair, Words
from edge.core.effects import Ears
from edge.core.events import BargedIn, Event, MicAudio, SpeechStarted
from edge.core.near_end import Verdict
from edge.core.speech import FRAME_S, Endpointer

AWAIT_S, CALL_S = 0.25, 0.1  # of sound for a look, while nobody can be calling the device, and while somebody may
BATCH, MOST_BATCH = 2, 20  # frames handed over at once, at least and at most
PAST_FRAMES = 1000  # 10 s: a person who interrupts is heard from the start, however long the decision took

Deliver = Callable[[int, Event], None]


class Frame(NamedTuple):
    """10 ms that ended at `at`, as they are after all cleaning."""

    samples: Samples
    at: float
    voiced: bool
    level_db: float


@dataclass(frozen=True, slots=True)
class Detectors:
    """What a front end judges by; the guard's near end and the endpointer know the same room."""

    endpointer: Endpointer
    guard: Guard | None = None
    gain: Gain | None = None


class FrontEnd:
    """`deliver(session, event)` is called for every event; a new session starts with each `set_ears`."""

    def __init__(
        self,
        deliver: Deliver,
        speaker: QueueSpeaker,
        endpointer: Endpointer,
        guard: Guard | None = None,
        gain: Gain | None = None,
    ) -> None:
        self._hand_on, self._speaker = deliver, speaker
        self._endpointer, self._guard, self._gain = endpointer, guard, gain
        self._vad = Vad()
        self._past: deque[Frame] = deque(maxlen=PAST_FRAMES)
        self._commands: deque[Callable[[], None]] = deque()
        self._ring: Ring | None = None
        self._pickup = Pickup(Format(CORE_RATE, 1))
        self._mode, self._session = Ears.OFF, 0
        self._position = self._origin = self._seen = 0  # _seen: what has at least been looked at
        self._made = 0  # samples at 16 kHz made into frames since `_origin`
        self._rest = self._pickup.empty()
        self._batch: list[bytes] = []
        self._heard_at: float | None = None
        self.words: Words | None = None  # that wake and stop
        self.wordless = ""  # why there are none, if there should be
        self.stand_in: Callable[[int], Samples] | None = None  # gives so many samples in the near end's place
        self.unasked: Callable[[float], bool] = self._is_unasked  # whether what is heard then is no voice to listen to
        self._tape: Tape | None = None
        self.level = -96.0
        self.lost = 0

    def attach(self, ring: Ring, form: Format, roles: Roles | None) -> None:
        """Take the frames of a freshly opened device; without roles, the mean. Called by whoever opened it."""
        self._commands.append(partial(self._attach, ring, Pickup(form, roles)))

    def set_ears(self, session: int, mode: Ears, since: float) -> None:
        """Leave a command for the audio thread. Called by the loop."""
        self._commands.append(partial(self._obey, session, mode, since))

    def set_patience(self, silence_s: float) -> None:
        """Leave a command for the audio thread: how long a silence ends the turn. Called by the loop."""
        self._commands.append(partial(self._be_patient, silence_s))

    def renew(self, fresh: Detectors, tape: Tape | None) -> None:
        """Leave a command: judge by these from now on, as after a restart, and let `tape` note all there is to it."""
        self._commands.append(partial(self._renew, fresh, tape))

    def untape(self) -> None:
        """Leave a command: nothing is noted any more."""
        self._commands.append(self._untape)

    def replay(self, columns: list[Samples], ats: list[float]) -> None:
        """Work on whole frames of near end and, where there is one, the array's reference, as if they came in now."""
        self._work_on(columns, ats)
        self._flush(BATCH)

    @property
    def active(self) -> bool:
        """Whether frames have to be worked on as they come."""
        return self._mode is not Ears.OFF or bool(self._commands)

    @property
    def endpointer(self) -> Endpointer:
        """What finds the end of a turn; of the thread that works."""
        return self._endpointer

    @property
    def listens(self) -> bool:
        """Whether somebody is listened to."""
        return self._mode is Ears.LISTEN

    @property
    def wakes(self) -> bool:
        """Whether a word wakes the device."""
        return self.words is not None and WAKE in self.words.names

    @property
    def commanded(self) -> bool:
        """Whether there is something to obey now."""
        return bool(self._commands)

    @property
    def worked(self) -> float:
        """The time of the last frame that has come in."""
        return 0.0 if self._ring is None else self._ring.stamp[1]

    @property
    def step(self) -> float | None:
        """How many seconds of sound are worth working on at once; None when a look now and then is enough."""
        if self._ring is None or self.rests:
            return None
        if max(self._position, self._seen) < self._ring.written:
            return 0.0
        if self._mode is Ears.AWAIT:
            return CALL_S if self.words is not None and self.words.hot else AWAIT_S
        voiced = bool(self._past) and self._past[-1].voiced
        return step(self._mode, self._endpointer, self._guard, voiced=voiced)

    def work(self) -> bool:
        """Obey commands, then process what is in the ring; returns whether there was anything."""
        while self._commands:
            self._commands.popleft()()
        if self._ring is None:
            return False
        if self.rests:
            self._look(self._ring)
            return False
        return self._process(self._ring)

    @property
    def rests(self) -> bool:
        """Nobody wants frames now: a reply that no voice can interrupt needs none, and the ring keeps them."""
        return self._mode is Ears.OFF or (self._mode is Ears.GUARD and self._guard is None)

    # --- commands ---------------------------------------------------------------------------------

    def _attach(self, ring: Ring, pickup: Pickup) -> None:
        self._ring, self._pickup = ring, pickup
        self._seek(ring.oldest())

    def _renew(self, fresh: Detectors, tape: Tape | None) -> None:
        fresh.endpointer.take_over(self._endpointer)
        self._endpointer, self._guard, self._gain = fresh.endpointer, fresh.guard, fresh.gain
        self._vad, self._heard_at, self._tape = Vad(), None, tape
        self._past.clear()
        self._batch.clear()
        if tape is not None:
            tape.begins(self._session, self._mode, self._endpointer.floor.db, self._endpointer.end_frames)

    def _untape(self) -> None:
        tape, self._tape = self._tape, None
        if tape is not None and self._guard is not None:
            self._guard.far = tape.inner

    def _be_patient(self, silence_s: float) -> None:
        self._endpointer.be_patient(silence_s)
        if self._tape is not None:
            self._tape.patience(silence_s)

    def _deliver(self, session: int, event: Event) -> None:
        if self._tape is not None:
            self._tape.heard(self._past[-1].at if self._past else 0.0, event)
        self._hand_on(session, event)

    def _obey(self, session: int, mode: Ears, since: float) -> None:
        if self._tape is not None:
            self._tape.ears(session, mode, since)
        rested, self._mode, self._session = self.rests, mode, session
        self._batch.clear()
        self._speaker.duck(False)  # whoever ducked or held it is no longer listened to
        self._speaker.pause(False)
        if self.words is not None:
            self.words.arm(mode, self.worked)
        if self._ring is None or self.rests or mode is Ears.AWAIT:
            self._past.clear()
        if self._ring is None or self.rests:
            return
        if mode is Ears.LISTEN:
            self._listen(self._ring, since)
        elif rested:
            self._seek(self._ring.written)
        if self._guard is not None and mode is Ears.GUARD:
            self._guard.prepare()
            self._guard.near_end.reset()
        if mode is Ears.WATCH and self._endpointer.speaking and self._heard_at is not None:
            self._deliver(session, SpeechStarted(self._heard_at))  # it began before the loop told us to watch

    def _listen(self, ring: Ring, since: float) -> None:
        """From a time in the past. A frame is cleaned once: the canceller's state is that of now."""
        self._endpointer.reset()
        if self._guard is not None:
            self._guard.prepare()
        if not self._past or self._past[0].at - FRAME_S > since:
            self._past.clear()
            self._seek(ring.position_at(since))
            return
        for frame in [past for past in self._past if past.at > since]:
            self._attend(frame)
        self._flush(BATCH)

    def _seek(self, position: int) -> None:
        self._position = self._origin = self._seen = position
        self._made = 0
        self._pickup.restart()
        self._rest = self._pickup.empty()

    # --- frames -----------------------------------------------------------------------------------

    def _look(self, ring: Ring) -> None:
        """At rest: only follow the room's level, so that the first word of a turn is judged rightly."""
        raw, _ = ring.read(ring.written - ring.rate // 50, ring.rate // 50)
        self.level = level_db(self._pickup.mono(raw))
        if len(raw) and self._mode is Ears.OFF:
            self.follow([self.level], round(IDLE_LOOK_S / FRAME_S))

    def follow(self, levels: list[float], frames: int = 1) -> None:
        """Nobody is listened to: only follow the room's level. Each stands for so many frames."""
        for level in levels:
            self._endpointer.floor.update(level, frames)
        if self._tape is not None:
            self._tape.room(levels, frames)

    def _may_wait(self, ring: Ring) -> bool:
        """Whether there is nothing in what has just come in that could interrupt a reply."""
        if self._mode is not Ears.GUARD or self._guard is None or self._pickup.turns:
            return False
        written = ring.written
        if written - self._position > KEPT_S * ring.rate:
            return False
        begin = max(self._position, self._seen)
        level = self._pickup.level_db(ring.last(begin))
        if not may_wait(self._guard, level, (written - begin) / ring.rate / FRAME_S):
            return False
        self._seen = written
        return True

    def _process(self, ring: Ring) -> bool:
        if self._may_wait(ring):
            return False
        raw, lost = ring.read(self._position, ring.rate // 2)
        self.lost += lost
        self._origin += lost
        self._position += lost + len(raw)
        if not len(raw):
            return False
        # an array is turned to a person, never to the loudspeaker
        voiced = None if self._speaker.busy or not self._past else self._past[-1].voiced
        fresh = self._pickup(raw, voiced=voiced)
        if self.stand_in is not None:
            fresh = fresh.copy()
            fresh[:, 0] = self.stand_in(len(fresh))
        samples = np.concatenate([self._rest, fresh])
        whole = len(samples) // FRAME * FRAME
        self._rest = samples[whole:]
        if whole:
            columns = [np.ascontiguousarray(column) for column in samples[:whole].T]
            ats = [self._next_at(ring) for _ in range(whole // FRAME)]
            if self._mode is Ears.AWAIT:
                self._await(columns[0].reshape(-1, FRAME), ats)
            else:
                self._work_on(columns, ats)
            self._flush(BATCH)
        return True

    def _work_on(self, columns: list[Samples], ats: list[float]) -> None:
        """Near end, and beside it the array's reference where there is one; whole frames."""
        near, guard = columns[0].reshape(-1, FRAME), self._guard
        if self._tape is not None:
            self._tape.frames(columns, ats)
        if guard is None:
            for samples, at, level in zip(near, ats, levels_db(near), strict=True):
                self._take(Frame(samples, at, self._vad(samples), level))
                self._spot(Pair(samples, SILENCE, at), level)
            return
        references = columns[1].reshape(-1, FRAME) if len(columns) > 1 else None
        for samples, clean, at in zip(near, guard.cleaned(columns[0], ats, references), ats, strict=True):
            self._take(Frame(clean, at, guard.voiced, guard.level_db))
            self._spot(Pair(samples, guard.sounds, at), guard.heard_db)  # a canceller garbles who talks over it

    def _next_at(self, ring: Ring) -> float:
        """When the next frame ended: by counting what comes out, for a resampler holds back now more and now less."""
        self._made += FRAME
        return ring.time_of(self._origin + round(self._made * ring.rate / CORE_RATE))

    def _await(self, near: Samples, ats: list[float]) -> None:
        levels = levels_db(near)
        for samples, level, at in zip(near, levels, ats, strict=True):
            self.level = level
            self._endpointer.floor.update(level)
            self._spot(Pair(samples, SILENCE, at), level)
        if self._tape is not None:
            self._tape.room(levels, 1)

    def _spot(self, pair: Pair, level_db: float) -> None:
        if self.words is not None:
            self.words.push(pair, loud=level_db >= self._endpointer.floor.db + ABOVE_DB)

    def _take(self, frame: Frame) -> None:
        self.level = frame.level_db
        self._past.append(frame)
        if self._mode is not Ears.GUARD:
            self._attend(frame)
        elif self._guard is not None:
            self._judge(self._guard, frame)

    def _attend(self, frame: Frame) -> None:
        voiced = frame.voiced
        if voiced and self.unasked(frame.at):
            voiced = False
            if self._tape is not None:
                self._tape.unasked(frame.at)
        event = self._endpointer.process(voiced, frame.level_db, frame.at)
        if isinstance(event, SpeechStarted):
            self._heard_at = event.onset
        if self._mode is Ears.LISTEN:
            self._hand_over(frame, event)
        elif isinstance(event, SpeechStarted):
            self._deliver(self._session, event)

    def _is_unasked(self, at: float) -> bool:
        return self._is_own(at) or self._is_word(at)

    def _is_own(self, at: float) -> bool:
        """Whether the microphone may hear a chime of the device itself, and nobody takes it out."""
        cancelled = self._guard is not None and self._guard.echo.facts.converged
        return not cancelled and self._speaker.overlay.covers(at)

    def _is_word(self, at: float) -> bool:
        """Whether this is the end of a word that was heard: whoever calls and says nothing has not asked."""
        return self.words is not None and at <= self.words.said_until

    def _hand_over(self, frame: Frame, event: Event | None) -> None:
        """Audio first, so that an event about a frame never overtakes the frame."""
        samples = frame.samples
        if self._gain is not None:
            samples = self._gain.process(samples, self._endpointer.speaking and frame.voiced)
        self._batch.append(samples.tobytes())
        self._flush(MOST_BATCH if event is None else 1)
        if event is not None:
            self._deliver(self._session, event)

    def _flush(self, least: int) -> None:
        """Hand over the frames that have come together, if there are so many."""
        if len(self._batch) >= least:
            self._deliver(self._session, MicAudio(b"".join(self._batch)))
            self._batch.clear()

    def _judge(self, guard: Guard, frame: Frame) -> None:
        verdict = guard.judge(frame.samples, frame.at)
        if verdict is not Verdict.NONE and self._tape is not None:
            self._tape.judged(frame.at, verdict)
        if verdict is Verdict.STOP:
            self._speaker.stop_all()
            self._deliver(self._session, BargedIn(guard.near_end.onset))
            guard.near_end.reset()
        elif verdict is not Verdict.NONE:
            self._speaker.pause(verdict is Verdict.PAUSE)
            self._speaker.duck(verdict is not Verdict.RESUME)
