"""A scenario played to the simulated device: the real front end, core, tools and engine, and no sound card.

The device's clock is stepped as fast as it goes while the person speaks and nobody works, and at the pace of real time
from the last word to the end of the reply as it comes: so latencies are those of the engine. What is said is kept, the
person and the device beside each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soxr

from edge.audio.convert import CORE_RATE, Samples
from edge.audio.files import OUT_RATE, FileSink, load
from edge.config import Config, Sounds
from edge.core.conversation import State
from edge.core.events import TextGiven
from edge.engines import engine
from edge.errors import EdgeVoiceError
from edge.evals.judging import Observed, judge
from edge.evals.scenario import Scenario, Turn
from edge.ports import Fields
from edge.testing import SimulatedDevice
from edge.tools.toolbox import Toolbox

READY_S, TURN_S = 120.0, 90.0  # of the device's time: a large model loads for a minute
BEFORE_S = 0.3  # from the tap to the first word
SILENT = Sounds(mute=False, error=False, offline=False, thinking=False, timer=False, reports=False)
OVER = frozenset({State.IDLE, State.ERROR, State.MUTED})

Speak = Callable[[str], Samples]


@dataclass(slots=True)
class Outcome:
    """What came of a scenario: `wrong` by turns; `sound` at OUT_RATE, the person left and the device right."""

    scenario: Scenario
    engine: str
    observed: list[Observed] = field(default_factory=list)
    wrong: list[list[str]] = field(default_factory=list)
    skipped: str = ""
    seconds: float = 0.0
    sound: Samples = field(default_factory=lambda: np.zeros((0, 2), np.int16))

    @property
    def good(self) -> bool:
        """Whether all was as it should be, or nothing was played."""
        return not any(self.wrong)


class _Keeping(FileSink):
    """A loudspeaker that keeps all that it plays, pauses included."""

    def __init__(self, device: SimulatedDevice) -> None:
        super().__init__(device.speaker, None, device.clock, paced=False)
        self.blocks: list[Samples] = []

    def step(self, now: float) -> None:
        """See FileSink."""
        self.blocks.append(self._speaker.render(OUT_RATE // 100, now))


class _Device(SimulatedDevice):
    """With this device's own tools, and an ear for both sides."""

    def __init__(self, config: Config) -> None:
        super().__init__(config=config)
        self.toolbox = Toolbox(lambda: self.speaker.volume, self._turn_to, config.device.timezone)
        self._tools = self.toolbox
        self._person: list[tuple[int, Samples]] = []  # from which block on
        self.kept: _Keeping | None = None

    def _turn_to(self, percent: int) -> None:
        self.speaker.volume = percent

    def keep(self) -> None:
        """From now on."""
        self.sink = self.kept = _Keeping(self)
        self.toolbox.post, self.toolbox.publish = self.daemon.post, self.daemon.publish
        self.daemon.ports.watchers.append(self.toolbox)

    def type(self, text: str) -> None:
        self._post(TextGiven(text))

    def _engine_works(self) -> bool:
        """Also while it loads, and while it judges a pause of the person: whether these words are all."""
        turn = self.daemon.conversation.turn
        paused = turn is not None and turn.spoke and not turn.ended and not self._source.playing
        return self.kept is None or paused or super()._engine_works()

    async def hear(self, sound: Path | str | Samples, *, then: float = 0.0) -> None:
        """See SimulatedDevice."""
        samples = sound if isinstance(sound, np.ndarray) else load(Path(sound))
        if self.kept is not None:
            self._person.append((len(self.kept.blocks), samples))
        await super().hear(samples, then=then)

    def sound(self) -> Samples:
        """All of it, by channels."""
        blocks = self.kept.blocks if self.kept is not None else []
        table = np.zeros((len(blocks) * OUT_RATE // 100, 2), np.int16)
        if blocks:
            table[:, 1] = np.concatenate(blocks)
        for block, samples in self._person:
            wide = soxr.resample(samples, CORE_RATE, OUT_RATE)
            at = block * OUT_RATE // 100
            table[at : at + len(wide), 0] = wide[: len(table) - at]
        return table


async def play(scenario: Scenario, config: Config, speak: Speak) -> Outcome:
    """Once, on a new device. What goes wrong is in the outcome; raises ConfigError for an engine that cannot be."""
    talk = replace(config.conversation, follow_up_s=0.0, greeting="")
    config = replace(config, conversation=talk, sounds=SILENT)
    device = _Device(config)
    began = time.perf_counter()
    async with AsyncExitStack() as stack:
        device.agent = engine(config, lambda event: device.daemon.post(event), device.toolbox, stack)  # noqa: PLW0108  made later
        outcome = Outcome(scenario, device.agent.name)
        async with device:
            await _converse(device, scenario, outcome, speak)
            outcome.sound = device.sound()
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _converse(device: _Device, scenario: Scenario, outcome: Outcome, speak: Speak) -> None:
    with suppress(TimeoutError):
        await device.run_until(lambda: device.daemon.conversation.ready or bool(device.problems), READY_S)
    if not device.daemon.conversation.ready:
        outcome.wrong.append(device.problems or ["the engine did not become ready"])
        return
    outcome.engine = device.agent.name
    if lack := lacking(scenario, await _settled(device)):
        outcome.skipped = lack
        return
    device.keep()
    for turn, later in zip(scenario.turns, [*scenario.turns[1:], None], strict=True):
        first, known = len(device.watcher.events), _last_turn(device.watcher.events)
        trouble = []
        try:
            await _take(device, turn, speak)
            await _wait(device, later)
        except (TimeoutError, EdgeVoiceError) as error:
            trouble.append(f"{error}")
        before = outcome.observed[-1] if outcome.observed else None
        seen = observed(device.watcher.events[first:], known)
        outcome.observed.append(seen)
        outcome.wrong.append(trouble + judge(turn, seen, before))
        if trouble:
            return
    await device.run(0.3)


def lacking(scenario: Scenario, stats: Fields) -> str:
    """What the scenario needs and this engine says that it has not, or ""."""
    state = stats.get("language_model", "loaded")
    if "language_model" in scenario.needs and state != "loaded":
        return f"there is no language model: {state}"
    return ""


async def _settled(device: _Device) -> Fields:
    """What the engine tells of itself when its language model has been loaded, or cannot be."""
    with suppress(TimeoutError):
        await device.run_until(lambda: device.agent.stats().get("language_model") != "loading", READY_S)
    return device.agent.stats()


async def _take(device: _Device, turn: Turn, speak: Speak) -> None:
    """What the person does."""
    if turn.mode == "type":
        device.type(turn.what)
        await device.run(0)
        return
    sound = load(Path(turn.what)) if turn.mode == "audio" else speak(turn.what)
    if turn.into_reply_s is None or turn.button:
        device.press()
        await device.run(BEFORE_S)
    await device.hear(sound)


async def _wait(device: _Device, later: Turn | None) -> None:
    """Until the turn is over, or so far that the next one interrupts its reply."""
    if later is None or later.into_reply_s is None:
        await device.run_until(lambda: device.state in OVER, TURN_S)
        return
    await device.run_until(lambda: device.state is State.SPEAKING or device.state in OVER, TURN_S)
    end = device.clock.now + later.into_reply_s
    await device.run_until(lambda: device.clock.now >= end or device.state in OVER, TURN_S)
    if device.state is not State.SPEAKING:
        raise TimeoutError(f"the reply was over before {later.into_reply_s:g} s of it could be heard")


def _last_turn(events: list[tuple[str, Fields]]) -> int:
    turns = [fields.get("turn", 0) for _, fields in events]
    return max((turn for turn in turns if isinstance(turn, int)), default=0)


def observed(events: list[tuple[str, Fields]], known: int) -> Observed:
    """What these events tell; those of turns up to `known` only that a reply was cut."""
    found = Observed()
    for name, fields in events:
        turn = fields.get("turn")
        if isinstance(turn, int) and turn <= known:
            found.cut = found.cut or name == "interrupted"
        elif name == "user_transcript" and fields["final"]:
            found.heard = f"{found.heard} {fields['text']}".strip()
        elif name == "reply_transcript":
            found.said += str(fields["text"])
        elif name == "tool" and isinstance(fields["arguments"], dict):
            found.tools.append((str(fields["name"]), fields["arguments"]))
        elif name == "turn" and isinstance(fields["latency_ms"], dict):
            found.latency_ms = fields["latency_ms"]
        elif name == "error":
            found.problems.append(str(fields["message"]))
    return found
