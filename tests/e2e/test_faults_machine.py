"""What a machine does to a daemon: a clock that jumps, sleep, disks that are full or broken, other users."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests import rig as sound
from tests.agents.realtime.certificates import Authority
from tests.bench.attended import Attended, attended, settings
from tests.bench.mishaps import volatile
from tests.bench.realtime import Served
from tests.fakes.realtime.server import FakeRealtime

FAKETIME = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "faketime/libfaketimeMT.so.1"
ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root may do this")
SPENT = {"day": "2000-01-01", "spent": 0.25}
pytestmark = [
    pytest.mark.pulse,
    pytest.mark.long,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sound.Rig]:
    """One sound server for the module."""
    with sound.rig(tmp_path_factory.mktemp("rig")) as started:
        yield started


@pytest.fixture(scope="module")
def served() -> Served:
    """One server for the module."""
    served = Served()
    served.seconds, served.think_ms = 0.3, 0
    return served


# --- sleep and other programs --------------------------------------------------------------------------


def test_it_goes_on_after_a_sleep_in_whatever_it_was_doing(rig: sound.Rig, served: Served) -> None:
    """The machine was suspended: everything that it waited for is long over."""
    with attended(rig, served) as person:
        for state in ("idle", "listening", "speaking"):
            served.seconds = 6.0 if state == "speaking" else 0.3
            if state != "idle":
                person.command("press" if state == "listening" else "ask", "sing")
            person.device.wait_state(state)
            person.device.process.send_signal(signal.SIGSTOP)
            time.sleep(4)
            person.device.process.send_signal(signal.SIGCONT)
            served.seconds = 0.3
            person.ready(10)
            person.device.wait_state("idle", 20)
            person.converse(served)
        assert "Traceback" not in person.device.text()


def test_no_port_is_listened_to(rig: sound.Rig, served: Served) -> None:
    """Neither TCP nor UDP; the control socket is a file."""
    with attended(rig, served) as person:
        inodes = {
            str(link.readlink()).removeprefix("socket:[").rstrip("]")
            for link in Path(f"/proc/{person.device.process.pid}/fd").iterdir()
        }
        listening = [
            line
            for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07"))
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            if line.split()[3] == state and line.split()[9] in inodes
        ]
        assert listening == []


@ROOT
def test_another_user_is_denied_at_the_control_socket(rig: sound.Rig, served: Served) -> None:
    """Where the directory lets them look."""
    place = Path(f"/tmp/edge-voice-test-{os.getpid()}")
    place.mkdir(mode=0o755)
    try:
        with attended(rig, served, EDGE_VOICE_SOCKET=str(place / "control.sock")) as person:
            assert person.device.call("status").returncode == 0
            place.chmod(0o755)
            script = f"import socket; socket.socket(socket.AF_UNIX).connect({str(place / 'control.sock')!r})"
            stranger = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
            done = subprocess.run(
                [*stranger, "/usr/bin/python3", "-c", script], capture_output=True, text=True, check=False
            )
            assert "PermissionError" in done.stderr
    finally:
        shutil.rmtree(place)


# --- disks ---------------------------------------------------------------------------------------------


def _kept(state: Path) -> None:
    """Whatever is in the state directory can be read whole."""
    for path in state.glob("*.json"):
        assert json.loads(path.read_bytes()), path


@ROOT
@pytest.mark.parametrize("how", ["full", "read-only", "full from the start", "read-only from the start"])
def test_a_disk_that_takes_nothing_costs_no_turn(rig: sound.Rig, served: Served, how: str) -> None:
    with volatile() as disk:
        assert disk.path is not None
        (disk.path / "spending.json").write_text(json.dumps(SPENT))
        (disk.path / "volume.json").write_text(json.dumps({"volume": 80, "configured": 100}))

        def break_it() -> None:
            disk.fill() if how.startswith("full") else disk.remount("ro")

        if "start" in how:
            break_it()
        with attended(rig, served, **disk.env) as person:
            break_it()
            person.command("volume", 70)
            person.converse(served)
            person.command("mute")
            person.device.wait_state("muted")
            person.command("unmute")
            person.ready()
            person.converse(served)
            _kept(disk.path)
            assert "Traceback" not in person.device.text()
        _kept(disk.path)


@ROOT
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("call", ["fsync", "rename", "openat:when=1+7", "write:when=3+5"])
def test_a_disk_that_fails_costs_no_turn_and_no_file(rig: sound.Rig, served: Served, call: str) -> None:
    """EIO from one kind of call, on the state directory's files."""
    state = Path(settings(rig, served)["STATE_DIRECTORY"])
    state.mkdir(exist_ok=True, parents=True)
    (state / "volume.json").write_text(json.dumps({"volume": 80, "configured": 100}))
    name, _, when = call.partition(":")
    with attended(rig, served) as person:
        fault = f"inject={name}:error=EIO" + (f":{when}" if when else "")
        paths = [word for file in ("spending", "volume") for end in ("json", "partial")
                 for word in ("-P", str(state / f"{file}.{end}"))]  # fmt: skip
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", fault, *paths]
        tracer = subprocess.Popen([*command, "-p", str(person.device.process.pid)])
        try:
            time.sleep(0.5)
            for percent in (70, 60, 90):
                person.command("volume", percent)
                _kept(state)
            person.converse(served)
        finally:
            tracer.terminate()
            tracer.wait(10)
        _kept(state)
        person.converse(served)
        assert "Traceback" not in person.device.text()


# --- the clock -----------------------------------------------------------------------------------------


class Wall:
    """The daemon's wall clock; its monotonic one goes on as it does."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.step(timedelta())

    def step(self, by: timedelta) -> None:
        """From now on it is wrong by so much."""
        aside = self._file.with_suffix(".new")
        aside.write_text(f"{by.total_seconds():+.0f}s\n")
        aside.replace(self._file)

    @property
    def env(self) -> dict[str, str]:
        """For the daemon."""
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_CACHE_DURATION": "1",
        }


@contextmanager
def secured(folder: Path) -> Iterator[tuple[Served, Authority]]:
    """A server whose certificate is valid from yesterday on."""
    authority = Authority.made(folder)
    served = Served()
    tls = authority.server("now", timedelta(days=-1), timedelta(days=20))
    served.fake = FakeRealtime(served._reply, settings=served.fake.settings, tls=tls)
    served.seconds, served.think_ms = 0.3, 0
    served.do(served.fake.up())
    yield served, authority


@pytest.mark.skipif(not FAKETIME.exists(), reason="needs libfaketime (apt install faketime)")
def test_a_clock_that_is_set_after_the_start_is_named_and_harmless(rig: sound.Rig, tmp_path: Path) -> None:
    """No clock of its own: it starts a year and a half ago, at once; then time is set, and a step back comes too."""
    wall = Wall(tmp_path / "wall")
    wall.step(timedelta(days=-500))
    with secured(tmp_path) as (served, authority):
        device = sound.Running(rig, **settings(rig, served) | wall.env | {"SSL_CERT_FILE": str(authority.path)})
        sound.wait_for(lambda: device.call("status").stdout, 20, "an answer", device.text)
        person = Attended(device)
        sound.wait_for(
            lambda: "this device's clock says 2025" in device.text(), 10, "the clock to be named", device.text
        )
        assert person.command("status")["microphone"]["open"]
        wall.step(timedelta())
        person.ready(10)
        device.wait_ready()
        for step in (timedelta(), timedelta(hours=-1), timedelta(days=365), timedelta()):
            wall.step(step)
            time.sleep(1.2)
            person.converse(served)
        device.process.terminate()
        assert device.process.wait(5) == 0
        assert "Traceback" not in device.text()


# --- the default device --------------------------------------------------------------------------------

DEFAULTS = """
pcm.!default { type pulse }
"""


def test_another_default_device_is_followed(tmp_path: Path, served: Served) -> None:
    """The person has chosen another microphone in the desktop's settings."""
    with sound.rig(tmp_path) as rig:
        with (rig.run / "asound.conf").open("a") as file:
            file.write(DEFAULTS)
        rig.pactl("set-default-source", "mic")
        rig.pactl("set-default-sink", "spk")
        named = {"EDGE_VOICE_AUDIO__INPUT": "", "EDGE_VOICE_AUDIO__OUTPUT": "default"}
        with attended(rig, served, **named) as person:
            person.converse(served)
            rig.ask("load-module", "module-null-sink", "sink_name=other", "rate=48000", "channels=1", "norewinds=1")
            rig.ask("load-module", "module-remap-source", "source_name=mic2", "master=micfeed.monitor")
            rig.pactl("set-default-source", "mic2")
            rig.pactl("set-default-sink", "other")
            person.ready()
            person.converse(served, "other")
