"""The rest of provision/fleet: the table, the relay's part, the modules, and what mistakes lead to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provision.fleeting import bundles, table
from provision.fleeting.errors import FleetError, Usage
from provision.fleeting.main import main
from provision.fleeting.playing import Seen
from provision.fleeting.relay import Relay
from provision.updater.links import COMMANDS, PLACES, RELAY_JIT, SYSTEM
from tests.provision import evb
from tests.relay.rig import running

ROOT = Path(__file__).parents[3]
LIBRARY = ROOT / "provision/ansible/library"
DAEMON = {
    "state": "idle", "ready": True, "muted": False, "problems": [], "engine": {"engine": "realtime"},
    "last_turn": {"latency_ms": {"first_audio": 310.0, "first_sound": 402.4}},
    "link": {"standing": "online", "relay": "https://x"},
}  # fmt: skip
COMMITTED = {"version": "0.1.0", "sequence": 7, "state": "committed", "previous": "", "ring": 3, "last": None}


def look(**more: Any) -> Seen:
    return Seen(look={"update": COMMITTED, "daemon": DAEMON, "well": True, "health": None, "temperature": 51.3, **more})


# ---- status ---------------------------------------------------------------------------------------------------------


def test_a_row_of_a_device_that_is_well() -> None:
    row = table.row("kitchen", "Kitchen", look())
    assert (row["version"], row["state"], row["engine"], row["latency_ms"]) == ("0.1.0+7", "idle", "realtime", 402.4)
    assert (row["microphone"], row["speaker"], row["errors"], row["linked"]) == ("ok", "ok", [], True)
    assert "kitchen  Kitchen  0.1.0+7  idle" in table.lines([row])
    assert table.lines([row]).endswith("1 of 1 reachable, 1 could hold a turn.")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen("unreachable", "No route to host"), {"state": "unreachable", "reachable": False, "microphone": ""}),
        (Seen("failed", "no python"), {"state": "failed", "well": False}),
        (look(update={"sequence": 0, "state": "none"}, daemon=None, well=False), {"state": "not installed"}),
        (look(daemon=None, well=False), {"state": "down", "engine": "", "latency_ms": None}),
        (look(update=COMMITTED | {"state": "trial"}), {"state": "trial"}),
        (look(daemon=DAEMON | {"muted": True}), {"microphone": "muted", "speaker": "ok"}),
        (look(daemon=DAEMON | {"problems": ["The microphone is gone."]}), {"microphone": "The microphone is gone."}),
        (look(health={"red": [{"check": "speaker", "found": "No card."}]}),
         {"speaker": "No card.", "errors": ["speaker: No card."]}),
        (look(daemon=DAEMON | {"link": None, "last_turn": {}}), {"linked": None, "latency_ms": None}),
        (look(daemon=DAEMON | {"last_turn": {"latency_ms": 250}}), {"latency_ms": 250.0}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_in_the_row_and_below_the_table(seen: Seen, expected: dict[str, Any]) -> None:
    row = table.row("hall", "", seen)
    assert {key: row[key] for key in expected} == expected
    assert seen.why in table.lines([row])
    json.dumps(row)


def test_a_hot_one_is_noted() -> None:
    assert "hall: 85 degrees" in table.lines([table.row("hall", "", look(temperature=85.2))])


# ---- the relay ------------------------------------------------------------------------------------------------------


def test_codes_are_made_and_devices_revoked_at_a_real_relay(tmp_path: Path) -> None:
    with running(tmp_path) as relay:
        relay.device("kitchen", relay.person("Ann", owner=True))
        for wrong in ("evc_nonsense", relay.token("client", "a program that talks")):
            with pytest.raises(FleetError, match="does not take this token"):
                Relay(relay.url, wrong).enrolment_code()
        fleet = Relay(relay.url, relay.fleet_token())
        codes = {fleet.enrolment_code(), fleet.enrolment_code()}
        assert len(codes) == 2
        assert fleet.revoke("kitchen")
        assert not fleet.revoke("kitchen")
        assert not fleet.revoke("hall")


def test_a_relay_that_is_not_there() -> None:
    with pytest.raises(FleetError, match=r"http://127\.0\.0\.1:9 cannot be reached"):
        Relay("http://127.0.0.1:9", "evc_x").enrolment_code()


def test_what_is_wiped_has_every_link_into_a_release() -> None:
    import yaml  # of ansible-core

    wiped = yaml.safe_load((ROOT / "provision/ansible/roles/retirement/defaults/main.yml").read_text())
    links = {*PLACES.values(), *COMMANDS, RELAY_JIT}
    links |= {f"{SYSTEM}/{path.name}" for path in (ROOT / "systemd").iterdir() if path.suffix in {".service", ".timer"}}
    links |= {f"etc/systemd/user/{path.name}" for path in (ROOT / "systemd/user").iterdir()}
    gone = {path.removeprefix("/") for path in wiped["retirement_links"]}
    assert [link for link in sorted(links) if not {link, str(Path(link).parent)} & gone] == []


# ---- bundles --------------------------------------------------------------------------------------------------------

signed = pytest.mark.skipif(bool(evb.missing()), reason=evb.missing())


@signed
def test_the_newest_bundle_is_taken_and_only_one_that_is_signed(tmp_path: Path) -> None:
    key, other = evb.make_keys(tmp_path / "keys"), evb.make_keys(tmp_path / "keys", "other")
    maker = evb.Maker(tmp_path / "dist", key)
    (tmp_path / "dist").mkdir()
    for number in (9, 10):
        maker.make(number)
    public = [key.with_suffix(".pub")]
    assert bundles.open_bundle(None, public, tmp_path / "dist").sequence == 10
    assert bundles.open_bundle(tmp_path / "dist/edge-voice-0.9.0+9.evb", public).name == "0.9.0+9"
    with pytest.raises(FleetError, match=r"9\.evb: "):
        bundles.open_bundle(tmp_path / "dist/edge-voice-0.9.0+9.evb", [other.with_suffix(".pub")])
    with pytest.raises(Usage, match="There is no bundle in"):
        bundles.open_bundle(None, public, tmp_path)
    with pytest.raises(Usage, match="cannot be read"):
        bundles.open_bundle(tmp_path / "x.evb", public)


def test_the_updater_runs_from_one_file_that_is_always_the_same(tmp_path: Path) -> None:
    one, other = bundles.write_bootstrap(tmp_path / "a.pyz"), bundles.write_bootstrap(tmp_path / "b.pyz")
    assert one.read_bytes() == other.read_bytes()
    said = subprocess.run((sys.executable, "-I", one, "--help"), capture_output=True, text=True, check=True).stdout
    assert "edge-voice-update" in said


# ---- modules --------------------------------------------------------------------------------------------------------


RUNNER = """
import json, runpy, sys
from ansible.module_utils.testing import patch_module_args
with patch_module_args(json.load(sys.stdin)):
    runpy.run_path(sys.argv[1], run_name="__main__")
"""


def module(name: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """Run one as Ansible does, with its arguments on standard input."""
    given = {**options, "_ansible_check_mode": check}
    done = subprocess.run(
        (sys.executable, "-c", RUNNER, LIBRARY / f"{name}.py"), input=json.dumps(given), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_credentials_are_set_once_and_taken_away_when_they_are_not_listed(tmp_path: Path) -> None:
    def store(check: bool = False, **keys: str) -> dict[str, Any]:
        return module("edge_voice_credentials", check=check, keys=keys, root=str(tmp_path))

    drop_in = tmp_path / "etc/systemd/system/edge-voice.service.d/credentials.conf"
    assert store(check=True, openai_api_key="sk-1")["changed"]
    assert not drop_in.exists()
    first = store(openai_api_key="sk-1", acme_key="a b\n")
    assert (first["changed"], first["set"]) == (True, ["acme_key", "openai_api_key"])
    assert drop_in.read_text().count("LoadCredential") == 2
    files = list((tmp_path / "etc").glob("credstore*/*"))
    assert [path.stat().st_mode & 0o077 for path in files] == [0, 0]
    again = store(openai_api_key="sk-1", acme_key="a b\n")
    assert (again["changed"], again["set"], again["removed"]) == (False, [], [])
    assert store(openai_api_key="sk-2", acme_key="a b\n")["set"] == ["openai_api_key"]
    last = store()
    assert last["removed"] == ["acme_key", "openai_api_key"]
    assert not drop_in.exists()
    assert not list((tmp_path / "etc").glob("credstore*/*"))


def test_a_credential_has_a_name_and_a_value(tmp_path: Path) -> None:
    said = module("edge_voice_credentials", keys={"../x": "1", "empty": ""}, root=str(tmp_path))
    assert said["failed"]
    assert "../x, empty" in said["msg"]


UPDATER = f"""#!{sys.executable}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
if sys.argv[1] == "status":
    print(json.dumps({{"sequence": int((here / "now").read_text()), "state": "committed"}}))
    sys.exit(0)
(here / "said").write_text(" ".join(sys.argv[1:]))
code = int((here / "code").read_text())
if code == 0:
    (here / "now").write_text("5")
print("It is so.", file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("now", "code", "check", "changed", "failed"),
    [(4, 0, False, True, False), (4, 0, True, True, False), (5, 0, False, False, False), (6, 0, False, False, False),
     (4, 1, False, False, True), (4, 75, False, False, True)],
)  # fmt: skip
def test_the_update_module_says_what_the_updater_did(
    tmp_path: Path, *, now: int, code: int, check: bool, changed: bool, failed: bool
) -> None:
    """The script keeps to the updater's exit codes; the real one is behind it in test_fleet_playbook."""
    updater = tmp_path / "updater"
    updater.write_text(UPDATER)
    updater.chmod(0o755)
    (tmp_path / "now").write_text(str(now))
    (tmp_path / "code").write_text(str(code))
    said = module("edge_voice_update", check=check, bundle="/b.evb", sequence=5, updater=[str(updater)], now=True)
    assert (said.get("changed", False), said.get("failed", False)) == (changed, failed)
    assert said.get("not_now", False) == (code == 75)
    assert (tmp_path / "said").exists() == (not check and now < 5)
    if failed:
        assert said["msg"] == "It is so."
    assert said["edge_voice"]["update"]["sequence"] == (5 if (now, code, check) == (4, 0, False) else now)


def test_the_status_module_says_what_is_absent() -> None:
    said = module("edge_voice_status", updater="/nowhere/edge-voice-update")["edge_voice"]
    assert said["update"] == {"version": "", "sequence": 0, "state": "none"}


# ---- the command line -----------------------------------------------------------------------------------------------

FLEET = "[devices.kitchen]\n[devices.hall]\ngroups = ['office']\n[groups.office]\n[devices.old]\nretired = true\n"


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(FLEET)
    return path


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("status", "kitchn"), 2, "There is no device 'kitchn' in"),
        (("status", "--group", "ofice"), 2, "Did you mean office?"),
        (("rollback",), 2, "Say which devices"), (("exec", "kitchen"), 2, "Say what to run, after --"),
        (("exec", "--all", "--", "true"), 2, "`true` is run on 2 devices. Without a terminal, say so with --yes."),
        (("enrol",), 2, "None of these devices has relay = true."), (("update",), 1, "fleet.keys names no public key"),
        (("retire", "kitchen"), 2, "kitchen: revoked, and wiped. Without a terminal"),
        (("secrets",), 2, "Set fleet.secrets"), (("apply", "--bundle", "/x.evb"), 2, "/x.evb cannot be read"),
        (("retire", "kitchen", "--lost", "--yes"), 0, "must be changed there"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_a_line(
    fleet: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    assert main(["--fleet", str(fleet), *words]) == code
    told = capsys.readouterr()
    assert said in told.out + told.err
    assert "Traceback" not in told.err


def test_the_inventory_has_those_that_are_meant(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def hosts(*words: str) -> list[str]:
        assert main(["--fleet", str(fleet), "inventory", *words]) == 0
        return sorted(json.loads(capsys.readouterr().out)["all"]["hosts"])

    assert hosts() == ["hall", "kitchen"]
    assert hosts("--group", "office") == ["hall"]
    assert hosts("old", "kitchen") == ["kitchen", "old"]


def test_a_fleet_that_cannot_be_reached_is_listed(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.write_text(FLEET.replace("[devices.kitchen]\n", '[devices.kitchen]\naddress = "127.0.0.1"\nport = 9\n'))
    assert main(["--fleet", str(fleet), "status", "kitchen"]) == 1
    said = capsys.readouterr().out
    assert "unreachable" in said
    assert "0 of 1 reachable" in said
    assert main(["--fleet", str(fleet), "status", "kitchen", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["state"] == "unreachable"


def test_two_commands_from_a_fresh_checkout() -> None:
    """The launcher is provision/dev's, which sets up what it needs."""
    launcher = ROOT / "provision/fleet"
    assert os.access(launcher, os.X_OK)
    assert '/dev" fleet "$@"' in launcher.read_text()
    assert (
        "fleet" in subprocess.run((ROOT / "provision/dev", "help"), capture_output=True, text=True, check=True).stdout
    )
