"""From three blank machines to three that talk and are updated in waves, over real SSH. The tests go in this order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fleet.operator import SECRET, Operator, measured
from tests.fleet.relay import URL, Relay
from tests.machines.bundles import Bundles
from tests.machines.lan import Pi
from tests.machines.sound import is_loud
from tests.machines.vendor import Server
from tests.provision import evb
from tests.rig import Rig

pytestmark = [pytest.mark.fleet, pytest.mark.slow]
UPDATE = "/usr/local/sbin/edge-voice-update"
QUESTION = Path(__file__).parents[1] / "data/speech/goforward.flac"
SLOW = "32mbit"  # the bundle takes seconds then
IDENTITY = "/var/lib/edge-voice/identity"
ON_DEVICE = "/var/tmp/edge-voice-fleet"
# libfaketime will not do: Python's sleep ends years later under it.
LATE = """#!/usr/bin/python3
import pathlib, sys, time
time.time = lambda: 600 + time.monotonic()
sys.path.insert(0, str(pathlib.Path("/opt/edge-voice/updater").resolve().parent))
from updater.main import main
sys.exit(main())
"""


class Releases(Bundles):
    """Bundles signed with the operator's key, kept."""

    def __init__(self, folder: Path, key: Path) -> None:
        super().__init__(folder, "link")
        self.key = key
        self.paths: dict[int, Path] = {}

    def get(self, sequence: int, fault: str = "good") -> Path:
        if sequence not in self.paths:
            self.paths[sequence] = self.make(sequence, fault)
        return self.paths[sequence]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory, operator: Operator) -> Releases:
    return Releases(tmp_path_factory.mktemp("releases"), operator.key)


@pytest.fixture(scope="module")
def servers(operator: Operator) -> Iterator[dict[int, Server]]:
    """Who answers: the vendor's stand-in, in each machine's own network."""
    with ExitStack() as stack:
        found = {number: stack.enter_context(Server(pi)) for number, pi in enumerate(operator.lan.machines, 1)}
        operator.urls = {number: server.fake.url for number, server in found.items()}
        operator.write()
        yield found


@pytest.fixture
def pis(operator: Operator, servers: dict[int, Server]) -> list[Pi]:
    return operator.lan.machines


def unavailable(pi: Pi) -> float:
    """How long no turn could be held at the last switch, by systemd's clock."""
    left, back = (int(pi.property(f"Active{what}TimestampMonotonic")) for what in ("Exit", "Enter"))
    return (back - left) / 1e6


def history(pi: Pi) -> list[int]:
    """The sequences that a device has ever tried."""
    said = json.loads(pi.run("cat", "/opt/edge-voice/updates.json"))
    return [int(entry["sequence"]) for entry in said["entries"]]


def test_in_check_mode_a_blank_machine_stays_blank(operator: Operator, pis: list[Pi], releases: Releases) -> None:
    assert "0 warnings" in operator.run("check")
    operator.run("apply", "pi1", "--check", "--diff", "--bundle", releases.get(1))
    assert pis[0].call("ls", "/opt/edge-voice", "/etc/edge-voice").stdout == ""
    assert "3 of 3 reachable, 0 could" in operator.run("status", code=1)


def test_from_blank_to_ready(operator: Operator, pis: list[Pi], releases: Releases) -> None:
    operator.run("apply", "--bundle", releases.get(1), what="3 blank machines -> ready, by `apply`")
    rows = operator.status()
    assert all(row["well"] and row["state"] == "idle" and row["engine"] == "realtime" for row in rows.values())
    assert [(row["microphone"], row["speaker"]) for row in rows.values()] == [("ok", "ok")] * 3
    for pi in pis:
        assert pi.call("test", "-e", ON_DEVICE).returncode != 0


def test_the_key_is_a_credential_and_nowhere_in_the_clear(pis: list[Pi]) -> None:
    for pi in pis:
        assert pi.run("cat", "/run/credentials/edge-voice.service/openai_api_key") == SECRET
        assert pi.call("grep", "-rsl", SECRET, "/etc", "/opt", "/var", "/home", "/root", "/tmp").stdout == ""


def test_each_answers_a_spoken_question(operator: Operator, pis: list[Pi], ears: Rig) -> None:
    recording = QUESTION
    recorder = ears.record()
    for pi in pis:
        pi.run("edge-voice", "hold")
        ears.speak(recording)
        begin = time.monotonic()
        pi.run("edge-voice", "release")
        pi.until(lambda: is_loud(recorder.between(begin, time.monotonic())), 20, "an answer")  # noqa: B023  called at once
        pi.until(lambda: '"state": "idle"' in pi.run("edge-voice", "status", "--json"), 30, "at rest")  # noqa: B023
    assert all(row["last_turn"] for row in operator.status().values())
    assert "idle" in operator.run("status")


def test_a_second_apply_changes_nothing(operator: Operator, pis: list[Pi], releases: Releases) -> None:
    before = [pi.property("MainPID") for pi in pis]
    said = operator.run("apply", "--bundle", releases.get(1), what="`apply` with nothing to do on 3 machines")
    assert "3 of 3 as the inventory says; 0 changed." in said
    assert [pi.property("MainPID") for pi in pis] == before


def test_what_is_changed_is_shown_first_and_then_changed(operator: Operator, pis: list[Pi]) -> None:
    operator.write(volume=70)
    said = operator.run("apply", "pi2", "--check", "--diff")
    assert "-volume = 100\n+volume = 70" in said
    assert "1 of 1 as the inventory says; 1 changed." in said
    assert "volume = 100" in pis[1].run("cat", "/etc/edge-voice/config.toml")
    assert "1 of 1 as the inventory says; 1 changed." in operator.run("apply", "pi2")
    assert "70 %" in pis[1].run("edge-voice", "volume")
    operator.write()


def test_a_good_release_goes_out_in_waves(operator: Operator, pis: list[Pi], releases: Releases) -> None:
    """Also over half a bundle that lies there already, and with a clock that says 1970."""
    bundle = releases.get(2)
    pis[1].shell(f"mkdir -p {ON_DEVICE}; head -c 100000 /dev/zero > {ON_DEVICE}/{bundle.name}")
    pis[2].shell(f"rm {UPDATE}; cat > {UPDATE}; chmod +x {UPDATE}", stdin=None, input=LATE)
    assert pis[2].run(UPDATE, "status", "--json")
    said = operator.run("update", "--bundle", bundle, what="update of 3 machines in 3 waves")
    begun = [said.index(f"wave {title}") for title in ("canary", "50 %", "100 %")]
    assert begun == sorted(begun)
    assert "3 have it" in said
    assert operator.sequences() == [2, 2, 2]
    measured.append(("update: speech unavailable, the longest of 3", max(unavailable(pi) for pi in pis)))
    pis[2].run("ln", "-sf", "/opt/edge-voice/updater/edge-voice-update", UPDATE)


def test_a_bad_release_is_gone_back_from_on_the_canary_and_reaches_nobody_else(
    operator: Operator, pis: list[Pi], releases: Releases
) -> None:
    said = operator.run(
        "update", "--bundle", releases.get(3, "crash"), code=1, what="update to a bad release -> halted"
    )
    assert "HALTED: pi1 failed, and of the canaries none may." in said
    assert "ended by itself" in said
    assert "2 not begun: pi2, pi3" in said
    assert operator.sequences() == [2, 2, 2]
    assert [3 in history(pi) for pi in pis] == [True, False, False]
    again = operator.run("update", "--bundle", releases.get(3), code=1)
    assert "wave" not in again.partition("HALTED")[0]
    assert history(pis[0]).count(3) == 1


@pytest.mark.parametrize("full", [ON_DEVICE, "/home/pi/.ansible"])
def test_a_full_disk_is_told_in_a_line(operator: Operator, pis: list[Pi], releases: Releases, full: str) -> None:
    """Where Ansible puts the bundle first, and where it belongs."""
    pis[0].shell(f"mkdir -p {full}; mount -t tmpfs -o size=2m,mode=777 tmpfs {full}")
    said = operator.run("update", "pi1", "--bundle", releases.get(4), code=1)
    pis[0].run("umount", full)
    assert "pi1: The disk has" in said
    assert "Traceback" not in said
    assert operator.sequences() == [2, 2, 2]
    assert not any(4 in history(pi) for pi in pis)


def test_a_canary_that_is_away_is_pending_and_the_policy_decides_about_the_rest(
    operator: Operator, pis: list[Pi], releases: Releases
) -> None:
    pis[0].plug("down")
    said = operator.run("update", "--bundle", releases.get(4), code=1)
    assert "HALTED: 0 of 1 canaries have it; pi1: pending." in said
    assert "2 not begun" in said
    operator.write(needed=0)
    said = operator.run("update", "--bundle", releases.get(4), "--group", "none", code=2)
    assert "No device has the group" in said


def test_cut_off_while_the_bundle_is_copied_a_device_is_as_before(
    operator: Operator, pis: list[Pi], releases: Releases
) -> None:
    """The canary is still away, and the other two get it; one of them is cut off."""
    copied = f"du -sk {ON_DEVICE} /home/pi/.ansible 2>/dev/null | awk '{{s+=$1}} END {{print s}}'"
    pis[2].slow(SLOW)
    with operator.start("update", "--bundle", releases.get(4)) as process:
        pis[2].until(lambda: int(pis[2].shell(copied) or 0) > 4000, 200, "half-copied")
        pis[2].plug("down")
        pis[2].slow("")
        said, _ = process.communicate(timeout=200)
    assert process.returncode == 1, said
    assert "1 have it: pi2" in said
    assert "2 pending: run this again when they are back: pi1, pi3" in said
    assert json.loads(pis[2].run(UPDATE, "status", "--json"))["sequence"] == 2
    assert json.loads(pis[2].run("edge-voice", "status", "--json"))["ready"]


def test_those_that_were_away_catch_up(operator: Operator, pis: list[Pi], releases: Releases) -> None:
    pis[0].plug("up")
    pis[2].plug("up")
    operator.write()
    assert "3 have it" in operator.run("update", "--bundle", releases.get(4))
    assert operator.sequences() == [4, 4, 4]


def test_a_bundle_that_devices_do_not_trust_is_refused_by_them(
    operator: Operator, pis: list[Pi], tmp_path: Path
) -> None:
    rogue = evb.make_keys(operator.folder / "keys", "rogue")
    bundle = evb.Maker(tmp_path, rogue).make(9)
    assert "fleet: " in operator.run("update", "--bundle", bundle, code=1)  # found before anything is copied
    operator.write(key="rogue")  # whoever has the operator's machine, and not the key
    said = operator.run("update", "--bundle", bundle, code=1)
    assert "HALTED: pi1 failed" in said
    assert "signed" in said
    operator.write()
    assert operator.sequences() == [4, 4, 4]
    assert not any(9 in history(pi) for pi in pis)


def test_an_older_bundle_is_not_gone_back_to(operator: Operator, pis: list[Pi], releases: Releases) -> None:
    assert "3 have a later one" in operator.run("update", "--bundle", releases.get(2))
    with releases.get(2).open("rb") as old:
        pis[0].run("tee", "/var/tmp/old.evb", stdin=old, errors="replace", encoding="latin-1")
    said = operator.run("exec", "pi1", "--", UPDATE, "apply", "/var/tmp/old.evb", code=1)
    assert "is not newer than what is installed (4)" in said
    assert operator.sequences() == [4, 4, 4]


def test_rolled_back_and_run_on_by_hand(operator: Operator, pis: list[Pi]) -> None:
    assert "Say which devices" in operator.run("rollback", code=2)
    assert "--yes" in operator.run("exec", "--all", "--", "hostname", code=2)
    operator.run("rollback", "pi2")
    assert operator.sequences() == [4, 2, 4]
    said = operator.run("exec", "--all", "--yes", "--", "hostname")
    assert [f"--- pi{n}: ok\npi{n}\n" in said for n in (1, 2, 3)] == [True] * 3


@pytest.fixture(scope="module")
def relay(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """In the inventory and the secrets, and on the devices."""
    with Relay(tmp_path_factory.mktemp("relay"), operator.lan.enter()) as up:
        operator.keep(relay_token=up.token)
        operator.relay = URL
        operator.write()
        operator.run("apply")
        yield up
        operator.relay = ""


def test_enrolled_with_a_key_that_never_leaves_the_device(operator: Operator, pis: list[Pi], relay: Relay) -> None:
    assert [row["linked"] for row in operator.status().values()] == [False] * 3
    assert "3 of 3 enrolled" in operator.run("enrol", what="enrolment of 3 machines")
    assert [row["linked"] for row in operator.status().values()] == [True] * 3
    assert sorted(relay.devices()) == ["pi1", "pi2", "pi3"]
    assert len(set(relay.devices().values())) == 3
    kept = relay.written()
    for pi in pis:
        assert pi.run("stat", "-c", "%a %U", IDENTITY).split() == ["600", "edge-voice"]
        body = pi.run("cat", IDENTITY).splitlines()[1]
        assert body.encode() not in kept
        assert operator.run("exec", pi_name(pi), "--", "grep", "-rsl", body, "/home", "/tmp", "/var/tmp", code=1)
    assert operator.run("enrol") == "0 of 0 enrolled; 0 changed.\n"


def test_a_lost_device_is_cut_off_within_a_second(operator: Operator, pis: list[Pi], relay: Relay) -> None:
    assert linked(pis[1])
    with operator.start("retire", "pi2", "--lost", "--yes") as process:
        pis[1].until(lambda: not linked(pis[1]), 60, "cut")
        gone = time.time()
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "pi2: revoked" in said
    measured.append(("device revoked at the relay -> its link is gone", gone - relay.revoked_at()))
    assert sorted(relay.devices()) == ["pi1", "pi3"]
    pis[1].until(lambda: "knows it no more" in pis[1].run("edge-voice", "status"), 40, "told")
    assert "knows no device" in operator.run("retire", "pi2", "--lost", "--yes", code=1)


def linked(pi: Pi) -> bool:
    return f"{URL.removeprefix('http://')} " in pi.run("ss", "-Htn", "state", "established")


def pi_name(pi: Pi) -> str:
    return pi.run("hostname").strip()


def test_retired_it_keeps_nothing(operator: Operator, pis: list[Pi], relay: Relay) -> None:
    operator.run("retire", "pi3", "--yes")
    assert sorted(relay.devices()) == ["pi1"]
    places = "/etc/systemd /etc/sysusers.d /etc/tmpfiles.d /etc/udev /usr/local"
    assert pis[2].shell(f"find {places} -xtype l -lname '/opt/edge-voice/*'") == ""
    assert pis[2].call("systemctl", "list-unit-files", "--no-legend", "edge-voice*").stdout == ""
    assert pis[2].call("ls", "/opt/edge-voice", "/etc/edge-voice", "/var/lib/edge-voice").stdout == ""
    kept = pis[2].shell("ls /etc/credstore /etc/credstore.encrypted").split()
    assert kept == ["/etc/credstore:", "/etc/credstore.encrypted:"]
    assert pis[2].call("systemctl", "is-active", "edge-voice").stdout.strip() != "active"
