"""`provision/fleet` on booted machines with nothing to do: `python -m tests.bench fleet_apply [--count 5]`."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests import rig
from tests.fleet.operator import Operator
from tests.machines.bundles import Bundles
from tests.machines.lan import Lan
from tests.machines.machine import missing
from tests.machines.sound import asound
from tests.machines.vendor import Server
from tests.provision import evb

TIMES = 3


def run(count: int = 5) -> None:
    """From blank to ready, then what costs nothing but looks."""
    if lacking := missing() or ", ".join(rig.missing()) or evb.missing():
        print(f"machines in containers need {lacking}")
        return
    with ExitStack() as stack:
        home, work = (Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evf-"))) for _ in range(2))
        for name in ("rig", "lan", "operator", "releases"):
            (work / name).mkdir()
        work.chmod(0o755)
        ears = stack.enter_context(rig.Rig(work / "rig"))
        ears.run.chmod(0o755)
        ears.noise(-70)
        lan = stack.enter_context(Lan(work / "lan", {"/run/fakeaudio": ears.run}, count))
        operator = Operator(work / "operator", home, lan)
        for number, pi in enumerate(lan.machines, 1):
            pi.write("/etc/asound.conf", asound(ears))
            operator.urls[number] = stack.enter_context(Server(pi)).fake.url
        operator.write()
        releases = Bundles(work / "releases")
        releases.key = operator.key
        bundle = releases.make(1, "good")
        print(f"apply, {count} blank machines on this one: {timed(operator, 'apply', '--bundle', bundle):5.1f} s")
        for words in (("apply", "--bundle", bundle), ("status",)):
            took = " ".join(f"{timed(operator, *words):5.1f}" for _ in range(TIMES))
            print(f"{words[0]}, nothing to do, {count} machines: {took} s")


def timed(operator: Operator, *words: object) -> float:
    """Seconds."""
    begin = time.monotonic()
    operator.run(*words)
    return time.monotonic() - begin
