"""`python -m tests.bench faults [--count 500] [--seed 1]`: faults in a row, each followed by a spoken turn.

What is counted: crashes, watchdogs that would have bitten, turns that did not work, threads and files left over. Most
of them on the Realtime engine, the rest on the offline one.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from edge.agents.local.setup import models_dir
from edge.config import load
from edge.errors import ControlError
from tests.bench.attended import Held, Refused, Unheard, attended, held
from tests.bench.mishaps import OFFLINE, ONLINE, Mishap, Patient, Watchdog, volatile
from tests.bench.realtime import Served
from tests.bench.table import median, show
from tests.rig import Rig, rig, wait_for

COUNT, OFFLINE_SHARE = 500, 0.1
WARM_UP = 10  # faults before which nothing is compared: some of what is loaded is loaded for the first
PHASES = ("idle", "idle", "listening", "thinking", "speaking")
READY_S, REST_S, HANG_S = 20.0, 15.0, 10.0
MOST_REFUSALS = 1  # after a fault
SHORT_S, LONG_S, WHOLE_S = 0.25, 5.0, 10.0


@dataclass
class Score:
    """What came of the faults of one kind."""

    ready: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass
class Tally:
    """What came of all of them."""

    scores: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    crashes: int = 0
    refused: int = 0  # presses that were answered by a red light before the last word
    unready: int = 0  # spoken to before they said that they were ready
    locked: int = 0  # the rig's sound server answered no more, and was started anew
    hangs: list[float] = field(default_factory=list)
    at_rest: list[Held] = field(default_factory=list)


class Ward:
    """One daemon that things happen to."""

    def __init__(self, patient: Patient, chance: random.Random, tally: Tally, watchdog: Watchdog) -> None:
        self._patient, self._chance, self._tally, self._watchdog = patient, chance, tally, watchdog
        self._person, self._served = patient.person, patient.served
        self._before = deque[str](maxlen=3)

    def suffer(self, mishaps: dict[str, Mishap], count: int) -> None:
        """So many of them, at random."""
        for number in range(count):
            if number == min(WARM_UP, count // 2):
                self._rest()
            name = self._chance.choice(list(mishaps))
            phase = self._chance.choice(PHASES)
            problem = self._one(name, mishaps[name], phase)
            if problem:
                self._tally.scores[name].failed.append(problem)
                before = ", ".join(self._before)
                print(f"{number}: {name}, {phase}, after {before}: {problem[:60]} ... {problem[-500:]}", flush=True)
            self._before.append(f"{name} ({phase})")
            if number % 25 == 24:
                print(f"{number + 1} faults", flush=True)
            if self._person.device.process.poll() is not None:
                self._tally.crashes += 1
                return
        self._rest()

    def _one(self, name: str, mishap: Mishap, phase: str) -> str:
        """Why the turn after it did not work, if it did not."""
        self._watchdog.begin()
        heal: Callable[[], None] | None = None
        try:
            self._bring_to(phase)
            heal = mishap(self._patient, self._chance)
            self._tally.scores[name].ready.append(self._ready())
            self._converse()
        except (TimeoutError, Unheard, ControlError) as error:
            return str(error)
        except subprocess.SubprocessError as error:  # the rig's own server: PulseAudio may lock itself up
            self._tally.locked += 1
            self._patient.cards.kill_server()
            self._patient.cards.restart_server()
            return str(error)
        finally:
            if heal is not None:
                with suppress(subprocess.SubprocessError):  # of a server that has been started anew since
                    heal()
            if (gap := self._watchdog.longest()) > HANG_S:
                self._tally.hangs.append(gap)
        return ""

    def _ready(self) -> float:
        """Seconds. After many lost sessions an engine at rest waits up to 30 for the next try; a press ends that."""
        try:
            return self._person.ready(READY_S)
        except TimeoutError:
            self._tally.unready += 1
            return READY_S

    def _converse(self) -> None:
        """As somebody does who looks at the light: told that they are not heard, they wait, and press again."""
        self._served.seconds, self._served.think_ms = SHORT_S, 0
        for refusals in range(MOST_REFUSALS + 1):
            wait_for(self._at_rest, REST_S, "rest")
            try:
                self._person.converse(self._served, self._patient.cards.speaker, offline=self._patient.offline)
            except Refused:
                self._tally.refused += 1
                if refusals == MOST_REFUSALS:
                    raise
                self._person.ready(READY_S)
            else:
                return

    def _bring_to(self, phase: str) -> None:
        self._served.think_ms = 60_000 if phase == "thinking" else 0
        self._served.seconds = LONG_S
        if phase in {"thinking", "speaking"}:
            self._person.command("ask", "what is the capital of France and why")
        elif phase == "listening":
            self._person.command("press")
            self._person.device.rig.play(self._person.words)
        time.sleep(self._chance.uniform(0.0, 0.6))

    def _at_rest(self) -> bool:
        status = self._person.command("status")
        if status["state"] in {"thinking", "speaking", "listening", "connecting"}:
            self._person.command("press")
            time.sleep(0.3)
        return bool(status["state"] == "idle")

    def _rest(self) -> None:
        time.sleep(22)  # the output closes
        self._tally.at_rest.append(held(self._person.device.process.pid))


def _realtime(sound: Rig, served: Served, chance: random.Random, tally: Tally, count: int) -> None:
    with Watchdog() as watchdog, volatile() as state, attended(sound, served, **watchdog.env, **state.env) as person:
        patient = Patient(person, served, state=state)
        Ward(patient, chance, tally, watchdog).suffer(ONLINE if state.path else _without_disk(), count)


def _without_disk() -> dict[str, Mishap]:
    return {name: mishap for name, mishap in ONLINE.items() if "disk" not in name}


def _offline(sound: Rig, served: Served, chance: random.Random, tally: Tally, count: int) -> None:
    models = str(models_dir(load().local))
    local = {"ENGINE__USE": "local", "LOCAL__LLM": "off", "LOCAL__MODELS_DIR": models}
    env = {f"EDGE_VOICE_{name}": value for name, value in local.items()}
    with Watchdog() as watchdog, attended(sound, served, **watchdog.env, **env) as person:
        person.says(0.0, WHOLE_S)  # which is understood
        Ward(Patient(person, served, offline=True), chance, tally, watchdog).suffer(OFFLINE, count)


def run(count: int = COUNT, seed: int = 1) -> None:
    """About five seconds for each of them."""
    chance, served = random.Random(seed), Served()
    began, few = time.monotonic(), round(count * OFFLINE_SHARE)
    for what, number in ((_realtime, count - few), (_offline, few)):
        tally = Tally()
        with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound:
            what(sound, served, chance, tally, number)
        _tell(tally, "offline" if what is _offline else "realtime", number)
    print(f"\n{count} faults, seed {seed}, in {time.monotonic() - began:.0f} s")


def _tell(tally: Tally, engine: str, count: int) -> None:
    rows = [
        (name, len(score.ready), median(score.ready), max(score.ready, default=0.0), len(score.failed))
        for name, score in sorted(tally.scores.items())
    ]
    show(f"{count} faults, engine {engine}", ("fault", "n", "ready again (s)", "most", "turns that failed"), rows)
    first, last = tally.at_rest[0], tally.at_rest[-1]
    show("... and what they left", ("what", "value", "goal"), [
        ("crashes", tally.crashes, 0), (f"hangs > {HANG_S:.0f} s", len(tally.hangs), 0),
        ("turns that failed", sum(len(score.failed) for score in tally.scores.values()), 0),
        ("turns refused before their last word, asked again", tally.refused, ""),
        (f"not ready in {READY_S:.0f} s, and asked all the same", tally.unready, ""),
        ("the rig's sound server locked up", tally.locked, ""),
        ("threads, before and after", f"{first.threads} {last.threads}", "the same"),
        ("files, before and after", f"{first.files} {last.files}", "the same"),
        ("resident, before and after (MB)", f"{first.resident:.1f} {last.resident:.1f}", "")])  # fmt: skip
