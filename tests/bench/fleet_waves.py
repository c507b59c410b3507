"""Updates of 1,000 and 10,000 devices on paper: `python -m tests.bench fleet_waves`.

The waves and halts are the real ones (provision/fleeting); time and lines are simulated. What one device costs the
controller is measured first, with the real playbook on devices that are processes of this machine, which is more than
SSH costs: the device's own part is in it.

By SSH, a batch is as many devices as there are forks, and goes through the tasks in step: copying shares the operator's
line, and then each waits for its own trial. By pull, a device looks at the channel at a random moment of the timer's
period, and all of them share the web server's line.
"""

from __future__ import annotations

import heapq
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from provision.fleeting.playing import ANSIBLE
from provision.fleeting.updating import roll_out
from provision.fleeting.waves import Candidate, Outcome, Policy, plan
from provision.updater.decisions import ring_of
from tests.bench import table

COUNTS = (1000, 10_000)
RELEASE_MB = 150  # wheels for one kind of device; models stay where they are
UNPACK_S, TRIAL_S = (30, 90), 180  # a Pi with a card, and [update] minutes = 3
DEVICE_MBIT = 40  # Wi-Fi
SOAK_S = 600
AWAY, BAD = 0.02, 0.003  # of all devices: offline; and where a good release fails all the same
GB_PRICE, HOUR_PRICE = 0.09, 0.10  # dollars: a public cloud's list price for traffic, and for two cores
PERIOD_S, CORES = 5400, 2  # see systemd/edge-voice-update.timer


@dataclass
class Clocked:
    """Hands whose work is arithmetic. `fails` is the share of devices on which the release fails."""

    forks: int
    line_mbit: float
    cpu_s: float
    fails: float
    chance: random.Random
    now: float = 0.0
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("processor", "line", "trial", "soak"), 0.0))
    reached: int = 0

    def take(self, names: Sequence[str]) -> dict[str, Outcome]:
        outcomes = {name: self._outcome() for name in names}
        here = [name for name, one in outcomes.items() if one is not Outcome.PENDING]
        bits = RELEASE_MB * 8
        self._pass("processor", len(names) * self.cpu_s / CORES)
        self._pass("line", max(len(here) * bits / self.line_mbit, bits / DEVICE_MBIT if here else 15))
        unpacking = max((self.chance.uniform(*UNPACK_S) for _ in here), default=0.0)
        self._pass("trial", unpacking + TRIAL_S if here else 0)
        self.reached += len(here)
        return outcomes

    def soak(self, names: Sequence[str]) -> dict[str, Outcome]:
        self._pass("soak", SOAK_S)
        return dict.fromkeys(names, Outcome.GOOD)

    def tell(self, text: str) -> None:
        pass

    def _outcome(self) -> Outcome:
        drawn = self.chance.random()
        return Outcome.PENDING if drawn < AWAY else Outcome.FAILED if drawn < AWAY + self.fails else Outcome.GOOD

    def _pass(self, what: str, seconds: float) -> None:
        self.now += seconds
        self.spent[what] += seconds


def run(seed: int = 1) -> None:
    """All tables."""
    start_s, cpu_s = controller_cost()
    print(f"controller: {start_s:.1f} s of processor time for a run, and {cpu_s:.2f} s for each device in it")
    by_ssh(cpu_s, seed)
    bad_release(cpu_s, seed)
    by_pull(seed)


def controller_cost(few: int = 2, many: int = 10) -> tuple[float, float]:
    """Processor seconds of a run, and of each device in it: copying a bundle, the updater, and a look afterwards."""
    with tempfile.TemporaryDirectory() as name:
        one, other = (_playing(Path(name), count) for count in (few, many))
    each = (other - one) / (many - few)
    return one - few * each, each


def _playing(folder: Path, count: int) -> float:
    updater, bundle = folder / "updater", folder / "bundle.evb"
    updater.write_text('#!/bin/sh\necho \'{"sequence": 1, "state": "committed"}\'\n')
    updater.chmod(0o755)
    bundle.write_bytes(bytes(1 << 20))
    hosts = {f"d{number}": {"release_folder": f"{folder}/{number}"} for number in range(count)}
    inventory, variables = folder / "inventory.json", {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "release_updater": str(updater),
        "release_bundle": str(bundle), "release_sequence": 2,
    }  # fmt: skip
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    command = (Path(sys.executable).with_name("ansible-playbook"), ANSIBLE / "update.yml", "-i", inventory, "-f",
               str(count), "-e", json.dumps(variables))  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env={"ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
                   "PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"})  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def simulate(count: int, hands: Clocked) -> str:
    """A whole update; why it was halted, or ""."""
    policy = Policy(batch=hands.forks)
    names = [f"device-{number}" for number in range(count)]
    candidates = [Candidate(name, ring_of(name), number < 5) for number, name in enumerate(names)]
    return roll_out(plan(candidates, policy), policy, dict.fromkeys(names, Outcome.DUE), hands).halted


def by_ssh(cpu_s: float, seed: int) -> None:
    rows = []
    for count in COUNTS:
        for forks, line in ((25, 100), (100, 100), (100, 1000), (400, 1000)):
            hands = Clocked(forks, line, cpu_s, BAD, random.Random(seed))
            halted = simulate(count, hands)
            worst = max(hands.spent, key=lambda what: hands.spent[what])
            cost = hands.now / 3600 * HOUR_PRICE + hands.reached * RELEASE_MB / 1024 * GB_PRICE
            shares = ", ".join(f"{what} {seconds / hands.now:.0%}" for what, seconds in hands.spent.items())
            rows.append((count, forks, f"{line} Mbit/s", f"{hands.now / 3600:.1f} h", worst, shares, f"${cost:.0f}",
                         "halted" if halted else ""))  # fmt: skip
    header = ("devices", "forks", "operator's line", "whole update", "bottleneck", "of the time", "cost", "")
    table.show(f"By SSH, {RELEASE_MB} MB", header, rows)


def bad_release(cpu_s: float, seed: int, times: int = 40) -> None:
    """How many devices get a release that fails on some of them, before it is halted."""
    rows = []
    for share in (1.0, 0.5, 0.2, 0.1):
        reached = []
        for number in range(times):
            hands = Clocked(25, 1000, cpu_s, share, random.Random(seed + number))
            simulate(10_000, hands)
            reached.append(float(hands.reached))
        rows.append((f"{share:.0%}", int(table.median(reached)), int(table.percentile(reached, 0.95))))
    table.show("10,000 devices, 5 canaries, 25 forks: reached by a bad release", ("fails on", "median", "p95"), rows)


def by_pull(seed: int) -> None:
    rows = []
    for count in COUNTS:
        for line in (100, 1000, 10_000):
            done = sorted(_pulled(count, line, random.Random(seed)))
            shown = [f"{table.percentile(done, share) / 3600:.1f} h" for share in (0.5, 0.95, 0.999)]
            busy = count * RELEASE_MB * 8 / line
            bottleneck = "web server's line" if busy > PERIOD_S else "the timer's period"
            rows.append((count, f"{line} Mbit/s", *shown, bottleneck, f"{busy / 3600:.1f} h",
                         f"${count * RELEASE_MB / 1024 * GB_PRICE:.0f}"))  # fmt: skip
    header = ("devices", "web server", "p50", "p95", "p99.9", "bottleneck", "line busy", "traffic")
    table.show(f"By pull, all at 100 %, no window, {PERIOD_S // 60} minutes between looks", header, rows)


def _pulled(count: int, line_mbit: float, chance: random.Random) -> list[float]:
    """When each has the release and has kept it. The line is shared evenly, up to what a device can take."""
    starts = sorted(chance.uniform(0, PERIOD_S) for _ in range(count))
    bits, done = RELEASE_MB * 8.0, []
    credit, now, ending = 0.0, 0.0, list[float]()  # each has had `credit` megabits since the beginning
    for start in [*starts, float("inf")]:
        while ending:
            rate = min(DEVICE_MBIT, line_mbit / len(ending))
            end = now + (ending[0] - credit) / rate
            if end > start:
                credit += (start - now) * rate
                break
            credit, now = heapq.heappop(ending), end
            done.append(now + chance.uniform(*UNPACK_S) + TRIAL_S)
        now = start
        heapq.heappush(ending, credit + bits)
    return done
