"""One machine for all tests here: booted, with sound, and the device installed on it from this tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import rig as sound
from tests.systemd.device import Device, measured
from tests.systemd.machine import Machine, missing, sources, wheelhouse

LACKS = missing() or ", ".join(sound.missing())
MODELS = Path.home() / ".local/share/edge-voice/models"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("nspawn") and LACKS:
            item.add_marker(pytest.mark.skip(reason=f"a machine in a container needs {LACKS}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Loudly: a run without these tests must not look like one with them."""
    skipped = [one for one in terminalreporter.stats.get("skipped", []) if "tests/systemd" in one.nodeid]
    if skipped:
        terminalreporter.write_line(f"NOT RUN: {len(skipped)} tests with systemd; they need {LACKS}", red=True)
    for what, seconds in measured:
        terminalreporter.write_line(f"{what:<58} {seconds:6.2f} s")


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sound.Rig]:
    with sound.Rig(tmp_path_factory.mktemp("rig")) as started:
        started.run.chmod(0o755)  # the daemon is another user
        yield started


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory, rig: sound.Rig) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "sources").mkdir()
    binds = {"/src": sources(folder / "sources"), "/wheels": wheelhouse("local"), "/run/fakeaudio": rig.run}
    if MODELS.is_dir():
        binds["/models"] = MODELS
    with Machine(folder, binds) as booted:
        booted.write("/etc/asound.conf", asound(rig))
        yield booted


def asound(rig: sound.Rig) -> str:
    """The rig's devices as they are found in the machine."""
    lines = (rig.run / "asound.conf").read_text().replace("</usr/share/alsa/alsa.conf>", "")
    return re.sub(r"type pulse", 'type pulse server "unix:/run/fakeaudio/native"', lines)


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
