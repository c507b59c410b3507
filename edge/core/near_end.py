"""Duck, pause, then decide: is somebody talking over the reply? Pure.

Three steps, each of which costs the listener more and needs more evidence. Duck, at 20 to 30 ms of voice: a cough
costs a dip. Pause, when it sounds like speech, or under echo as soon as it lasts: the reply is held and nothing of
it is lost, while the room is heard without it; a sneeze costs a fifth of a second. Stop, when the echo is over, if
that was speech and something was there which the reply's own echo cannot be. Otherwise the reply goes on.

Two cancellers are listened to. AEC3 leaves next to nothing of any echo, and not much of a voice beside it; a linear
one leaves the voice whole, and of a well behaved loudspeaker little. Where it does, it is believed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from edge.core.judgement import Heard, Sound, score
from edge.core.speech import FRAME_S, NoiseFloor


class Verdict(StrEnum):
    """What to do with the reply that is playing.

    DUCK plays it softly, also after PAUSE, which holds it: silent, and complete. RESUME undoes both.
    """

    NONE = "none"
    DUCK = "duck"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class NearFrame:
    """10 ms of the near end, echo cancelled, levels in dBFS.

    `far_db` is the far end now, `held_db` its loudest of the last 250 ms. `speech` (a neural detector's probability)
    and `sound` are needed only while `NearEnd.suspicious`; `erle_db` is what the canceller takes off lately, and
    `delay` by how many frames the echo follows the far end. `linear_db` is the level behind the linear canceller (above
    any where there is none): while `NearEnd.trusts_linear`, all the rest is about its output, too. `likeness` says how
    much of what is in there the far end looks like, from 0 to 1; needed only while `NearEnd.paused`.
    """

    level_db: float
    held_db: float
    voiced: bool
    speech: float | None = None
    sound: Sound | None = None
    erle_db: float = 0.0
    far_db: float = -96.0
    delay: int = 0
    linear_db: float = 96.0
    likeness: float = 0.0


@dataclass(frozen=True, slots=True)
class NearEndSettings:
    """`mode`: duck (duck, pause, decide), stop (decide, unheard), button and off (voice never interrupts).

    Frames are 10 ms. The defaults are those of the bench's tables.
    """

    mode: str = "button"
    above_floor_db: float = 9.0
    least_db: float = -50.0
    above_echo_db: float = 6.0  # over all but the loudest twentieth of the residual echo
    # What cancels so much garbles the voice as well. Where there is that much echo, waiting brings no evidence:
    # the reply is held sooner, and tried again sooner.
    echo_erle_db: float = 6.0
    duck_needed: int = 2  # of the last three: the first 30 ms of a voice
    strong_db: float = 10.0  # one frame is enough that stands out by so much more, but not under echo
    pause_speech: float = 0.5  # one answer of the neural detector, 60 ms after the onset; two cost 30 ms more
    # Of the last twelve, where that detector says nothing. A noise that is paused for early is judged early.
    pause_needed: int = 8
    pause_score: float = -4.0  # where there is no echo: what is so clearly no speech is not paused for
    echo_pause_speech: float = 0.35
    echo_pause_needed: int = 5
    # Of silence at the loudspeaker, by the far end's own account, and of its echo's delay. From here on the room is
    # heard: AEC3 still took 8 dB off one voice in four after 50 ms, 35 dB after 20.
    clear_frames: int = 6
    decay_db: float = 1.0  # a frame, by which an echo is weaker from then on: a room of 0.6 s
    judge_frames: int = 9
    # Judged again and again: with 40 ms of delay and the way back, a gap of 190 to 240 ms; one of 250 ms is a stop.
    judge_for: int = 5
    echo_judge_for: int = 4  # for with drifting clocks the delay is found 10 or 20 ms longer than it is
    still_needed: int = 3  # clear frames in which something is there
    longest_pause: int = 40  # should the loudspeaker not fall silent
    retry_frames: int = 15  # after a pause that was for nothing, if the detector is now sure ...
    retry_blind_frames: int = 30  # ... or, without one, if the voice has gone on
    quiet_frames: int = 30  # without voice: the reply comes back up


class Leak:
    """How loud the far end comes through the canceller, in dB of its level: the quantile that 1 in 20 frames exceed."""

    START_DB = 0.0  # as if nothing were cancelled, until shown otherwise: the first seconds are safe
    LEAST_DB = -60.0
    UP_DB = 0.4
    DOWN_DB = UP_DB / 20
    FIRST_FRAMES = 200  # the first two seconds of far end, in which it moves faster
    FIRST_UP_DB, FIRST_DOWN_DB = 4.0, 0.3
    ACTIVE_DB = -45.0  # a quieter far end teaches nothing
    WAIT_FRAMES = 15  # an unvoiced beginning must not raise what the voice is measured against

    def __init__(self, haste: float = 1.0) -> None:
        self._haste = haste  # how many times faster it follows than is usual
        self.db = self.START_DB
        self._frames = 0
        self._waiting: deque[float] = deque()

    @property
    def settled(self) -> bool:
        """Whether the first seconds are over."""
        return self._frames >= self.FIRST_FRAMES

    def update(self, level_db: float, held_db: float) -> None:
        """One frame in which nobody seems to speak."""
        if held_db < self.ACTIVE_DB:
            return
        self._waiting.append(level_db - held_db)
        if len(self._waiting) > self.WAIT_FRAMES:
            self._learn(self._waiting.popleft())

    def forget(self) -> None:
        """Somebody does speak, so that the last frames were no echo."""
        self._waiting.clear()

    def _learn(self, ratio_db: float) -> None:
        self._frames += 1
        first = self._frames <= self.FIRST_FRAMES
        up, down = (
            (self.FIRST_UP_DB, self.FIRST_DOWN_DB) if first else (self.UP_DB * self._haste, self.DOWN_DB * self._haste)
        )
        self.db = self.db + up if ratio_db > self.db else max(self.db - down, self.LEAST_DB)


BEGINNING = 30  # frames of a reply, in which a linear canceller may have to find by how much a card's clock has moved
HASTE = 5.0  # a linear canceller finds a path later than AEC3, and loses it for a moment at every change
TRUSTED_DB = -26.0  # what a linear canceller leaves of a reply at most, where it is better than AEC3
# Of what somebody says over a reply the far end is 0.2, and over one in twenty 0.3; of the echo of a loudspeaker that
# was turned up or carried off, which no filter knows yet, 0.42 and more.
LIKE = 0.33


class Stage(StrEnum):
    """How far a suspicion has come."""

    IDLE = "idle"
    DUCKED = "ducked"
    PAUSED = "paused"


RECENT, ONSET, STILL = 12, 3, 5  # frames looked back at
SILENT_DB = -70.0  # of a far end that is held
SURE = (10, 9, 0.9)  # frames, of which so many are likelier speech than that: three answers of the neural detector
SURE_OVER_ECHO = (6, 6, 0.7)


class NearEnd:
    """`process` every frame while the device speaks; `reset` when a reply begins and after STOP."""

    def __init__(self, settings: NearEndSettings | None = None, floor: NoiseFloor | None = None) -> None:
        self.settings = settings or NearEndSettings()
        self.floor = floor or NoiseFloor()
        self.leak, self.linear = Leak(), Leak(HASTE)
        self.reset()

    def reset(self) -> None:
        """A new reply begins. What is known of the room and of the canceller stays."""
        self._stage = Stage.IDLE
        self._recent: deque[bool] = deque([False] * RECENT, maxlen=RECENT)
        self._heard: list[Heard] = []
        self._quiet = self._paused = self._silent = self._there = 0
        self._tried: int | None = None
        self._begun = 0
        self.onset = 0.0

    def moved(self) -> None:
        """The far end was set right: for a moment a linear canceller cannot be believed."""
        self._begun = 0

    @property
    def trusts_linear(self) -> bool:
        """Whether the next frame is to be that of the linear canceller: it leaves little of the echo."""
        return self._aligned and self.linear.settled and self.linear.db <= TRUSTED_DB

    @property
    def _aligned(self) -> bool:
        return self._begun >= BEGINNING

    @property
    def _leak(self) -> Leak:
        return self.linear if self.trusts_linear else self.leak

    def _level_db(self, frame: NearFrame) -> float:
        return frame.linear_db if self.trusts_linear else frame.level_db

    @property
    def by_voice(self) -> bool:
        """Whether voice can interrupt at all."""
        return self.settings.mode in {"duck", "stop"}

    @property
    def suspicious(self) -> bool:
        """Whether the next frame should come with `speech` and `sound`."""
        return self._stage is not Stage.IDLE

    @property
    def paused(self) -> bool:
        """Whether the next frame should come with `likeness`."""
        return self._stage is Stage.PAUSED

    def stands_out(self, level_db: float, held_db: float) -> bool:
        """Whether a level is neither the room's, nor what the canceller leaves of the far end."""
        return level_db >= max(self._room_db, self._leak.db + held_db + self.settings.above_echo_db)

    @property
    def _room_db(self) -> float:
        return max(self.floor.db + self.settings.above_floor_db, self.settings.least_db)

    def process(self, frame: NearFrame, at: float) -> Verdict:
        """One frame that ended at `at`. After STOP the caller resets."""
        if not self.by_voice:
            return Verdict.NONE
        self._begun += 1
        out = frame.voiced and self.stands_out(self._level_db(frame), frame.held_db)
        self._recent.append(out)
        verdict = self._step(frame, out, at)
        return verdict if verdict is Verdict.STOP or self.settings.mode == "duck" else Verdict.NONE

    def _step(self, frame: NearFrame, out: bool, at: float) -> Verdict:
        if self._stage is Stage.IDLE:
            return self._watch(frame, at)
        self._heard.append(Heard(self._level_db(frame), out, frame.speech, frame.sound or Sound()))
        self._quiet = 0 if self._voices(ONSET) >= self.settings.duck_needed else self._quiet + 1
        return self._wait(frame) if self._stage is Stage.DUCKED else self._judge(frame)

    def _voices(self, frames: int) -> int:
        return sum(list(self._recent)[-frames:])

    def _over_echo(self, frame: NearFrame) -> bool:
        """Whether what is judged was garbled by a canceller."""
        return frame.erle_db > self.settings.echo_erle_db and not self.trusts_linear

    def _watch(self, frame: NearFrame, at: float) -> Verdict:
        voices = self._voices(ONSET)
        if not voices:
            self.leak.update(frame.level_db, frame.held_db)
            if self._aligned:
                self.linear.update(frame.linear_db, frame.held_db)
            self.floor.update(self._level_db(frame))
        if voices < self.settings.duck_needed and not self._strong(frame):
            return Verdict.NONE
        self.leak.forget()
        self.linear.forget()
        self._stage, self._heard, self._quiet, self._tried = Stage.DUCKED, [], 0, None
        self.onset = at - (ONSET - list(self._recent)[-ONSET:].index(True)) * FRAME_S
        return Verdict.DUCK

    def _strong(self, frame: NearFrame) -> bool:
        level_db = self._level_db(frame) - self.settings.strong_db
        return self._recent[-1] and not self._over_echo(frame) and self.stands_out(level_db, frame.held_db)

    def _wait(self, frame: NearFrame) -> Verdict:
        if self._quiet >= self.settings.quiet_frames:
            self._stage = Stage.IDLE
            return Verdict.RESUME
        likely = self._likely if self._tried is None else self._sure
        if not self._voices(ONSET) or not likely(frame.speech, self._over_echo(frame)):
            return Verdict.NONE
        self._stage, self._paused, self._silent, self._there = Stage.PAUSED, 0, 0, 0
        return Verdict.PAUSE

    def _likely(self, speech: float | None, echo: bool) -> bool:
        s = self.settings
        least, needed = (s.echo_pause_speech, s.echo_pause_needed) if echo else (s.pause_speech, s.pause_needed)
        if (speech or 0.0) < least and self._voices(RECENT) < needed:
            return False
        return echo or speech is None or score(self._heard) > s.pause_score

    def _sure(self, speech: float | None, echo: bool) -> bool:
        """After a pause that was for nothing."""
        s = self.settings
        since = len(self._heard) - (self._tried or 0)
        if since < (s.retry_blind_frames if speech is None else s.retry_frames):
            return False
        frames, needed, least = SURE_OVER_ECHO if echo else SURE
        return sum(h.out if h.speech is None else h.speech > least for h in self._heard[-frames:]) >= needed

    def _judge(self, frame: NearFrame) -> Verdict:
        s = self.settings
        self._paused += 1
        self._silent = self._silent + 1 if frame.far_db < SILENT_DB else 0
        clear = self._silent - frame.delay
        self._there += clear >= s.clear_frames and self._is_there(frame, clear)
        over = self._paused >= s.longest_pause
        if clear < s.judge_frames and not over:
            return Verdict.NONE
        there = self._voices(STILL) if over else self._there
        if there >= s.still_needed and not self._is_echo(frame) and self._is_speech(frame):
            return Verdict.STOP
        last = s.judge_frames + (s.echo_judge_for if self._over_echo(frame) else s.judge_for)
        if clear < last and not over:
            return Verdict.NONE
        if self._is_echo(frame):
            self.linear = Leak(HASTE)  # it has to show again that it can be trusted
        self._stage, self._tried = Stage.DUCKED, len(self._heard)
        return Verdict.DUCK

    def _is_there(self, frame: NearFrame, clear: int) -> bool:
        """Whether it is louder than the room and than what an echo has come down to by now, voiced or not."""
        level_db = self._level_db(frame)
        return level_db >= self._room_db and self.stands_out(level_db + self.settings.decay_db * clear, frame.held_db)

    def _is_echo(self, frame: NearFrame) -> bool:
        """Whether it is the far end itself, on a way that the canceller which is believed does not know yet."""
        return frame.likeness > LIKE

    def _is_speech(self, frame: NearFrame) -> bool:
        """In the first seconds of an echo its delay is not known: what is heard then may be the reply."""
        echo = self._over_echo(frame)
        return (self._leak.settled or not echo) and score(self._heard, echo=echo) > 0
