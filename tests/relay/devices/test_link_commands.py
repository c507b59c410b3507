"""`edge-voice pair`, `enrol` and `unenrol` on a machine where no daemon runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.relay.doors import Who
from tests.relay.rig import Relay, running

ROOT = Path(__file__).parents[3]


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with running(tmp_path / "relay") as found:
        yield found


class Machine:
    def __init__(self, folder: Path, **env: str) -> None:
        self.state = folder / "state"
        keep = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        self.env = {
            **keep, "HOME": str(folder), "STATE_DIRECTORY": str(self.state), "XDG_RUNTIME_DIR": str(folder / "run"),
            "PYTHONPATH": str(ROOT), "EDGE_VOICE_DEVICE__NAME": "Attic", **env,
        }  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "edge", *words]
        return subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def edge(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        told, _ = process.communicate(timeout=30)
        assert "Traceback" not in told
        return process.returncode, told


@pytest.fixture
def owner(relay: Relay) -> Who:
    return relay.person("Root", owner=True)


def names(relay: Relay) -> list[tuple[str, str]]:
    return relay.house.store.do(lambda db: [(row["name"], row["id"]) for row in db.execute("SELECT * FROM devices")])


def test_enrolled_and_unenrolled_from_the_shell(relay: Relay, owner: Who, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    code = relay.visitor(owner).post("/api/enrolments").json()["code"]
    assert machine.edge("enrol", "--relay", relay.url, "--code", code) == (
        0, f"The device is enrolled at {relay.url}.\n",
    )  # fmt: skip
    [(name, device)] = names(relay)
    assert name == "Attic"
    assert (machine.state / "identity").stat().st_mode & 0o777 == 0o600
    again, told = machine.edge("enrol", "--relay", relay.url, "--code", code)
    assert again == 1
    assert "does not take this code" in told
    assert machine.edge("unenrol") == (0, "This device has forgotten its relay.\n")
    assert names(relay) == []
    assert [one for one in machine.state.rglob("*") if one.is_file() and device in one.read_text()] == []
    assert not (machine.state / "identity").exists()


def test_paired_from_the_shell(relay: Relay, owner: Who, tmp_path: Path) -> None:
    machine = Machine(tmp_path, EDGE_VOICE_RELAY__URL=relay.url)
    process = machine.start("pair")
    assert process.stdout is not None
    told = process.stdout.readline()
    assert relay.url in told
    assert relay.visitor(owner).post("/api/devices/pair", json={"code": told.split()[-1]}).status_code == 201
    assert process.stdout.read() == "The device is paired.\n"
    assert process.wait(10) == 0
    assert [name for name, _ in names(relay)] == ["Attic"]


def test_without_a_relay_it_says_what_to_do(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    code, told = machine.edge("pair")
    assert code == 1
    assert "EDGE_VOICE_RELAY__URL" in told
    code, told = machine.edge("enrol", "--code", "x")
    assert code == 2
    assert "--relay https://voice.example" in told
    assert not machine.state.exists()


def test_a_relay_that_is_away_is_told_and_the_device_forgets_it_all_the_same(tmp_path: Path) -> None:
    machine = Machine(tmp_path, EDGE_VOICE_RELAY__URL="http://127.0.0.1:9")
    code, told = machine.edge("pair")
    assert code == 1
    assert "cannot be reached" in told
    assert (machine.state / "identity").exists()
    code, told = machine.edge("unenrol")
    assert code == 0
    assert "remove the device on its page" in told
    assert not (machine.state / "identity").exists()
