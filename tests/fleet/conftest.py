"""Three blank machines with sound, and an operator with an inventory, keys and secrets."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import rig as sound
from tests.fleet.operator import Operator, measured
from tests.machines.lan import Lan
from tests.machines.machine import missing
from tests.machines.reporting import leave_out, tell
from tests.machines.sound import asound
from tests.provision import evb

COUNT = 3
HERE = Path(__file__).parent
PROGRAMS = ("ssh", "ssh-keygen")
ABSENT = [name for name in PROGRAMS if not shutil.which(name)]
LACKS = ", ".join(filter(None, [missing(), *sound.missing(), evb.missing(), *ABSENT]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leave_out(items, HERE, "fleet", LACKS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tell(terminalreporter, HERE, LACKS, measured)


@pytest.fixture(scope="session")
def ears(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sound.Rig]:
    with sound.Rig(tmp_path_factory.mktemp("rig")) as started:
        started.run.chmod(0o755)  # the daemons are another user
        started.noise(-70)  # a microphone that hears nothing at all is a broken one
        yield started


@pytest.fixture(scope="session")
def lan(tmp_path_factory: pytest.TempPathFactory, ears: sound.Rig) -> Iterator[Lan]:
    with Lan(tmp_path_factory.mktemp("lan"), {"/run/fakeaudio": ears.run}, COUNT) as up:
        for pi in up.machines:
            pi.write("/etc/asound.conf", asound(ears))
        yield up


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory, lan: Lan) -> Iterator[Operator]:
    with tempfile.TemporaryDirectory(prefix="evf-") as home:  # a short path: SSH's sockets are in it
        yield Operator(tmp_path_factory.mktemp("operator"), Path(home), lan)
