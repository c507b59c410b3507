"""How long after the last word a turn ends, and how often a pause is taken for the end.

Three ways: one silence for everybody, patience that is learnt in the conversation, and the same with the
engine's opinion of the words so far (the real ears; their time counts). Recordings whose name hashes to 0 were
used to choose the constants.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import soxr

from edge.agents.local.understanding.completeness import judged
from edge.agents.local.understanding.made_up import is_hallucination
from edge.agents.local.understanding.meaning import Context
from edge.agents.local.worker.voice import RATE as VOICE_RATE
from edge.agents.local.worker.voice import Voice
from edge.audio.convert import Samples
from edge.audio.files import load
from edge.config import Config, Conversation
from edge.core.events import Event, ReplyEnded, TranscriptHeard, TurnSeems
from edge.testing import ScriptedAgent, SimulatedDevice
from tests.bench.clips import Clip, clips, english
from tests.bench.table import median, percentile, show
from tests.speech import models_present, whisper

RATE = 16_000
SILENCES_MS = (350, 450, 550, 700, 1000, 1400)
PAUSES_MS = (600, 800, 1000)
THINKS_S = 0.6  # until the reply begins: who goes on before that was cut off, and is heard to be
AFTER_S = 2.0
LOUDNESS, SOUND = 0.3, 60  # of the made-up voice; what counts as its last sound
# Made up by whoever wrote the rules about words, before they were run on them; a hesitation is where the stroke is.
SENTENCES = (
    "Set a timer for |ten minutes.", "What is the weather like in |Paris?", "Turn on the |kitchen light.",
    "How many people live in |Germany?", "Can you tell me |what time it is?", "Tell me a joke about |cats.",
    "I want to |know how far away the moon is.", "What is twenty three times |seventeen?",
    "Please turn the volume down |to thirty percent.", "Who wrote |Romeo and Juliet?",
    "Why is the sky |blue in the daytime?", "Remind me to |water the plants.",
    "Explain how a |refrigerator works.", "What should I |cook for dinner tonight?",
    "My sister and |her husband are coming on Sunday.", "Cancel |the timer.",
)  # fmt: skip
ALWAYS_S = 60.0  # one recording begins with seven seconds of silence
KEEP_BYTES = 128_000  # what was read before a pause is not read again from 4 s on (agents/local/hearing)
SPLIT_S = 2.5  # shorter sentences have no middle to pause in
SEVERAL = ("arctic_aew", "cards", "librivox")  # recordings of one speaker each
ROUNDS = 3
EDGE_S = 0.05  # around a pause that is stretched


@dataclass(frozen=True, slots=True)
class Case:
    """Something said in one turn; the last word ends at `last_s`."""

    name: str
    sound: Samples
    last_s: float

    @property
    def chosen_on(self) -> bool:
        """Whether it was in the half that the constants were chosen on."""
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % 2 == 0


@dataclass(frozen=True, slots=True)
class Way:
    """How ends are found."""

    name: str
    talk: Conversation
    words: bool = False


class _Ends(ScriptedAgent):
    """Notes when it was told that a turn is over; with `words`, says how complete what it reads seems."""

    def __init__(self, *, words: bool) -> None:
        super().__init__(judges=words)
        self.words, self.now = words, 0.0
        self.ends: list[tuple[float, float]] = []
        self._text, self._text_at, self._cut, self._paused = "", 0.0, 0, (0, "")
        self._due: list[tuple[float, Event]] = []

    def eager_end(self, turn: int) -> None:
        """See ports.Agent."""
        super().eager_end(turn)
        pcm = bytes(self.heard[turn])
        if self.calls.count(("eager_end", turn)) == 1:
            self._text, self._cut = "", 0
        text, seconds = _read(pcm[self._cut :])
        self._paused = (len(pcm), f"{self._text} {text}".strip())
        self._text_at = self.now + seconds
        if self.words:
            self._due.append((self._text_at, TurnSeems(turn, judged(self._paused[1], Context()))))

    def turn_resumed(self, turn: int) -> None:
        """See ports.Agent."""
        super().turn_resumed(turn)
        self._due.clear()
        if self._paused[0] - self._cut >= KEEP_BYTES:
            self._cut, self._text = self._paused

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self.ends.append((self.now, self._text_at))
        at = self.now + THINKS_S
        self._due = [(at, TranscriptHeard(turn, "words", final=True)), (at, ReplyEnded(turn))]

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """See ports.Agent."""
        super().interrupt(turn, heard_ms, goes_on=goes_on)
        self._due.clear()

    def tick(self, now: float) -> None:
        """Say what is due."""
        self.now = now
        due = [event for at, event in self._due if at <= now]
        self._due = [one for one in self._due if one[0] > now]
        for event in due:
            self.post(event)


class _Device(SimulatedDevice):
    """With an engine that needs time."""

    async def _step(self) -> None:
        await super()._step()
        assert isinstance(self.agent, _Ends)
        self.agent.tick(self.clock.now)


_READ: dict[bytes, tuple[str, float]] = {}


def _read(pcm: bytes) -> tuple[str, float]:
    """What the engine's ears make of it, and how long that took here; read once, so that all rows see the same."""
    key = hashlib.sha256(pcm).digest()
    if not models_present():
        return "", 0.0
    if key not in _READ:
        began = time.perf_counter()
        got = whisper().read(pcm)
        seconds = time.perf_counter() - began
        made_up = is_hallucination(got.text, score=got.score, no_speech=got.no_speech, seconds=got.seconds)
        _READ[key] = ("" if made_up else got.text, seconds)
    return _READ[key]


async def _conversation(way: Way, cases: Sequence[Case]) -> list[list[tuple[float, float]]]:
    """When turns ended in each case, and their text was there, in seconds after its beginning; hands-free."""
    agent, told = _Ends(words=way.words), []
    talk = replace(way.talk, follow_up_s=ALWAYS_S, no_speech_s=ALWAYS_S)
    async with _Device(agent, replace(Config(), conversation=talk)) as device:
        for case in cases:
            if device.state == "idle":
                device.press()
            await device.run(0.02)
            began, before = device.clock.now, len(agent.ends)
            await device.hear(case.sound, then=AFTER_S)
            told.append([(end - began, text - began) for end, text in agent.ends[before:]])
    return told


def _row(way: Way, talks: Sequence[Sequence[Case]]) -> tuple[object, ...]:
    pairs = [pair for cases in talks for pair in zip(cases, asyncio.run(_conversation(way, cases)), strict=True)]
    cut = [any(end < case.last_s for end, _ in ends) for case, ends in pairs]
    late = [
        [(end - case.last_s, text - case.last_s) for end, text in ends if end >= case.last_s] for case, ends in pairs
    ]
    delays = [ends[0][0] * 1000 for ends in late if ends]
    usable = [max(ends[0]) * 1000 for ends in late if ends]
    found, count = sum(bool(ends) for _, ends in pairs), len(pairs)
    stats = [round(f) for f in (median(delays), percentile(delays, 0.95), median(usable), percentile(usable, 0.95))]
    return (way.name, f"{found}/{count}", f"{sum(cut)}/{count}", *stats)


# --- what is said ----------------------------------------------------------------------------------------


def recordings() -> list[Case]:
    """All labelled speech, as it was recorded."""
    return [Case(clip.name, load(clip.path), clip.speech[-1][1]) for clip in _labelled()]


def stretched(pause_ms: int) -> list[Case]:
    """Sentences in two parts: the longest pause, or the quietest moment of the middle, made as long as this."""
    made = []
    for clip in _labelled():
        gap = _gap(clip)
        if gap is not None:
            made.append(_with_pause(clip, gap, pause_ms / 1000))
    return sorted(made, key=lambda case: hashlib.sha256(case.name.encode()).hexdigest())


def spoken(pause_ms: int) -> list[Case]:
    """What people say to a device, in the device's own voice, with a pause where one hesitates, or without."""
    return [_spoken(number, text, pause_ms / 1000) for number, text in enumerate(SENTENCES)]


def _spoken(number: int, text: str, pause_s: float) -> Case:
    room = _noise(0.5)
    parts = [_voice(part) for part in (text.split("|") if pause_s else [text.replace("|", "")])]
    samples = np.concatenate([room, *(piece for part in parts for piece in (part, _noise(pause_s)))])
    return Case(f"spoken_{number}", samples, len(samples) / RATE - pause_s)


@cache
def _voice(text: str) -> Samples:
    """From the first sound to the last."""
    whole = np.frombuffer(b"".join(Voice().speak(text)), np.int16).astype(np.float32)
    samples = soxr.resample(whole, VOICE_RATE, RATE) * LOUDNESS
    loud = np.flatnonzero(np.abs(samples) > SOUND)
    return np.asarray(samples[loud[0] : loud[-1] + 1], np.int16)


def _noise(seconds: float) -> Samples:
    return np.random.default_rng(1).normal(0, 8, round(seconds * RATE)).astype(np.int16)


def _labelled() -> list[Clip]:
    return [*english(), *(clip for clip in clips("turns") if clip.speech)]


def _gap(clip: Clip) -> tuple[float, float] | None:
    """Where the pause is: between two labelled stretches, else a point."""
    gaps = [(a[1], b[0]) for a, b in zip(clip.speech, clip.speech[1:], strict=False)]
    if gaps:
        return max(gaps, key=lambda gap: gap[1] - gap[0])
    start, end = clip.speech[0]
    if end - start < SPLIT_S:
        return None
    low, high = start + 0.35 * (end - start), start + 0.65 * (end - start)
    part = load(clip.path)[round(low * RATE) : round(high * RATE)].astype(np.float64)
    block = round(EDGE_S * RATE)
    power = np.convolve(part**2, np.ones(block), "valid")
    at = low + (int(np.argmin(power)) + block / 2) / RATE
    return at, at


def _with_pause(clip: Clip, gap: tuple[float, float], pause_s: float) -> Case:
    sound = load(clip.path)
    start, end = (round(at * RATE) for at in gap)
    room = _room(sound)
    silence = np.resize(np.concatenate([room, room[::-1]]), round(pause_s * RATE))
    samples = np.concatenate([sound[:start], silence, sound[end:]])
    return Case(clip.name, samples, clip.speech[-1][1] + pause_s - (gap[1] - gap[0]))


def _room(sound: Samples) -> Samples:
    """The quietest 100 ms that are not digital silence."""
    block = RATE // 10
    rows = sound[: len(sound) // block * block].reshape(-1, block)
    power = np.mean(rows.astype(np.float64) ** 2, axis=1)
    return rows[int(np.argmin(np.where(power > 0, power, np.inf)))]


# --- the tables ------------------------------------------------------------------------------------------


def fixed(silence_ms: int) -> Way:
    """The same silence for everybody."""
    talk = replace(
        Config().conversation, end_silence_ms=silence_ms, eager_silence_ms=min(200, silence_ms - 50),
        least_silence_ms=silence_ms, most_silence_ms=silence_ms, unfinished_silence_ms=silence_ms,
    )  # fmt: skip
    return Way(f"fixed {silence_ms}", talk)


def ways() -> list[Way]:
    """What is compared."""
    talk = Config().conversation
    plain = fixed(talk.end_silence_ms)
    return [plain, Way("adaptive", talk), *([Way("adaptive + words", talk, words=True)] if models_present() else [])]


HEADER = ("ends found by", "turns found", "cut in a pause", "delay median ms", "p95", "with text", "p95")


def halves(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """By the hash of the name."""
    return {
        "chosen on": [case for case in cases if case.chosen_on],
        "not chosen on": [case for case in cases if not case.chosen_on],
    }


def by_speaker(cases: Sequence[Case]) -> list[list[Case]]:
    """Conversations: each speaker says what was recorded of them, and all of it again, and again."""
    talks: dict[str, list[Case]] = {}
    for case in cases:
        name = case.name.rpartition("_")[0] if case.name.startswith(SEVERAL) else case.name
        talks.setdefault(name, []).append(case)
    return [talk * ROUNDS for talk in talks.values()]


async def _false_starts() -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for clip in clips("noise"):
        [ends] = await _conversation(fixed(550), [Case(clip.name, load(clip.path), 0.0)])
        if ends:
            rows.append((clip.name, len(ends)))
    return rows


def run() -> None:
    """Every recording of speech in each way; the same with longer pauses; then the noises."""
    cases = recordings()
    show("Endpointing with one silence for everybody (from the labelled end of the last word)",
         HEADER, [_row(fixed(ms), [[case] for case in cases]) for ms in SILENCES_MS])  # fmt: skip
    for half, some in halves(cases).items():
        show(f"Each speaker in a conversation of their own: {half}",
             HEADER, [_row(way, by_speaker(some)) for way in ways()])  # fmt: skip
    for pause_ms in PAUSES_MS:
        for half, some in halves(stretched(pause_ms)).items():
            show(f"One conversation, one pause of {pause_ms} ms in each sentence: {half}",
                 HEADER, [_row(way, [some]) for way in ways()])  # fmt: skip
    for pause_ms in (0, *PAUSES_MS) if models_present() else ():
        show(f"Sentences to a device, in its own voice, each by itself, a pause of {pause_ms} ms in it",
             HEADER, [_row(way, [[case] for case in spoken(pause_ms)]) for way in ways()])  # fmt: skip
    noises = asyncio.run(_false_starts())
    count = len(clips("noise"))
    title = f"Noises taken for a turn by the detector: {len(noises)} of {count} (the transcript check comes after)"
    show(title, ("recording", "turns"), noises)
