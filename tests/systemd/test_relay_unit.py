"""The relay's unit on a booted machine: its sandbox, its start and end, and what the offline engine needs in it.

Not an installation (see test_install): the machine runs this tree with this environment's packages.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machines.device import measured
from tests.machines.machine import PYTHON, ROOT, Machine
from tests.machines.models import MODELS

UNIT = "edge-voice-relay.service"
SITE = Path(pytest.__file__).parents[1]
COMMAND = '#!/bin/sh\nPYTHONPATH=/src:/site PYTHONDONTWRITEBYTECODE=1 exec python3 -m edge "$@"\n'
ASK = """
import asyncio, json, sys
sys.path[:0] = ["/site"]
from websockets.asyncio.client import connect
async def main():
    headers = {"Authorization": "Bearer " + sys.argv[1]}
    async with connect("ws://127.0.0.1:8080/v1/realtime?model=local", additional_headers=headers) as line:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "what is two plus two"}]}
        for event in ({"type": "conversation.item.create", "item": item}, {"type": "response.create"}):
            await line.send(json.dumps(event))
        heard = 0
        async with asyncio.timeout(60):
            async for text in line:
                event = json.loads(text)
                heard += len(event.get("delta", "")) if event["type"] == "response.output_audio.delta" else 0
                if event["type"] in ("response.done", "error"):
                    print(json.dumps({"heard": heard, **event}))
                    return
asyncio.run(main())
"""

pytestmark = [
    pytest.mark.nspawn,
    pytest.mark.slow,
    pytest.mark.skipif(
        f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON, reason="the machine has another Python"
    ),
]


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("relay")
    binds = {"/src": ROOT, "/site": SITE, **({"/models": MODELS} if MODELS.is_dir() else {})}
    machine = Machine(folder, binds)
    machine.name += "-relay"  # beside the device's
    with machine:
        machine.write("/opt/edge-voice/current/bin/edge-voice", COMMAND)
        machine.run("chmod", "755", "/opt/edge-voice/current/bin/edge-voice")
        machine.write(f"/etc/systemd/system/{UNIT}", (ROOT / "systemd" / UNIT).read_text())
        if machine.is_x86:
            drop_in = (ROOT / "systemd/edge-voice-jit.conf").read_text()
            machine.write(f"/etc/systemd/system/{UNIT}.d/jit.conf", drop_in)
        quick = "[Service]\nWatchdogSec=3\nEnvironment=EDGE_VOICE_LOCAL__MODELS_DIR=/models\n"
        machine.write(f"/etc/systemd/system/{UNIT}.d/test.conf", quick)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "start", UNIT)
        yield machine


def pid(relay: Machine) -> int:
    return int(relay.property("MainPID", UNIT))


def ready_again(relay: Machine, old: int, limit: float) -> float:
    def is_ready() -> bool:
        return relay.property("ActiveState", UNIT) == "active" and pid(relay) not in {0, old}

    return relay.until(is_ready, limit, "ready again")


def test_the_unit_is_good(relay: Machine) -> None:
    done = relay.call("systemd-analyze", "verify", UNIT)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    done = relay.call("systemd-analyze", "security", "--threshold=15", UNIT)
    assert done.returncode == 0, done.stdout[-200:]


def test_it_is_ready_and_says_where(relay: Machine) -> None:
    assert relay.property("ActiveState", UNIT) == "active"
    assert relay.property("StatusText", UNIT) == "Serving at http://127.0.0.1:8080"
    began, ready = (
        int(relay.property(name, UNIT)) for name in ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    )
    measured.append(("relay: start to ready, no owner yet", (ready - began) / 1e6))
    listening = relay.run("ss", "-Hltn").split()
    assert [one for one in listening if one.endswith(":8080")] == ["127.0.0.1:8080"]


def test_the_owners_link_is_in_the_journal_and_from_the_shell(relay: Machine) -> None:
    said = relay.run("journalctl", "-u", UNIT, "-o", "cat")
    assert said.count("/#setup=") >= 1
    link = relay.run("/opt/edge-voice/current/bin/edge-voice", "relay", "setup-link").strip()
    assert link.startswith("http://127.0.0.1:8080/#setup=")
    owners = set(relay.shell("stat -c %u /var/lib/private/edge-voice-relay/relay.sqlite*").split())
    assert len(owners) == 1  # root's look has left nothing that the service cannot write
    assert owners != {"0"}
    assert relay.run("stat", "-c", "%a", "/var/lib/private/edge-voice-relay/relay.sqlite").strip() == "600"


def test_what_happens_is_in_the_journal_with_fields(relay: Machine) -> None:
    code = (
        "import urllib.request as u, urllib.error as e\n"
        "r = u.Request('http://127.0.0.1:8080/api/me', headers={'Origin': 'http://evil.example'})\n"
        "try: u.urlopen(r)\nexcept e.HTTPError as error: print(error.code)"
    )
    assert relay.run("python3", "-c", code).strip() == "403"
    entries = [json.loads(line) for line in relay.run("journalctl", "EVENT=refused", "-o", "json").splitlines()]
    assert entries[-1]["CODE"] == "wrong_origin"
    assert entries[-1]["PATH"] == "/api/me"


def test_killed_it_is_back(relay: Machine) -> None:
    old = pid(relay)
    relay.run("kill", "-KILL", str(old))
    measured.append(("relay: killed, ready again", ready_again(relay, old, 20)))


def test_hung_it_is_back(relay: Machine) -> None:
    old = pid(relay)
    relay.run("kill", "-STOP", str(old))
    measured.append(("relay: hung (WatchdogSec=3), ready again", ready_again(relay, old, 30)))


def test_the_offline_engine_works_in_the_sandbox(relay: Machine) -> None:
    if not MODELS.is_dir():
        pytest.skip("needs the offline models")
    token = relay.run("/opt/edge-voice/current/bin/edge-voice", "relay", "token", "probe").strip()
    said = json.loads(relay.run("python3", "-c", ASK, token, timeout=90))
    assert said["type"] == "response.done"
    assert said["heard"] > 1000, said


def test_it_ends_in_time(relay: Machine) -> None:
    relay.run("systemctl", "stop", UNIT, timeout=40)
    assert relay.property("Result", UNIT) == "success"
