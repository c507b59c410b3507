"""Enrolment and revocation at a relay that is a process of its own: the fleet's token, and a device's real link."""

from __future__ import annotations

import asyncio
import base64
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from edge.host.identity import NAME
from provision.fleeting.errors import FleetError
from provision.fleeting.main import main
from provision.fleeting.relay import Relay
from tests import rig as sound
from tests.relay.devices.linked import box, later
from tests.relay.devices.processes import free_port, relay_process

FLEET = """
[fleet]
secrets = "secrets.yml"
[relay]
url = "{url}"
token = "relay_token"
[defaults]
relay = true
[devices.kitchen]
[devices.hall]
"""


def made(folder: Path, *words: str) -> str:
    """What `edge-voice relay` prints, on the relay's machine."""
    command = (sys.executable, "-m", "edge", "relay", *words)
    env = {**os.environ, "STATE_DIRECTORY": str(folder)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    port, folder = free_port(), tmp_path / "relay"
    folder.mkdir()
    with relay_process(folder, port):
        token = made(folder, "fleet-token", "the house")
        url = f"http://127.0.0.1:{port}"
        (tmp_path / "fleet.toml").write_text(FLEET.format(url=url))
        (tmp_path / "secrets.yml").write_text(f"secrets:\n  relay_token: {token}\n")
        yield Relay(url, token)


def retire(folder: Path, name: str) -> int:
    return main(["--fleet", str(folder / "fleet.toml"), "retire", name, "--lost", "--yes"])


def test_a_lost_device_is_cut_off_and_its_key_is_good_no_more(
    relay: Relay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def go() -> None:
        async with box(tmp_path / "kitchen", relay.url, name="kitchen") as kitchen:
            code = await later(relay.enrolment_code)
            kitchen.link.enrol({"relay": relay.url, "code": code})
            await kitchen.until("online")
            async with box(tmp_path / "hall", relay.url, name="hall") as hall:
                hall.link.enrol({"relay": relay.url, "code": code})  # somebody has read it over a shoulder
                await hall.until("unknown")
            assert await later(retire, tmp_path, "kitchen") == 0
            await kitchen.until("unknown")
            assert "knows it no more" in kitchen.problem

    asyncio.run(go())
    assert "kitchen: revoked" in capsys.readouterr().out
    assert retire(tmp_path, "kitchen") == 1  # nobody may think that it is done
    assert "knows no device of that name" in capsys.readouterr().out


def test_the_key_is_made_on_the_device_and_stays_there(relay: Relay, tmp_path: Path) -> None:
    async def go() -> None:
        async with box(tmp_path / "kitchen", relay.url, name="kitchen") as kitchen:
            kitchen.link.enrol({"relay": relay.url, "code": await later(relay.enrolment_code)})
            await kitchen.until("online")

    asyncio.run(go())
    identity = tmp_path / "kitchen" / NAME
    assert identity.stat().st_mode & 0o77 == 0
    key = load_pem_private_key(identity.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    private, public = key.private_bytes_raw(), key.public_key().public_bytes_raw()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "relay").iterdir() if path.is_file())
    assert public in kept
    for form in (private, private.hex().encode(), base64.b64encode(private), identity.read_bytes().split(b"\n")[1]):
        assert form not in kept


def test_a_token_that_is_taken_back_is_good_no_more(relay: Relay, tmp_path: Path) -> None:
    assert relay.enrolment_code()
    with closing(sqlite3.connect(tmp_path / "relay/relay.sqlite")) as db:
        sound.wait_for(
            lambda: ("fleet", "the house", "enrolment_made") in _noted(db), 10, "the note"
        )  # which nobody waits for
        with db:
            assert db.execute("DELETE FROM tokens WHERE name = 'the house'").rowcount == 1
    with pytest.raises(FleetError, match="fleet-token NAME"):
        relay.enrolment_code()


def _noted(db: sqlite3.Connection) -> list[tuple[str, ...]]:
    return db.execute("SELECT kind, name, what FROM audit").fetchall()
