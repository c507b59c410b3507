"""One machine for all tests here: booted, with sound, and the device installed on it from this tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import rig as sound
from tests.machines.device import Device, measured
from tests.machines.machine import Machine, missing, sources, wheelhouse
from tests.machines.models import MODELS
from tests.machines.reporting import leave_out, tell
from tests.machines.sound import asound

LACKS = missing() or ", ".join(sound.missing())
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leave_out(items, HERE, "nspawn", LACKS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tell(terminalreporter, HERE, LACKS, measured)


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sound.Rig]:
    with sound.Rig(tmp_path_factory.mktemp("rig")) as started:
        started.run.chmod(0o755)  # the daemon is another user
        yield started


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory, rig: sound.Rig) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "sources").mkdir()
    binds = {"/src": sources(folder / "sources"), "/wheels": wheelhouse("local link"), "/run/fakeaudio": rig.run}
    if MODELS.is_dir():
        binds["/models"] = MODELS
    with Machine(folder, binds) as booted:
        booted.write("/etc/asound.conf", asound(rig))
        yield booted


@pytest.fixture(scope="session")
def installed(machine: Machine, rig: sound.Rig) -> Device:
    """Ready with an engine that answers nothing."""
    device = Device(machine, rig)
    device.configure()
    device.install("--key", "openai_api_key", input=f"{device.key}\n", stdin=None)
    return device


@pytest.fixture
def device(installed: Device) -> Device:
    """As after the installation, whatever the test before did to it."""
    installed.reset()
    return installed
